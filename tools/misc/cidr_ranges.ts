/** A range of IPv4 or IPv6 addresses as the fewest networks that cover it. */

/** A network: its first address as a number, and the bits of its mask. */
export interface Network {
  readonly first: bigint;
  readonly bits: number;
}

/** The networks of the addresses from `from` to `to`, both included, of `width` bits; none when `to` lies before. */
export function* networksOf(from: bigint, to: bigint, width: number): Generator<Network> {
  for (let first = from; first <= to;) {
    let free = 0n;
    while (free < BigInt(width) && (first >> free & 1n) === 0n && first + (1n << free + 1n) - 1n <= to) free++;
    yield { first, bits: width - Number(free) };
    first += 1n << free;
  }
}

/** The number of an address of 4 or 16 bytes. */
export function addressNumber(bytes: Uint8Array): bigint {
  return bytes.reduce((number, byte) => number << 8n | BigInt(byte), 0n);
}

/** The bytes of a number, `length` of them. */
export function addressBytes(number: bigint, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => Number(number >> BigInt((length - 1 - at) * 8) & 255n));
}
