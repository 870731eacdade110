/**
 * Keys of IPv6 addresses and networks in rules.cdb [spec formats 10]: an address is written at full length; a network is
 * `_` (IPv4) or `^` (IPv6) and its bits, a 0 bit as `0`, a 1 bit as a letter that tells its place, so that keys hash well.
 */
import { latin1Bytes } from "../../../core/bytes.ts";
import { formatIp, formatIpv6Long, isMappedIpv4, tryParseIp } from "../../../core/ip_address.ts";

const ZERO = 0x30;
const UNDERSCORE = 0x5f;
const CARET = 0x5e;
/** The 1 bit at each place of an IPv4 address. */
const IPV4_ONES = latin1Bytes("abcdefghijklmnopqrstuvwxyz123456");
/** The first 1 bit of an IPv6 address; each further one is the next code. */
const IPV6_ONES_FIRST = 0x60;

/** The key of an IPv6 address. */
export function expandedKey(ip: Uint8Array): Uint8Array {
  return latin1Bytes(formatIpv6Long(ip));
}

/** The key of all bits of an address; the first 1 + n bytes are that of its network of n bits. */
export function bitsKey(ip: Uint8Array): Uint8Array {
  const key = new Uint8Array(1 + ip.length * 8);
  const isIpv4 = ip.length === 4;
  key[0] = isIpv4 ? UNDERSCORE : CARET;
  let ones = 0;
  for (let bit = 0; bit < ip.length * 8; bit++) {
    const set = (ip[bit >> 3]! >> (7 - (bit & 7))) & 1;
    key[1 + bit] = set === 0 ? ZERO : isIpv4 ? IPV4_ONES[bit]! : IPV6_ONES_FIRST + ones;
    ones += set;
  }
  return key;
}

/** The key of a network as text: `10.2/16`, `2001:db8::/32`. Undefined when the address has not that many bits. */
export function networkKey(text: string): Uint8Array | undefined {
  const [, address = "", size = ""] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const bits = Number(size);
  if (size === "" || bits < 1) return undefined;
  const ip = address.includes(":") ? tryParseIp(address) : partialIpv4(address, bits);
  if (!ip || bits > ip.length * 8 || isMappedIpv4(ip)) return undefined;
  return bitsKey(ip).subarray(0, 1 + bits);
}

/** `10.2` or `10.2.` with as many numbers as the network needs. */
function partialIpv4(text: string, bits: number): Uint8Array | undefined {
  const numbers = text.replace(/\.$/, "").split(".");
  if (numbers.length * 8 < bits) return undefined;
  return tryParseIp([...numbers, "0", "0", "0"].slice(0, Math.max(4, numbers.length)).join("."));
}

/** A key as its rule was written, for people: `_…` and `^…` as a network. */
export function ruleName(key: Uint8Array): string {
  const bits = key.length - 1;
  const length = key[0] === UNDERSCORE ? 4 : key[0] === CARET ? 16 : 0;
  if (length === 0 || bits < 1 || bits > length * 8) return new TextDecoder("latin1").decode(key);
  const ip = new Uint8Array(length);
  for (let bit = 0; bit < bits; bit++) if (key[1 + bit] !== ZERO) ip[bit >> 3]! |= 128 >> (bit & 7);
  return `${formatIp(ip)}/${bits}`;
}
