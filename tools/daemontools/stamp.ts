/**
 * TAI64N labels: `@` and 24 hexadecimal digits, seconds since 1970 TAI plus 2^62 and nanoseconds. As multilog and tai64n
 * write them, a UTC second counts as a TAI second with the ten of 1970 added [man tai64n.8].
 */

/** Hexadecimal digits of a label. */
export const LABEL_DIGITS = 24;
/** `@` and the digits. */
export const STAMP_BYTES = LABEL_DIGITS + 1;
const AT = 0x40;
const TAI_OFFSET = (1n << 62n) + 10n;
const NANOSECONDS = 1_000_000_000n;
const DIGITS = new Uint8Array([48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 97, 98, 99, 100, 101, 102]);

/** A moment: seconds since 1970 as Unix counts them, and nanoseconds. */
export interface Moment {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** Nanoseconds since 1970 now. */
export function nowNanoseconds(): bigint {
  return Temporal.Now.instant().epochNanoseconds;
}

/** The label of a time in nanoseconds since 1970, which may be before it, with its `@`. */
export function formatStamp(nanoseconds: bigint): string {
  const fraction = (nanoseconds % NANOSECONDS + NANOSECONDS) % NANOSECONDS;
  const label = (((nanoseconds - fraction) / NANOSECONDS + TAI_OFFSET) << 32n) | fraction;
  return `@${label.toString(16).padStart(LABEL_DIGITS, "0")}`;
}

function digitValue(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  if (byte >= 97 && byte <= 102) return byte - 87;
  return byte >= 65 && byte <= 70 ? byte - 55 : -1;
}

/** The value of `count` hexadecimal digits (13 at most) at `at`; -1 when one of them is none. */
export function hexadecimalAt(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let place = at; place < at + count; place++) {
    const digit = digitValue(bytes[place] ?? 0);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

/** The moment of the label whose `@` is at `at`; undefined when none is there, or it is outside of 2242 BC to 6325 AD. */
export function parseStamp(bytes: Uint8Array, at = 0): Moment | undefined {
  if (bytes[at] !== AT || at + STAMP_BYTES > bytes.length) return undefined;
  const high = hexadecimalAt(bytes, at + 1, 5);
  const low = hexadecimalAt(bytes, at + 6, 11);
  const nanoseconds = hexadecimalAt(bytes, at + 17, 8);
  if (high !== 0x40000 && high !== 0x3ffff || low < 0 || nanoseconds < 0) return undefined;
  return { seconds: low - (high === 0x3ffff ? 2 ** 44 : 0) - 10, nanoseconds };
}

/** Writes labels into a buffer; one for a moment, whatever the number of lines. */
export class StampWriter {
  /** `@`, the digits, a space. */
  readonly bytes: Uint8Array<ArrayBuffer> = new Uint8Array(STAMP_BYTES + 1).fill(AT).fill(32, STAMP_BYTES);

  /** Makes `bytes` the label of that time. */
  set(nanoseconds: bigint): void {
    const fraction = Number(nanoseconds % NANOSECONDS);
    const seconds = Number(nanoseconds / NANOSECONDS) + 10;
    this.#write(seconds, { from: 1, to: 16 });
    this.bytes[1] = 0x34; // 2^62
    this.#write(fraction, { from: 17, to: 24 });
  }

  #write(value: number, range: { from: number; to: number }): void {
    let rest = value;
    for (let at = range.to; at >= range.from; at--) {
      this.bytes[at] = DIGITS[rest % 16]!;
      rest = Math.floor(rest / 16);
    }
  }
}
