/**
 * Paths of MAIL and RCPT as envelope addresses: source routes dropped, quoting undone, as qmail keeps them. Texts are
 * latin1, one character a byte; 8-bit bytes pass, control characters do not [rfc5321 4.1.2].
 */
import { ADDRESS_BYTES_MAX } from "./limits.ts";

/** A path, and what follows it on the line. */
export interface ParsedPath {
  /** `local@domain` without quoting, `local` alone, or empty for `<>`. */
  readonly address: string;
  readonly rest: string;
}

/** Why a path cannot be taken. */
export interface BadPath {
  readonly reason: string;
}

// deno-lint-ignore no-control-regex -- control characters are what it looks for
const CONTROL = /[\x00-\x1f\x7f]/;
/** The common case: nothing quoted, no route, one @. */
const PLAIN = /^<([!#-'*+\-./0-9=?A-Z^-~]+(?:@[!#-'*+\-./0-9=?A-Z^-~]+)?|)>/;

/**
 * Reads a path at the beginning of `text` (after `FROM:` or `TO:`). Without angle brackets it ends at the first blank, as
 * the original allows.
 */
export function parsePath(text: string): ParsedPath | BadPath {
  const plain = PLAIN.exec(text);
  if (plain) return checked(plain[1]!, text.slice(plain[0].length));
  const from = text.search(/[^ ]/);
  if (from < 0) return { reason: "address is missing" };
  const bracketed = text[from] === "<";
  let at = bracketed ? from + 1 : from;
  if (text[at] === "@") {
    const colon = text.indexOf(":", at);
    if (colon < 0) return { reason: "source route without an address" };
    at = colon + 1;
  }
  let address = "";
  let quoted = false;
  let domainAt = -1;
  for (; at < text.length; at++) {
    const char = text[at]!;
    if (char === "\\" && domainAt < 0) {
      if (++at >= text.length) return { reason: "address ends in a backslash" };
      address += text[at];
    } else if (char === '"') quoted = !quoted;
    else if (quoted) address += char;
    else if (char === ">" && bracketed) break;
    else if (char === " ") {
      if (bracketed) return { reason: "blank in the address" };
      break;
    } else if (char === "<" || (char === ">" && !bracketed)) return { reason: `${char} in the address` };
    else {
      if (char === "@") domainAt = address.length;
      address += char;
    }
  }
  if (quoted) return { reason: "quote that is not closed in the address" };
  if (bracketed && at >= text.length) return { reason: "> is missing after the address" };
  return checked(address, text.slice(bracketed ? at + 1 : at));
}

function checked(address: string, rest: string): ParsedPath | BadPath {
  if (address.length > ADDRESS_BYTES_MAX) return { reason: `address is longer than ${ADDRESS_BYTES_MAX} bytes` };
  if (CONTROL.test(address)) return { reason: "control character in the address" };
  if (address.endsWith("@")) return { reason: "domain is missing in the address" };
  if (rest !== "" && !rest.startsWith(" ")) return { reason: "no blank after the address" };
  return { address, rest };
}

/** An address as it stands between angle brackets: the local part quoted when it has to be [rfc5321 4.1.2]. */
export function formatPath(address: string): string {
  const at = address.lastIndexOf("@");
  const local = at < 0 ? address : address.slice(0, at);
  const domain = at < 0 ? "" : address.slice(at);
  if (/^[!#-'*+\-/-9=?A-Z^-~\x80-\xff]+(\.[!#-'*+\-/-9=?A-Z^-~\x80-\xff]+)*$/.test(local) || address === "") {
    return address;
  }
  return `"${local.replace(/["\\]/g, "\\$&")}"${domain}`;
}

/** The domain of an address in lower case; empty when it has none. */
export function domainOf(address: string): string {
  const at = address.lastIndexOf("@");
  return at < 0 ? "" : address.slice(at + 1).toLowerCase();
}

/** The IP address of a domain literal, `[192.0.2.1]` or `[IPv6:2001:db8::1]`; undefined when it is none. */
export function literalIp(domain: string): string | undefined {
  return /^\[(?:IPv6:)?([0-9a-f.:]+)\]$/i.exec(domain)?.[1]?.toLowerCase();
}
