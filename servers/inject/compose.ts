/**
 * What qmail-inject makes of a message's header: addresses completed, Bcc and kin removed, what is missing added, and
 * the envelope. Pure over the header and what the caller found out about user and host [man qmail-inject.9].
 */
import { formatPhrase } from "../../mail/address/format.ts";
import { formatQmailDate } from "../../mail/date.ts";
import { type HostDefaults, qualifyAddress, qualifyHost, rewriteAddressField } from "./addresses.ts";
import type { InjectedField } from "./header_fields.ts";

/** Where recipients come from: arguments, header, whichever there is, both (options a, h, A, H). */
export type RecipientSource = "arguments" | "header" | "either" | "both";

/** Everything that shapes the result. */
export interface ComposeInput {
  readonly fields: readonly InjectedField[];
  readonly defaults: HostDefaults;
  readonly idHost: string;
  readonly recipients: readonly string[];
  readonly source: RecipientSource;
  /** Option -f: the envelope sender. */
  readonly sender?: string | undefined;
  readonly user: string;
  readonly host?: string | undefined;
  readonly name?: string | undefined;
  /** User and host of the default envelope sender, when not those of From. */
  readonly senderUser?: string | undefined;
  readonly senderHost?: string | undefined;
  /** Letters of QMAILINJECT: c, s, f, i, r, m. */
  readonly letters: ReadonlySet<string>;
  /** Addresses of mailing lists (QMAILMFTFILE), in lower case. */
  readonly lists: ReadonlySet<string>;
  readonly nowMs: number;
  readonly pid: number;
}

/** A message ready for the queue. */
export interface Composed {
  /** The header, LF-ended lines, without the empty line. */
  readonly header: string;
  readonly sender: string;
  readonly recipients: readonly string[];
}

const RECIPIENT_FIELDS: ReadonlySet<string> = new Set(["to", "cc", "bcc", "apparently-to"]);
const RESENT_RECIPIENT_FIELDS: ReadonlySet<string> = new Set(["resent-to", "resent-cc", "resent-bcc"]);
const SENDER_FIELDS: ReadonlySet<string> = new Set([
  "sender",
  "from",
  "reply-to",
  "return-path",
  "return-receipt-to",
  "errors-to",
  "resent-sender",
  "resent-from",
  "resent-reply-to",
]);
const RESENT = /^resent-(?:sender|from|reply-to|to|cc|bcc|date|message-id)$/;
const REMOVED: ReadonlySet<string> = new Set(["bcc", "resent-bcc", "return-path", "content-length"]);

/** The completed header and the envelope. */
export function composeMessage(input: ComposeInput): Composed {
  const { fields, defaults, letters } = input;
  const seen = new Set(fields.map(({ name }) => name));
  const resent = fields.some(({ name }) => RESENT.test(name));
  if (letters.has("f")) seen.delete(resent ? "resent-from" : "from");
  if (letters.has("i")) seen.delete(resent ? "resent-message-id" : "message-id");
  const headerRecipients: string[] = [];
  const followUp: string[] = [];
  let returnPath: string | undefined;
  let kept = "";
  for (const field of fields) {
    const { name } = field;
    const isRecipient = RECIPIENT_FIELDS.has(name) || RESENT_RECIPIENT_FIELDS.has(name);
    if (name === "return-path") {
      returnPath = returnPathOf(field, defaults);
      continue;
    }
    let { raw } = field;
    if (isRecipient || SENDER_FIELDS.has(name)) {
      const rewritten = rewriteAddressField(field, defaults);
      raw = rewritten.raw;
      if ((resent ? RESENT_RECIPIENT_FIELDS : RECIPIENT_FIELDS).has(name)) {
        headerRecipients.push(...rewritten.addresses);
      }
      if (name === "to" || name === "cc") followUp.push(...rewritten.addresses);
    }
    if (!REMOVED.has(name) && !isReplaced(name, { resent, letters })) kept += raw;
  }
  const added = addedFields(input, { seen, resent }) + followUpField(input, seen, followUp);
  return {
    header: added + kept,
    sender: envelopeSender(input, returnPath),
    recipients: chooseRecipients(input, headerRecipients),
  };
}

function isReplaced(
  name: string,
  { resent, letters }: { readonly resent: boolean; readonly letters: ReadonlySet<string> },
): boolean {
  const prefix = resent ? "resent-" : "";
  return (letters.has("f") && name === `${prefix}from`) || (letters.has("i") && name === `${prefix}message-id`);
}

function returnPathOf(field: InjectedField, defaults: HostDefaults): string {
  return rewriteAddressField(field, defaults).addresses[0] ?? "";
}

function chooseRecipients(input: ComposeInput, headerRecipients: readonly string[]): string[] {
  const given = input.recipients.map((address) => qualifyAddress(address, input.defaults));
  switch (input.source) {
    case "arguments":
      return given;
    case "header":
      return [...headerRecipients];
    case "either":
      return given.length > 0 ? given : [...headerRecipients];
    case "both":
      return [...headerRecipients, ...given];
  }
}

/** Date, Message-ID, From and Cc (or their Resent- forms) where they are missing. */
function addedFields(
  input: ComposeInput,
  { seen, resent }: { readonly seen: ReadonlySet<string>; readonly resent: boolean },
): string {
  const prefix = resent ? "Resent-" : "";
  const lacks = (name: string) => !seen.has(`${prefix}${name}`.toLowerCase());
  let text = "";
  if (lacks("date")) text += `${prefix}Date: ${formatQmailDate(input.nowMs)}\n`;
  if (lacks("message-id")) text += `${prefix}Message-ID: ${messageId(input)}\n`;
  if (lacks("from")) text += `${prefix}From: ${defaultFrom(input)}\n`;
  if (lacks("to") && lacks("cc")) text += `${prefix}Cc: recipient list not shown: ;\n`;
  return text;
}

function messageId({ nowMs, pid, idHost }: ComposeInput): string {
  const stamp = new Date(nowMs).toISOString().replace(/\D/g, "").slice(0, 14);
  return `<${stamp}.${pid}.qmail@${idHost}>`;
}

function defaultFrom(input: ComposeInput): string {
  const address = `${input.user}@${qualifyHost(input.host ?? "", input.defaults)}`;
  if (!input.name) return address;
  if (input.letters.has("c")) return `${address} (${input.name.replace(/[()\\]/g, "\\$&")})`;
  return `${formatPhrase(input.name)} <${address}>`;
}

function followUpField(input: ComposeInput, seen: ReadonlySet<string>, addresses: readonly string[]): string {
  if (seen.has("mail-followup-to") || !addresses.some((address) => input.lists.has(address.toLowerCase()))) return "";
  return `Mail-Followup-To: ${addresses.join(",\n ")}\n`;
}

/** The envelope sender: -f, else Return-Path, else the environment; then per message and per recipient marks. */
function envelopeSender(input: ComposeInput, returnPath: string | undefined): string {
  const { letters, defaults } = input;
  if (input.sender !== undefined) {
    const given = input.sender.replace(/^<(.*)>$/, "$1");
    return given === "" || given === "#@[]" ? given : qualifyAddress(given, defaults);
  }
  if (returnPath !== undefined && !letters.has("s")) return returnPath;
  let user = input.senderUser ?? input.user;
  let host = qualifyHost(input.senderHost ?? input.host ?? "", defaults);
  if (letters.has("m")) user += `-${Math.floor(input.nowMs / 1000)}.${input.pid}`;
  if (letters.has("r")) {
    user += "-";
    host += "-@[]";
  }
  return `${user}@${host}`;
}
