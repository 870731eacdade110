/**
 * What a session has to send, gathered in large buffers: rows of FETCH are put together without a string or a promise each.
 * Handed-over buffers are never used again, so that a connection may keep them until they are sent.
 */
import type { ByteWriter } from "../../core/stream.ts";

/** Bytes gathered above which `full` says that they should be sent. Ours: large writes, little memory. */
export const OUTPUT_FLUSH_BYTES = 256 * 1024;
const FIRST_BUFFER_BYTES = 1024;
/** What was sent at once from which more of its size is expected to follow. */
const LONG_BYTES = 64 * 1024;
/** Bytes up to which a loop copies faster than `set`. */
const LOOP_COPY_BYTES_MAX = 48;
/** What a NUL of a message becomes: neither a character nor a control. */
const NUL_STAND_IN = 0x80;
const EMPTY = new Uint8Array();

/** Gathers bytes and sends them. */
export class ImapOutput {
  readonly #writer: ByteWriter;
  #buffer = EMPTY;
  #length = 0;
  /** Size of the next buffer. */
  #nextBytes = FIRST_BUFFER_BYTES;

  constructor(writer: ByteWriter) {
    this.#writer = writer;
  }

  /** Bytes not yet sent. */
  get length(): number {
    return this.#length;
  }

  /** Whether it is time to flush within a long reply. */
  get full(): boolean {
    return this.#length >= OUTPUT_FLUSH_BYTES;
  }

  /** Adds latin1 text. */
  text(text: string): void {
    this.#reserve(text.length);
    const buffer = this.#buffer;
    let at = this.#length;
    for (let index = 0; index < text.length; index++) buffer[at++] = text.charCodeAt(index);
    this.#length = at;
  }

  /** Adds a line of latin1 text and its line end. */
  line(text: string): void {
    this.text(text);
    this.text("\r\n");
  }

  /** Adds a whole number of at most 53 bits in decimal. */
  number(value: number): void {
    if (value > 0x7fffffff) return this.text(String(value));
    this.#reserve(10);
    let digits = 1;
    for (let limit = 10; value >= limit && digits < 10; limit *= 10) digits++;
    const end = this.#length + digits;
    let rest = value;
    for (let at = end - 1; at >= this.#length; at--) {
      const tenth = (rest / 10) | 0;
      this.#buffer[at] = 48 + rest - tenth * 10;
      rest = tenth;
    }
    this.#length = end;
  }

  /** Adds bytes; they are copied. */
  bytes(bytes: Uint8Array): void {
    this.range(bytes, 0, bytes.length);
  }

  /** Adds the bytes from `from` to before `to`; they are copied. */
  range(bytes: Uint8Array, from: number, to: number): void {
    const count = to - from;
    this.#reserve(count);
    if (count <= LOOP_COPY_BYTES_MAX) {
      const buffer = this.#buffer;
      let at = this.#length;
      for (let index = from; index < to; index++) buffer[at++] = bytes[index]!;
    } else this.#buffer.set(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to), this.#length);
    this.#length += count;
  }

  /** Adds a message's bytes from `from` to before `to`, for a literal: these hold no NUL, so it is sent as 0x80 [rfc3501 4.3]. */
  literal(bytes: Uint8Array, from: number, to: number): void {
    const start = this.#length;
    this.range(bytes, from, to);
    const buffer = this.#buffer;
    for (let at = buffer.indexOf(0, start); at >= 0 && at < this.#length; at = buffer.indexOf(0, at + 1)) {
      buffer[at] = NUL_STAND_IN;
    }
  }

  /** Sends what is gathered. Throws what the connection throws. */
  async flush(): Promise<void> {
    if (this.#length === 0) return;
    const bytes = this.#buffer.subarray(0, this.#length);
    this.#nextBytes = this.#length < LONG_BYTES ? FIRST_BUFFER_BYTES : this.#length + FIRST_BUFFER_BYTES;
    this.#buffer = EMPTY;
    this.#length = 0;
    await this.#writer.write(bytes);
  }

  /** Gives up what is not sent. */
  drop(): void {
    this.#buffer = EMPTY;
    this.#length = 0;
  }

  #reserve(count: number): void {
    const need = this.#length + count;
    if (need <= this.#buffer.length) return;
    // twice what is there, or what is needed and a little: a message is followed by the end of its reply
    const size = Math.max(this.#nextBytes, this.#buffer.length * 2, need + (need >> 4) + 64);
    const larger = new Uint8Array(size);
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}
