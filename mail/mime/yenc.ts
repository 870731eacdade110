/**
 * yEnc: bytes shifted by 42, a few of them escaped, between lines that tell name, size and checksum [yenc-draft 1.3]. Pure,
 * in pieces; memory is a line of control text.
 */
import { concatBytes, latin1Text } from "../../core/bytes.ts";

const LF = 10;
const CR = 13;
const ESCAPE = 0x3d;
const SHIFT = 42;
const ESCAPED_SHIFT = 64;
/** Longest control line. */
const CONTROL_BYTES_MAX = 1024;

/** What a `=ybegin` line says; part and total are 0 for a file in one piece. */
export interface YencBegin {
  readonly name: string;
  readonly sizeBytes: number;
  readonly part: number;
  readonly total: number;
}

/** What comes out of a text. `problem` tells why the file is not what was encoded. */
export type YencEvent =
  | { readonly kind: "begin"; readonly begin: YencBegin }
  /** Valid until the next call. */
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "end"; readonly problem: string | undefined };

/** The file that a line begins, latin1; undefined when it begins none. */
export function parseYencBegin(line: string): YencBegin | undefined {
  if (!line.startsWith("=ybegin ")) return undefined;
  const name = /\sname=(.*?)\s*$/.exec(line)?.[1];
  const size = numberOf(line, "size");
  if (name === undefined || name === "" || size === undefined) return undefined;
  return { name, sizeBytes: size, part: numberOf(line, "part") ?? 0, total: numberOf(line, "total") ?? 0 };
}

function numberOf(line: string, key: string): number | undefined {
  const digits = new RegExp(`\\s${key}=(\\d{1,15})(?:\\s|$)`).exec(line)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Reads a text; what lies outside of files is passed over. */
export class YencReader {
  readonly #take: (event: YencEvent) => void;
  #inFile: YencBegin | undefined;
  #partBytes: number | undefined;
  #count = 0;
  #crc = 0xffffffff;
  /** A line that is not read to its end: outside of a file, or a control line. */
  #line: Uint8Array = new Uint8Array();
  #atLineStart = true;
  #escaped = false;

  constructor(take: (event: YencEvent) => void) {
    this.#take = take;
  }

  /** The next bytes of the text. */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const isControl = this.#inFile !== undefined &&
        (this.#line.length > 0 || (this.#atLineStart && bytes[at] === ESCAPE));
      at = this.#inFile === undefined || isControl ? this.#gather(bytes, at) : this.#data(bytes, at);
    }
  }

  /** The text is at its end. */
  finish(): void {
    if (this.#line.length > 0) this.#control(this.#line);
    if (this.#inFile) this.#end("it ends too early");
  }

  /** Takes a line up to its end; an escape at the beginning of a line that is no control line is data after all. */
  #gather(bytes: Uint8Array, from: number): number {
    const to = bytes.indexOf(LF, from) + 1 || bytes.length;
    const line = concatBytes(this.#line, bytes.subarray(from, to));
    const isData = this.#inFile !== undefined && line.length > 1 && line[1] !== 0x79;
    if (isData) {
      this.#line = new Uint8Array();
      this.#atLineStart = false;
      for (let at = 0; at < line.length;) at = this.#data(line, at);
      return to;
    }
    if (bytes[to - 1] !== LF && line.length < CONTROL_BYTES_MAX) {
      this.#line = line;
      return to;
    }
    this.#line = new Uint8Array();
    this.#control(line);
    return to;
  }

  #control(bytes: Uint8Array): void {
    const line = latin1Text(bytes);
    this.#atLineStart = true;
    if (!this.#inFile) {
      const begin = parseYencBegin(line);
      if (!begin) return;
      this.#inFile = begin;
      this.#partBytes = begin.part === 0 ? begin.sizeBytes : undefined;
      this.#count = 0;
      this.#crc = 0xffffffff;
      this.#escaped = false;
      return this.#take({ kind: "begin", begin });
    }
    if (line.startsWith("=yend")) return this.#end(this.#problem(line));
    if (!line.startsWith("=ypart ")) return;
    const [begin, end] = [numberOf(line, "begin"), numberOf(line, "end")];
    if (begin !== undefined && end !== undefined) this.#partBytes = end - begin + 1;
  }

  #problem(line: string): string | undefined {
    if (this.#partBytes !== undefined && this.#count !== this.#partBytes) {
      return `it has ${this.#count} bytes, not ${this.#partBytes}`;
    }
    const wanted = new RegExp(`\\s${this.#inFile?.part ? "pcrc32" : "crc32"}=([0-9a-f]{1,8})`, "i").exec(line)?.[1];
    const crc = ~this.#crc >>> 0;
    return wanted === undefined || parseInt(wanted, 16) === crc ? undefined : "its checksum is wrong";
  }

  #end(problem: string | undefined): void {
    this.#inFile = undefined;
    this.#take({ kind: "end", problem });
  }

  /** Decodes up to the next line end. */
  #data(bytes: Uint8Array, from: number): number {
    const to = bytes.indexOf(LF, from) + 1 || bytes.length;
    const out = new Uint8Array(to - from);
    let length = 0;
    let crc = this.#crc;
    for (let at = from; at < to; at++) {
      const byte = bytes[at]!;
      if (byte === LF || byte === CR) continue;
      if (byte === ESCAPE && !this.#escaped) {
        this.#escaped = true;
        continue;
      }
      const value = (this.#escaped ? byte - ESCAPED_SHIFT - SHIFT : byte - SHIFT) & 255;
      this.#escaped = false;
      out[length++] = value;
      crc = CRC_TABLE[(crc ^ value) & 255]! ^ (crc >>> 8);
    }
    this.#crc = crc;
    this.#count += length;
    this.#atLineStart = bytes[to - 1] === LF;
    if (length > 0) this.#take({ kind: "bytes", bytes: out.subarray(0, length) });
    return to;
  }
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, number) => {
  let value = number;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});
