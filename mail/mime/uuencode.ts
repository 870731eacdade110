/**
 * Lines of uuencode: a character for the count of bytes, then four characters for three bytes each, all above blank; a
 * grave accent stands for a blank. Pure, a line at a time. The format is that of POSIX.
 */
import { concatBytes } from "../../core/bytes.ts";

/** Bytes of a whole line. */
export const UU_LINE_BYTES = 45;
const BLANK = 32;
const GRAVE = 96;
const EMPTY = new Uint8Array();

/** What a `begin` line says. */
export interface UuBegin {
  /** Permission bits in octal, as written. */
  readonly mode: string;
  /** As written, latin1. */
  readonly name: string;
}

const BEGIN = /^begin[ \t]+([0-7]{3,4})[ \t]+(\S.*?)\s*$/;

/** The file that a line begins, without or with its line end, latin1; undefined when it begins none. */
export function parseUuBegin(line: string): UuBegin | undefined {
  const match = line.startsWith("begin") ? BEGIN.exec(line) : null;
  return match ? { mode: match[1]!, name: match[2]! } : undefined;
}

/** The bytes of a data line, its line end not looked at; characters that are missing count as blanks. */
export function decodeUuLine(line: Uint8Array): Uint8Array {
  if (line.length === 0) return EMPTY;
  const length = (line[0]! - BLANK) & 63;
  const bytes = new Uint8Array(Math.ceil(length / 3) * 3);
  for (let at = 1, to = 0; to < length; at += 4, to += 3) {
    const a = sixBits(line[at]);
    const b = sixBits(line[at + 1]);
    const c = sixBits(line[at + 2]);
    const d = sixBits(line[at + 3]);
    bytes[to] = (a << 2) | (b >> 4);
    bytes[to + 1] = (b << 4) | (c >> 2);
    bytes[to + 2] = (c << 6) | d;
  }
  return bytes.subarray(0, length);
}

function sixBits(byte: number | undefined): number {
  return byte === undefined || byte < BLANK ? 0 : (byte - BLANK) & 63;
}

/** Whether a line, latin1 and without its line end, can be data: its length fits its first character. */
export function isUuLine(line: string): boolean {
  const count = line.charCodeAt(0);
  if (!(count >= BLANK && count <= GRAVE)) return false;
  const chars = Math.ceil(((count - BLANK) & 63) / 3) * 4;
  // blanks at the end may have been cut off, a check character may have been added
  return line.length <= chars + 3 && line.trimEnd().length <= chars + 2 && /^[ -`]*$/.test(line.slice(0, chars + 1));
}

/** A data line of at most UU_LINE_BYTES bytes, with LF. */
export function encodeUuLine(bytes: Uint8Array): string {
  let text = character(bytes.length);
  for (let at = 0; at < bytes.length; at += 3) {
    const a = bytes[at]!;
    const b = bytes[at + 1] ?? 0;
    const c = bytes[at + 2] ?? 0;
    text += character(a >> 2) + character(((a & 3) << 4) | (b >> 4)) + character(((b & 15) << 2) | (c >> 6)) +
      character(c & 63);
  }
  return `${text}\n`;
}

function character(sixBits: number): string {
  return String.fromCharCode(sixBits === 0 ? GRAVE : sixBits + BLANK);
}

/** What happened while lines were read. */
export type UuEvent =
  | { readonly kind: "begin"; readonly begin: UuBegin }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "end" };

/** Longest line looked at; the rest of a longer one is dropped, as no line of uuencode is so long. Ours. */
const LINE_BYTES_MAX = 1024;
const LF = 10;

/** Finds uuencoded files in text that comes in pieces. */
export class UuReader {
  readonly #tell: (event: UuEvent) => void;
  #line: Uint8Array = EMPTY;
  #inside = false;

  constructor(tell: (event: UuEvent) => void) {
    this.#tell = tell;
  }

  /** The next bytes; they may be reused afterwards. */
  push(piece: Uint8Array): void {
    let from = 0;
    for (let at = piece.indexOf(LF); at >= 0; at = piece.indexOf(LF, from)) {
      const part = piece.subarray(from, at);
      this.#take(this.#line.length === 0 ? part : concatBytes(this.#line, part));
      this.#line = EMPTY;
      from = at + 1;
    }
    if (from < piece.length && this.#line.length < LINE_BYTES_MAX) {
      this.#line = concatBytes(this.#line, piece.subarray(from));
    }
  }

  /** The text has ended; a file that is open ends with it. */
  finish(): void {
    if (this.#line.length > 0) this.#take(this.#line);
    this.#line = EMPTY;
    if (this.#inside) this.#tell({ kind: "end" });
    this.#inside = false;
  }

  #take(line: Uint8Array): void {
    if (!this.#inside) {
      if (line[0] !== 98) return; // b
      const begin = parseUuBegin(textOf(line));
      if (!begin) return;
      this.#inside = true;
      this.#tell({ kind: "begin", begin });
      return;
    }
    if (line[0] === 101 && /^end\s*$/.test(textOf(line))) {
      this.#inside = false;
      this.#tell({ kind: "end" });
      return;
    }
    if (line[0]! < BLANK || line[0]! > GRAVE) return;
    const bytes = decodeUuLine(line);
    if (bytes.length > 0) this.#tell({ kind: "bytes", bytes });
  }
}

function textOf(line: Uint8Array): string {
  let text = "";
  for (let at = 0; at < Math.min(line.length, LINE_BYTES_MAX); at++) text += String.fromCharCode(line[at]!);
  return text;
}
