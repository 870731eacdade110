/**
 * Copies ranges of a database to standard output in large writes.
 */
import type { ByteWriter } from "../../core/stream.ts";
import type { CdbPages } from "../../storage/cdb/pages.ts";

const BUFFER_BYTES = 256 * 1024;

/** Gathers bytes and writes them when the buffer is full; `flush` at the end. */
export class OutputBuffer {
  readonly #output: ByteWriter;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #used = 0;

  constructor(output: ByteWriter) {
    this.#output = output;
  }

  /** Free bytes. */
  get room(): number {
    return BUFFER_BYTES - this.#used;
  }

  /** Adds ASCII text; the caller has looked at `room`. */
  put(text: string): void {
    for (let at = 0; at < text.length; at++) this.#buffer[this.#used++] = text.charCodeAt(at);
  }

  /** Adds a range of the database that fits into `room`. */
  putRange(cdb: CdbPages, at: number, length: number): void {
    cdb.copy(this.#buffer.subarray(this.#used, this.#used + length), at);
    this.#used += length;
  }

  /** Adds a range of any length. */
  async copy(cdb: CdbPages, at: number, length: number): Promise<void> {
    for (let done = 0; done < length;) {
      if (this.room === 0) await this.flush();
      const part = Math.min(length - done, this.room);
      this.putRange(cdb, at + done, part);
      done += part;
    }
  }

  /** Writes what waits. */
  async flush(): Promise<void> {
    if (this.#used > 0) await this.#output.write(this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }
}
