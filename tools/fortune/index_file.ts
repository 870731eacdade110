/**
 * The index beside a file of texts (FILE.dat): a header, then where each text begins, all numbers of 32 bits in network
 * order. Texts end with a line that is the delimiter alone [man strfile.8].
 */
import { Permanent } from "../../core/errors.ts";

/** Version that is written; 1 is read too. */
const VERSION = 2;
const HEADER_BYTES = 24;
/** Largest file of texts: offsets are 32 bits. */
export const TEXT_BYTES_MAX = 0xffffffff;
const LF = 10;

/** Bits of the header's flags. */
export const FLAGS = { random: 1, ordered: 2, rotated: 4 } as const;

/** An index. */
export interface TextIndex {
  readonly longest: number;
  /** 0xffffffff when there is no text. */
  readonly shortest: number;
  readonly flags: number;
  /** The byte of delimiter lines. */
  readonly delimiter: number;
  /** Where each text begins, in the order of the index. */
  readonly offsets: readonly number[];
  /** Bytes of the file of texts. */
  readonly size: number;
}

/** The bytes of an index. */
export function formatIndex(index: TextIndex): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + (index.offsets.length + 1) * 4);
  const view = new DataView(bytes.buffer);
  const numbers = [VERSION, index.offsets.length, index.longest, index.shortest, index.flags];
  numbers.forEach((number, at) => view.setUint32(at * 4, number));
  bytes[20] = index.delimiter;
  [...index.offsets, index.size].forEach((offset, at) => view.setUint32(HEADER_BYTES + at * 4, offset));
  return bytes;
}

/** Reads an index. Throws Permanent naming the file when it is none. */
export function parseIndex(bytes: Uint8Array, path: string): TextIndex {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.length < HEADER_BYTES ? -1 : view.getUint32(4);
  const version = count < 0 ? 0 : view.getUint32(0);
  if (version < 1 || version > VERSION || bytes.length < HEADER_BYTES + (count + 1) * 4) {
    throw new Permanent(`${path} is no index: make it again with strfile`);
  }
  const offsets = Array.from({ length: count }, (_, at) => view.getUint32(HEADER_BYTES + at * 4));
  return {
    longest: view.getUint32(8),
    shortest: view.getUint32(12),
    flags: view.getUint32(16),
    delimiter: bytes[20] ?? 0,
    offsets,
    size: view.getUint32(HEADER_BYTES + count * 4),
  };
}

/** A text's place in its file. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

/** The text that begins at `start`: up to a line that is the delimiter alone, or the end. */
export function textAt(bytes: Uint8Array, start: number, delimiter: number): TextRange {
  for (let line = start; line < bytes.length;) {
    const isDelimiter = bytes[line] === delimiter && (bytes[line + 1] === LF || line + 1 === bytes.length);
    if (isDelimiter) return { start, end: line };
    const end = bytes.indexOf(LF, line);
    if (end < 0) break;
    line = end + 1;
  }
  return { start, end: bytes.length };
}

/** All texts of a file that are not empty. */
export function* textsOf(bytes: Uint8Array, delimiter: number): Generator<TextRange> {
  for (let start = 0; start < bytes.length;) {
    const range = textAt(bytes, start, delimiter);
    if (range.end > range.start) yield range;
    start = range.end + 2;
  }
}

/** Letters moved by 13 places: the form of a file with the flag `rotated`. */
export function rotate(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(bytes, (byte) => {
    const letter = byte | 32;
    if (letter < 97 || letter > 122) return byte;
    return (letter - 97 + 13) % 26 + 97 - (letter - byte);
  });
}
