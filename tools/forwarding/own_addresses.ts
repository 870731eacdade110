/**
 * The addresses by which a delivery's user is known: the envelope recipient, and, where that begins with the prefix of a
 * virtual domain, the address without it; and the aliases of this host by which a message came to the user, as our own
 * forwards tell. Latin1 text [man qmail-command.8] [man qmail-send.9].
 */
import type { Header } from "../../mail/header/header.ts";

/** A mail domain in front of a dash, as virtual domains put it before the user's name. */
const DOMAIN_PREFIX = /^[^@-]*(?:-[^@.-]+)*[.][^@]*-$/;

/** The plain address first, the recipient as it is in the environment last; none when RECIPIENT is not set. */
export function ownAddresses(variable: (name: string) => string | undefined): string[] {
  const recipient = variable("RECIPIENT");
  if (recipient === undefined) return [];
  const { local, host } = splitAddress(recipient);
  const plain = withoutPrefix(local, variable("HOST") ?? host, variable("EXT"));
  return plain === local ? [recipient] : [`${plain}@${host}`, recipient];
}

/** Aliases that lead to one another. Ours. */
const ALIASES_MAX = 100;
/** What our forward of an address that has no mailbox and leads to one recipient begins with (mail/received.ts). */
const ALIAS_RECEIVED = /^indimail-mta queue \d+(?: by host \S+)? \(invoked by alias\);/;

/**
 * The aliases by which a message came: those that this host has forwarded it from, each leading to the next and to nobody
 * else, the last to the user. A peer cannot claim one: above what it sent stands a Received line of the server.
 */
export function aliasAddresses(header: Header): string[] {
  const found: string[] = [];
  for (const [at, field] of header.fields.entries()) {
    if (field.name !== "received") continue;
    const next = header.fields[at + 1];
    if (next?.name !== "delivered-to" || !ALIAS_RECEIVED.test(header.valueOf(field))) break;
    const address = header.valueOf(next);
    const { local, host } = splitAddress(address);
    found.push(address, `${withoutPrefix(local, host, undefined)}@${host}`);
    if (found.length >= 2 * ALIASES_MAX) break;
  }
  return found;
}

function splitAddress(address: string): { readonly local: string; readonly host: string } {
  const at = address.lastIndexOf("@");
  return at < 0 ? { local: address, host: "" } : { local: address.slice(0, at), host: address.slice(at + 1) };
}

function withoutPrefix(local: string, host: string, extension: string | undefined): string {
  if (host !== "" && local.length > host.length + 1 && local.toLowerCase().startsWith(`${host.toLowerCase()}-`)) {
    return local.slice(host.length + 1);
  }
  if (extension && local.endsWith(`-${extension}`)) { // a domain that stands for another has that one's name here
    const prefix = local.slice(0, local.length - extension.length);
    if (DOMAIN_PREFIX.test(prefix)) return extension;
  }
  return local;
}
