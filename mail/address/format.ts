/**
 * Addresses as header text: quoted where they must be, and no more. Text is latin1 in and out; folding is the caller's.
 */
import type { MailAddress, Mailbox } from "./parse.ts";

/** Text that needs no quotes: an atom with dots [rfc5322 3.2.3]; 8-bit characters stay bare. */
const DOT_ATOM = /^[!#-'*+\-/-9=?A-Z^-~\x80-\xff]+(?:\.[!#-'*+\-/-9=?A-Z^-~\x80-\xff]+)*$/;
/** Atoms with single blanks between them. */
const PHRASE = /^[!#-'*+\-/-9=?A-Z^-~\x80-\xff]+(?: [!#-'*+\-/-9=?A-Z^-~\x80-\xff]+)*$/;

/** `local@domain`, the local part quoted where it needs it; without the @ where the domain is empty. */
export function formatAddrSpec(local: string, domain: string): string {
  const left = DOT_ATOM.test(local) ? local : quoteText(local);
  return domain === "" ? left : `${left}@${domain}`;
}

/** A mailbox: bare, or with name or route in angle brackets. */
export function formatMailbox(mailbox: Mailbox): string {
  const address = formatAddrSpec(mailbox.local, mailbox.domain);
  if (mailbox.name === "" && mailbox.route === "") return address;
  const angle = mailbox.route === "" ? `<${address}>` : `<${mailbox.route}:${address}>`;
  return mailbox.name === "" ? angle : `${formatPhrase(mailbox.name)} ${angle}`;
}

/** One entry of a list. */
export function formatAddress(address: MailAddress): string {
  if (address.kind === "mailbox") return formatMailbox(address);
  const members = address.members.map(formatMailbox).join(", ");
  return `${formatPhrase(address.name)}:${members === "" ? "" : ` ${members}`};`;
}

/** A list, entries separated by a comma and a blank. */
export function formatAddressList(addresses: readonly MailAddress[]): string {
  return addresses.map(formatAddress).join(", ");
}

/** A display name: as it is, or as a quoted string. */
export function formatPhrase(name: string): string {
  return PHRASE.test(name) ? name : quoteText(name);
}

/** A quoted string; line ends and NUL become blanks [rfc5322 3.2.4]. */
export function quoteText(text: string): string {
  return `"${text.replace(/[\r\n\0]+/g, " ").replace(/["\\]/g, "\\$&")}"`;
}
