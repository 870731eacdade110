/**
 * SMTP replies as the wire has them. Whatever text a reply is made of, it stays one line of printable ASCII.
 */
import type { SmtpReply } from "./replies.ts";

/** Characters of a reply's text: with code and CRLF within 512 [rfc5321 4.5.3.1.5]. */
const TEXT_CHARS_MAX = 480;

function line(text: string): string {
  const short = text.length > TEXT_CHARS_MAX ? text.slice(0, TEXT_CHARS_MAX) : text;
  return /[^ -~]/.test(short) ? short.replace(/[^ -~]/g, "?") : short;
}

/** The lines of a reply, each with CRLF. */
export function formatReply(reply: SmtpReply): string {
  const text = `${reply.code} ${reply.enhanced === undefined ? "" : `${reply.enhanced} `}${line(reply.text)}\r\n`;
  if (!reply.before) return text;
  const prefix = `${reply.code}-${reply.enhanced === undefined ? "" : `${reply.enhanced} `}`;
  return reply.before.map((earlier) => `${prefix}${line(earlier)}\r\n`).join("") + text;
}
