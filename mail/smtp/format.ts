/**
 * SMTP replies as the wire has them, and messages as they go over it. Whatever text a reply is made of, it stays one
 * line of printable ASCII.
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

const LF = 10;
const CR = 13;
const DOT = 46;

/**
 * A message in LF form on its way to the wire: CRLF line ends, dots doubled at the beginnings of lines, and at the end
 * CRLF.CRLF. Bytes other than LF are passed as they are, so a CR before an LF is not doubled [rfc5321 4.5.2].
 */
export class DotStuffer {
  #atLineStart = true;
  #afterCr = false;

  /** The wire form of the next bytes; `into` must hold twice their length plus 2. Returns the count written. */
  stuff(bytes: Uint8Array, into: Uint8Array): number {
    let to = 0;
    for (let from = 0; from < bytes.length;) {
      if (this.#atLineStart && bytes[from] === DOT) into[to++] = DOT;
      const lf = bytes.indexOf(LF, from);
      const end = lf < 0 ? bytes.length : lf;
      if (end > from) {
        into.set(bytes.subarray(from, end), to);
        to += end - from;
        this.#afterCr = bytes[end - 1] === CR;
      }
      this.#atLineStart = lf >= 0;
      if (lf < 0) break;
      if (!this.#afterCr) into[to++] = CR;
      into[to++] = LF;
      this.#afterCr = false;
      from = lf + 1;
    }
    return to;
  }

  /** What ends the message: a line end is added when the last line has none. */
  end(): Uint8Array {
    return this.#atLineStart ? END_OF_DATA : END_OF_DATA_AFTER_LINE;
  }
}

const END_OF_DATA = new Uint8Array([DOT, CR, LF]);
const END_OF_DATA_AFTER_LINE = new Uint8Array([CR, LF, DOT, CR, LF]);
