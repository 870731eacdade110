/**
 * Which messages an automatic answer is not sent to: mail of machines and lists, and mail that is not addressed to the
 * user [man autoresponder.1] [rfc3834 2]. Pure; text is latin1.
 */
import type { Header } from "../../mail/header/header.ts";
import { headerAddresses, isMatch } from "./wanted_addresses.ts";

/** Fields that only mailing lists write. */
const LIST_FIELD = /^(?:list-[a-z-]+|mailing-list|x-mailing-list|x-ml-name)$/;
/** Precedences of mail to many. */
const BULK = /^(?:junk|bulk|list)\b/i;
const RECIPIENT_FIELDS: ReadonlySet<string> = new Set(["to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc"]);

/** Why nobody answers mail of this envelope sender; undefined when it may be answered. */
export function senderObjection(sender: string): string | undefined {
  const address = sender.toLowerCase();
  if (address === "") return "SENDER is empty: it is a bounce";
  if (address === "#@[]") return "SENDER is that of a double bounce";
  const at = address.lastIndexOf("@");
  const local = at < 0 ? address : address.slice(0, at);
  if (local === "mailer-daemon") return "SENDER is a mail system";
  if (at < 0) return "SENDER has no host";
  if (local.endsWith("-request") || local.startsWith("owner-") || local.endsWith("-owner")) {
    return "SENDER is the owner of a list";
  }
  return undefined;
}

/** What the header is held against. */
export interface AutoReplyQuestion {
  /** The user's addresses; `@domain` stands for all of a domain. */
  readonly own: readonly string[];
  /** Answer although the user is not in To, Cc, Bcc or their Resent- forms. */
  readonly lax: boolean;
}

/** Why a message with this header is not answered; undefined when it may be. */
export function headerObjection(header: Header, question: AutoReplyQuestion): string | undefined {
  const list = header.fields.find(({ name }) => LIST_FIELD.test(name));
  if (list) return `the message comes from a mailing list (field ${list.name})`;
  const submitted = header.value("auto-submitted");
  if (submitted !== undefined && !/^no(?:[\s;(]|$)/i.test(submitted)) {
    return "the message was written by a program (Auto-Submitted)";
  }
  if (BULK.test(header.value("precedence") ?? "")) return "the message went to many (Precedence)";
  if (/^yes,?/i.test(header.value("x-bogosity") ?? "")) return "the message is spam (X-Bogosity)";
  if (question.lax || isAddressed(header, question.own)) return undefined;
  return "the message is not addressed to the recipient";
}

function isAddressed(header: Header, own: readonly string[]): boolean {
  const wanted = own.map((address) => address.toLowerCase());
  const named = headerAddresses(header, RECIPIENT_FIELDS);
  if (named.some((address) => wanted.some((one) => isMatch(address, one)))) return true;
  // what qmail-inject writes when all recipients are blind ones
  return header.fields.some((field) =>
    RECIPIENT_FIELDS.has(field.name) && /^recipient list not shown\s*:/i.test(header.valueOf(field))
  );
}

/** Whether the message has been here: it has the delivery's own Delivered-To line. */
export function isLooping(header: Header, deliveredToLine: string): boolean {
  const line = deliveredToLine.trimEnd().toLowerCase();
  return header.all("delivered-to").some((field) => header.rawOf(field).trimEnd().toLowerCase() === line);
}
