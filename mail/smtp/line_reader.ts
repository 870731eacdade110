/**
 * Lines of commands or replies out of a byte stream, many of a chunk at once, with a limit on their length. Holds one
 * small buffer while idle. A line ends with LF; a CR before it is dropped [man qmail-smtpd.8, TRANSPARENCY].
 */
import { latin1Text } from "../../core/bytes.ts";
import type { ByteReader } from "../../core/stream.ts";

const LF = 10;
const CR = 13;

/** Buffers kept for the next sessions, all of the same length: making one costs more than all else of a reader. */
const SPARE_MAX = 64;
const spare: Uint8Array<ArrayBuffer>[] = [];
const NOTHING = new Uint8Array();

/** Lines of a stream. */
export class LineReader {
  readonly #reader: ByteReader;
  readonly #idleBytes: number;
  #buffer: Uint8Array<ArrayBuffer>;
  #start = 0;
  #end = 0;
  #skipping = false;

  constructor(reader: ByteReader, idleBytes: number) {
    this.#reader = reader;
    this.#idleBytes = idleBytes;
    const kept = spare.pop();
    this.#buffer = kept?.length === idleBytes ? kept : new Uint8Array(idleBytes);
  }

  /** Gives the buffer to a later reader. Only when no read is under way: it would write into that one's lines. */
  release(): void {
    if (this.#buffer.length === this.#idleBytes && spare.length < SPARE_MAX) spare.push(this.#buffer);
    this.#buffer = NOTHING;
  }

  /**
   * The next whole line as latin1 text, or what is to be done: "fill" when it is not complete, "too-long" for a line of
   * more than `bytesMax` bytes, which is skipped.
   */
  next(bytesMax: number): { readonly line: string } | "fill" | "too-long" {
    const bytes = this.#end === this.#buffer.length ? this.#buffer : this.#buffer.subarray(0, this.#end);
    const lf = this.#start < this.#end ? bytes.indexOf(LF, this.#start) : -1;
    if (lf < 0) {
      if (this.#end - this.#start >= bytesMax) this.#skipping = true;
      if (this.#skipping) this.#start = this.#end;
      return "fill";
    }
    const start = this.#start;
    this.#start = lf + 1;
    if (this.#skipping || lf + 1 - start > bytesMax) {
      this.#skipping = false;
      return "too-long";
    }
    return { line: lineText(bytes, start, lf > start && bytes[lf - 1] === CR ? lf - 1 : lf) };
  }

  /** Reads more; false at the end of the stream. */
  async fill(): Promise<boolean> {
    if (this.#start === this.#end) {
      this.#start = this.#end = 0;
      if (this.#buffer.length > this.#idleBytes) this.#buffer = new Uint8Array(this.#idleBytes);
    } else if (this.#start > 0) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    if (this.#end === this.#buffer.length) {
      const larger = new Uint8Array(this.#buffer.length * 2);
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    const count = await this.#reader.read(this.#end === 0 ? this.#buffer : this.#buffer.subarray(this.#end));
    if (count === null) return false;
    this.#end += count;
    return true;
  }

  /** What was read and not yet taken; it is taken now. Valid until the next call. */
  takeRest(): Uint8Array {
    const rest = this.#buffer.subarray(this.#start, this.#end);
    this.#start = this.#end = 0;
    this.#skipping = false;
    return rest;
  }

  /** Puts bytes back that come before all others: only after takeRest. */
  putBack(bytes: Uint8Array): void {
    if (bytes.length > this.#buffer.length) this.#buffer = new Uint8Array(bytes.length);
    this.#buffer.set(bytes);
    this.#start = 0;
    this.#end = bytes.length;
  }
}

/** Lines up to this length are put together by character: quicker than a decoder's call. */
const SHORT_LINE_BYTES = 80;

function lineText(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > SHORT_LINE_BYTES) return latin1Text(bytes.subarray(start, end));
  let text = "";
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at]!);
  return text;
}
