/**
 * Text put together as bytes in one buffer that is used again and again: for rows that are made ten thousand at a time, where
 * a string each would cost more than the work. What does not fit or is not plain makes the caller take the general way.
 */

const SPACE = 32;
const TAB = 9;
const LF = 10;
const CR = 13;
const QUOTE = 34;
const BACKSLASH = 92;
/** Longest quoted string; the same limit as in format.ts. */
export const QUOTED_BYTES_MAX = 4096;

/** A buffer and how much of it is written. */
export class ByteWriter {
  readonly bytes: Uint8Array<ArrayBuffer>;
  length = 0;

  constructor(sizeBytes: number) {
    this.bytes = new Uint8Array(sizeBytes);
  }

  /** Adds one byte. */
  byte(value: number): void {
    this.bytes[this.length++] = value;
  }

  /** Adds ASCII text. */
  ascii(text: string): void {
    let at = this.length;
    for (let index = 0; index < text.length; index++) this.bytes[at++] = text.charCodeAt(index);
    this.length = at;
  }

  /** Adds the bytes from `from` to before `to`. */
  copy(source: Uint8Array, from: number, to: number): void {
    let at = this.length;
    for (let index = from; index < to; index++) this.bytes[at++] = source[index]!;
    this.length = at;
  }

  /** Adds a whole number below 2^31 in decimal. */
  number(value: number): void {
    let digits = 1;
    for (let limit = 10; value >= limit && digits < 10; limit *= 10) digits++;
    const end = this.length + digits;
    let rest = value;
    for (let at = end - 1; at >= this.length; at--) {
      const tenth = (rest / 10) | 0;
      this.bytes[at] = 48 + rest - tenth * 10;
      rest = tenth;
    }
    this.length = end;
  }

  /**
   * Adds a header value, unfolded and without white space around it, as a quoted string. False where it needs a literal or
   * has bytes that are not plain ASCII text; what was written then is of no use.
   */
  quotedValue(source: Uint8Array, range: ValueRange): boolean {
    const { bytes } = this;
    let at = this.length;
    bytes[at++] = QUOTE;
    const { from, to } = range;
    if (to - from > QUOTED_BYTES_MAX) return false;
    for (let index = from; index < to; index++) {
      const byte = source[index]!;
      if (byte < SPACE) {
        if (byte === LF || (byte === CR && source[index + 1] === LF)) continue;
        if (byte !== TAB) return false;
      } else if (byte > 126) return false;
      else if (byte === QUOTE || byte === BACKSLASH) bytes[at++] = BACKSLASH;
      bytes[at++] = byte;
    }
    bytes[at++] = QUOTE;
    this.length = at;
    return true;
  }
}

/** Where a value is, without the white space and line ends around it. */
export interface ValueRange {
  readonly from: number;
  readonly to: number;
}

/** The range of a value without the white space and line ends around it. */
export function trimmed(source: Uint8Array, from: number, to: number): ValueRange {
  while (from < to && isBlank(source[from]!)) from++;
  while (to > from && isBlank(source[to - 1]!)) to--;
  return { from, to };
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB || byte === LF || byte === CR;
}
