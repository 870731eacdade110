/** The automatic answer: its header, the text with what its % signs stand for, and a copy of the message. Latin1 text. */
import { formatDate } from "../../mail/date.ts";
import type { Header } from "../../mail/header/header.ts";
import { headerAddress, headerText } from "./header_text.ts";

/** Everything that shapes the answer. */
export interface AutoReply {
  /** The header of the message that is answered. */
  readonly header: Header;
  /** The text as the user wrote it. */
  readonly text: string;
  readonly sender: string;
  /** The user's address. */
  readonly recipient: string;
  /** The value of From. */
  readonly from: string;
  /** What stands before the subject of the message, or instead of it. */
  readonly subject: { readonly prefix: string } | { readonly fixed: string };
  /** A Content-Type field, or its value. */
  readonly contentType: string | undefined;
  /** Set: a copy of the message follows, in an answer of several parts. */
  readonly boundary: string | undefined;
  readonly nowMs: number;
}

/** Where the message has no subject. */
const NO_SUBJECT = "Your mail";
const UNKNOWN_MAILER = "unknown";

/** Replaces the % signs of the text [man autoresponder.1]. */
export function expandText(reply: Pick<AutoReply, "header" | "text" | "recipient" | "nowMs">): string {
  const value = (name: string) => reply.header.value(name) ?? "";
  const values: Readonly<Record<string, () => string>> = {
    S: () => value("subject") || NO_SUBJECT,
    D: () => value("date"),
    d: () => formatDate(reply.nowMs),
    t: () => reply.recipient,
    T: () => value("to"),
    C: () => value("cc"),
    B: () => value("bcc"),
    F: () => value("from"),
    R: () => value("return-path"),
    r: () => value("x-bogosity"),
    M: () => value("user-agent") || value("x-mailer") || UNKNOWN_MAILER,
    m: () => value("message-id"),
    "%": () => "%",
  };
  return reply.text.replace(/%([SDdtTCBFRrMm%])/g, (_, letter: string) => values[letter]!());
}

/** A Content-Type field of what option -T gave. */
function contentTypeField(text: string): string {
  const value = text.trim().replace(/\n(?![ \t])/g, "\n ");
  return /^content-type\s*:/i.test(value) ? `${value}\n` : `Content-Type: ${value}\n`;
}

/** The answer up to where the copy of the message begins, if there is one. */
export function autoReplyStart(reply: AutoReply): string {
  const { header, boundary } = reply;
  const messageId = headerText(header.value("message-id") ?? "");
  const subject = "fixed" in reply.subject
    ? reply.subject.fixed
    : reply.subject.prefix + (header.value("subject") ?? NO_SUBJECT);
  const contentType = reply.contentType === undefined ? "" : contentTypeField(reply.contentType);
  const fields = "Auto-Submitted: auto-replied\n" +
    `Date: ${formatDate(reply.nowMs)}\n` +
    `From: ${headerText(reply.from)}\n` +
    `To: ${headerAddress(reply.sender)}\n` +
    (messageId === "" ? "" : `In-Reply-To: ${messageId}\nReferences: ${messageId}\n`) +
    `Subject: ${headerText(subject)}\n`;
  const text = expandText(reply);
  if (boundary === undefined) {
    return `${fields}${contentType === "" ? "" : `MIME-Version: 1.0\n${contentType}`}\n${text}`;
  }
  return `${fields}MIME-Version: 1.0\nContent-Type: multipart/mixed;\n\tboundary="${boundary}"\n\n` +
    `--${boundary}\n${contentType}\n${
      text.endsWith("\n") ? text : `${text}\n`
    }\n--${boundary}\nContent-Type: message/rfc822\n\n`;
}

/** What follows the copy of the message. */
export function autoReplyEnd(boundary: string): string {
  return `\n--${boundary}--\n`;
}
