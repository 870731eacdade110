/**
 * ENVELOPE of a message [rfc3501 7.4.2]: made once when a message enters the index, then copied. Values are unfolded, encoded
 * words stay; 8-bit text goes as a literal.
 */
import { latin1Text } from "../../core/bytes.ts";
import { type MailAddress, type Mailbox, parseAddressList } from "../address/parse.ts";
import { Header } from "../header/header.ts";
import { formatNstring, formatString, textBytes } from "./format.ts";

/** The parenthesised list, as bytes. `header`: parsed, or its bytes. */
export function imapEnvelope(header: Header | Uint8Array): Uint8Array<ArrayBuffer> {
  return textBytes(envelopeText(header instanceof Header ? header : new Header(header)));
}

/** The parenthesised list, as latin1 text. */
export function envelopeText(header: Header): string {
  const values = new Map<string, string>();
  for (const field of header.fields) {
    if (!ENVELOPE_FIELDS.has(field.name)) continue;
    const value = header.valueOf(field);
    const before = values.get(field.name);
    // several address fields of one name are read as one list, of the others the first counts
    if (before === undefined) values.set(field.name, value);
    else if (ADDRESS_FIELDS.has(field.name)) values.set(field.name, `${before}, ${value}`);
  }
  const from = addressList(values.get("from"));
  const sender = addressList(values.get("sender"));
  const replyTo = addressList(values.get("reply-to"));
  return `(${formatNstring(values.get("date"))} ${formatNstring(values.get("subject"))} ${from} ${
    sender === "NIL" ? from : sender
  } ${replyTo === "NIL" ? from : replyTo} ${addressList(values.get("to"))} ${addressList(values.get("cc"))} ${
    addressList(values.get("bcc"))
  } ${formatNstring(values.get("in-reply-to"))} ${formatNstring(values.get("message-id"))})`;
}

/** The fields that hold lists of addresses. */
export const ADDRESS_FIELDS: ReadonlySet<string> = new Set(["from", "sender", "reply-to", "to", "cc", "bcc"]);
const ENVELOPE_FIELDS = new Set([...ADDRESS_FIELDS, "date", "subject", "in-reply-to", "message-id"]);

/** One plain address as most are: a name of words or in quotes, or none; nothing in it needs an escape. */
const PLAIN =
  /(?:(?:"([ !#-[\]-~]+)"|([!#-'*+\-/-9=?A-Z^-~]+(?: [!#-'*+\-/-9=?A-Z^-~]+)*)) <|<|)([!#-'*+\-.-9=?A-Z^-~]+)@([A-Za-z0-9.-]+)(>?)(?:, *|$)/y;

/** The rows of a list of plain addresses, faster than the parser; undefined when something in it is not plain. */
function plainAddresses(value: string): string | undefined {
  let text = "";
  for (let at = 0; at < value.length; at = PLAIN.lastIndex) {
    PLAIN.lastIndex = at;
    const found = PLAIN.exec(value);
    if (!found) return undefined;
    const name = found[1] ?? found[2];
    // an angle bracket opens exactly where one closes
    const opens = name !== undefined || value.charCodeAt(at) === 60;
    if (opens !== (found[5] === ">")) return undefined;
    text += `(${name === undefined ? "NIL" : `"${name}"`} NIL "${found[3]}" "${found[4]}")`;
  }
  return text;
}

function addressList(value: string | undefined): string {
  if (value === undefined || value === "") return "NIL";
  const plain = plainAddresses(value);
  if (plain !== undefined) return `(${plain})`;
  const text = parseAddressList(value).map(addressText).join("");
  return text === "" ? "NIL" : `(${text})`;
}

/** A group begins with a row that has its name and ends with one that has nothing [rfc3501 7.4.2]. */
function addressText(address: MailAddress): string {
  if (address.kind === "mailbox") return mailboxText(address);
  return `(NIL NIL ${formatString(address.name)} NIL)${address.members.map(mailboxText).join("")}(NIL NIL NIL NIL)`;
}

/** A host of NIL would mean a group, so an address without one has the empty string. */
function mailboxText(mailbox: Mailbox): string {
  const name = mailbox.name === "" ? "NIL" : formatString(mailbox.name);
  const route = mailbox.route === "" ? "NIL" : formatString(mailbox.route);
  return `(${name} ${route} ${formatString(mailbox.local)} ${formatString(mailbox.domain)})`;
}

/** Date and Subject of an ENVELOPE that begins there, as a header: they stand first in it, and as they were. */
export function headerOfEnvelope(bytes: Uint8Array, start: number): Header {
  const date = readNstring(bytes, start + 1);
  const subject = readNstring(bytes, date.end + 1);
  const field = (name: string, { text }: Nstring) => text === undefined ? "" : `${name}: ${text}\n`;
  return new Header(field("Date", date) + field("Subject", subject));
}

interface Nstring {
  readonly text: string | undefined;
  readonly end: number;
}

const QUOTE = 34;
const BACKSLASH = 92;
const BRACE = 123;

/** A string as formatNstring writes it. */
function readNstring(bytes: Uint8Array, start: number): Nstring {
  if (bytes[start] === QUOTE) {
    let end = start + 1;
    let escaped = false;
    for (; bytes[end] !== QUOTE && end < bytes.length; end++) {
      if (bytes[end] !== BACKSLASH) continue;
      escaped = true;
      end++;
    }
    const text = latin1Text(bytes.subarray(start + 1, end));
    return { text: escaped ? text.replace(/\\([^])/g, "$1") : text, end: end + 1 };
  }
  if (bytes[start] !== BRACE) return { text: undefined, end: start + "NIL".length };
  const digitsEnd = bytes.indexOf(BRACE + 2, start);
  const from = digitsEnd + "}\r\n".length;
  const end = from + Number(latin1Text(bytes.subarray(start + 1, digitsEnd)));
  return { text: latin1Text(bytes.subarray(from, end)), end };
}
