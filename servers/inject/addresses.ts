/**
 * How qmail-inject makes addresses complete: default host, default domain, plus domain, no source routes, and commas
 * where blanks stood between addresses. Pure; a field that needs no change keeps its bytes [man qmail-header.5].
 */
import { formatAddress } from "../../mail/address/format.ts";
import { type MailAddress, type Mailbox, parseAddressList } from "../../mail/address/parse.ts";
import { fieldValue, type InjectedField } from "./header_fields.ts";

/** The names that complete a host. */
export interface HostDefaults {
  readonly defaultHost: string;
  readonly defaultDomain: string;
  readonly plusDomain: string;
}

/** Line length at which a rewritten field is folded. */
const FOLD_CHARS = 76;

/** A host name made complete. */
export function qualifyHost(host: string, defaults: HostDefaults): string {
  const name = (host === "" ? defaults.defaultHost : host).replace(/\.$/, "");
  if (name.startsWith("[")) return name;
  if (name.endsWith("+")) return `${name.slice(0, -1)}.${defaults.plusDomain}`;
  return name.includes(".") ? name : `${name}.${defaults.defaultDomain}`;
}

/** An address given as an argument, complete: `joe`, `joe@host`. */
export function qualifyAddress(address: string, defaults: HostDefaults): string {
  const at = address.lastIndexOf("@");
  return at < 0
    ? `${address}@${qualifyHost("", defaults)}`
    : `${address.slice(0, at)}@${qualifyHost(address.slice(at + 1), defaults)}`;
}

/** The addresses of a field, complete, and the field with them. */
export interface RewrittenField {
  readonly raw: string;
  /** `local@host`, groups opened. */
  readonly addresses: readonly string[];
}

/** Completes the addresses of a field. */
export function rewriteAddressField(field: InjectedField, defaults: HostDefaults): RewrittenField {
  const value = fieldValue(field);
  const plain = !/[<("]/.test(value);
  let changed = false;
  const complete = (mailbox: Mailbox): Mailbox => {
    if (mailbox.local === "" && mailbox.domain === "") return mailbox; // <> stays
    const domain = qualifyHost(mailbox.domain, defaults);
    if (domain === mailbox.domain && mailbox.route === "") return mailbox;
    changed = true;
    return { ...mailbox, domain, route: "" };
  };
  const split = (mailbox: Mailbox): Mailbox[] => {
    if (!plain || mailbox.name === "") return [complete(mailbox)];
    changed = true;
    const names = mailbox.name.split(/\s+/).map((text) => splitPlain(text));
    return [...names, { ...mailbox, name: "" }].map(complete);
  };
  const list: MailAddress[] = parseAddressList(value).flatMap((address): MailAddress[] =>
    address.kind === "group" ? [{ ...address, members: address.members.flatMap(split) }] : split(address)
  );
  const mailboxes = list.flatMap((address) => address.kind === "group" ? address.members : [address]);
  const addresses = mailboxes.filter(({ local, domain }) => local !== "" || domain !== "").map((mailbox) =>
    `${mailbox.local}@${mailbox.domain}`
  );
  return { raw: changed ? formatField(field, list) : field.raw, addresses };
}

function splitPlain(text: string): Mailbox {
  const at = text.lastIndexOf("@");
  const local = at < 0 ? text : text.slice(0, at);
  return { kind: "mailbox", name: "", route: "", local, domain: at < 0 ? "" : text.slice(at + 1) };
}

/** A field with other addresses, one a line where they do not fit. */
function formatField(field: InjectedField, list: readonly MailAddress[]): string {
  let text = field.raw.slice(0, field.raw.indexOf(":") + 1);
  let lineChars = text.length;
  for (const [at, address] of list.entries()) {
    const item = `${formatAddress(address)}${at < list.length - 1 ? "," : ""}`;
    if (at > 0 && lineChars + item.length + 1 > FOLD_CHARS) {
      text += "\n ";
      lineChars = 1;
    } else {
      text += " ";
      lineChars++;
    }
    text += item;
    lineChars += item.length;
  }
  return `${text}\n`;
}
