/**
 * IP addresses between text and bytes: 4 bytes in network order for IPv4, 16 for IPv6. Strict: what is no address is
 * undefined. Text comes out in the short form [rfc5952 4].
 */

const IPV4_BYTES = 4;
const IPV6_BYTES = 16;

/** The bytes of an IPv4 or IPv6 address; undefined when the text is none. Leading zeros of IPv4 numbers are allowed. */
export function tryParseIp(text: string): Uint8Array | undefined {
  return text.includes(":") ? tryParseIpv6(text) : tryParseIpv4(text);
}

function tryParseIpv4(text: string): Uint8Array | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (!match) return undefined;
  const numbers = match.slice(1).map(Number);
  return numbers.some((number) => number > 255) ? undefined : Uint8Array.from(numbers);
}

function tryParseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = groupBytes(halves[0] ?? "");
  const tail = groupBytes(halves[1] ?? "");
  if (!head || !tail) return undefined;
  const length = head.length + tail.length;
  if (halves.length === 1 ? length !== IPV6_BYTES : length > IPV6_BYTES - 2) return undefined;
  const bytes = new Uint8Array(IPV6_BYTES);
  bytes.set(head);
  bytes.set(tail, IPV6_BYTES - tail.length);
  return bytes;
}

/** The bytes of groups between colons; the last may be an IPv4 address. */
function groupBytes(text: string): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [at, group] of groups.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(group)) {
      const number = parseInt(group, 16);
      bytes.push(number >> 8, number & 255);
      continue;
    }
    const four = at === groups.length - 1 ? tryParseIpv4(group) : undefined;
    if (!four) return undefined;
    bytes.push(...four);
  }
  return bytes;
}

/** The short text of an address. Throws RangeError when the bytes are neither 4 nor 16. */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === IPV4_BYTES) return bytes.join(".");
  if (bytes.length !== IPV6_BYTES) throw new RangeError(`an address of ${bytes.length} bytes`);
  if (isMappedIpv4(bytes)) return `::ffff:${bytes.subarray(12).join(".")}`;
  const groups = ipv6Groups(bytes).map((group) => group.toString(16));
  const zeros = longestZeros(groups);
  if (zeros.length < 2) return groups.join(":");
  return `${groups.slice(0, zeros.start).join(":")}::${groups.slice(zeros.start + zeros.length).join(":")}`;
}

/** The long text of an IPv6 address: eight groups of four digits. */
export function formatIpv6Long(bytes: Uint8Array): string {
  return ipv6Groups(bytes).map((group) => group.toString(16).padStart(4, "0")).join(":");
}

function ipv6Groups(bytes: Uint8Array): number[] {
  return Array.from({ length: 8 }, (_, at) => (bytes[at * 2]! << 8) | bytes[at * 2 + 1]!);
}

function longestZeros(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let at = 0; at < groups.length; at++) {
    let end = at;
    while (groups[end] === "0") end++;
    if (end - at > best.length) best = { start: at, length: end - at };
    at = Math.max(at, end);
  }
  return best;
}

/** True for ::ffff:a.b.c.d, an IPv4 peer of an IPv6 socket. */
export function isMappedIpv4(bytes: Uint8Array): boolean {
  return bytes.length === IPV6_BYTES && bytes[10] === 255 && bytes[11] === 255 &&
    bytes.subarray(0, 10).every((byte) => byte === 0);
}

/** The IPv4 address in a mapped one as 4 bytes; any other address as it is. */
export function unmappedIp(bytes: Uint8Array): Uint8Array {
  return isMappedIpv4(bytes) ? bytes.subarray(12) : bytes;
}

/** An address as 16 bytes: IPv4 mapped. */
export function mappedIp(bytes: Uint8Array): Uint8Array {
  if (bytes.length === IPV6_BYTES) return bytes;
  const mapped = new Uint8Array(IPV6_BYTES);
  mapped.fill(255, 10, 12);
  mapped.set(bytes, 12);
  return mapped;
}
