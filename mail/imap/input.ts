/**
 * What a client sends: lines, literals, streams of bytes. While nothing comes no buffer is held, so that an idle session costs
 * little. Before it waits for the peer it has everything sent that is gathered (`beforeWait`).
 */
import { latin1Text } from "../../core/bytes.ts";
import { Permanent } from "../../core/errors.ts";
import type { ByteReader } from "../../core/stream.ts";

/** For commands, which are short; it grows where one is not. */
const LINE_BUFFER_BYTES = 1024;
/** For bytes that are known to come. */
const BUFFER_BYTES = 16 * 1024;
const LF = 10;
const CR = 13;
const EMPTY = new Uint8Array();

/** The reading half of a connection. */
export interface ImapReader extends ByteReader {
  /** Resolves when bytes can be read. */
  readable(): Promise<void>;
}

/** Thrown when a line is longer than its limit: the rest of it cannot be told from commands, so the session ends. */
export class LineTooLong extends Permanent {
  override name = "LineTooLong";
}

/** Reads from a client. */
export class ImapInput {
  readonly #reader: ImapReader;
  readonly #beforeWait: () => Promise<void>;
  #buffer: Uint8Array<ArrayBufferLike> = EMPTY;
  #start = 0;
  #end = 0;

  constructor(reader: ImapReader, beforeWait: () => Promise<void>) {
    this.#reader = reader;
    this.#beforeWait = beforeWait;
  }

  /** Bytes that are here already. */
  get waitingBytes(): number {
    return this.#end - this.#start;
  }

  /** Drops what is here already: plain text sent ahead of a TLS handshake [rfc3501 11.1]. */
  drop(): void {
    this.#buffer = EMPTY;
    this.#start = this.#end = 0;
  }

  /** The next line as latin1 text without its line end (LF or CRLF); undefined at the end. Throws LineTooLong. */
  async line(bytesMax: number): Promise<string | undefined> {
    let searched = 0;
    for (;;) {
      const lineEnd = this.#buffer.subarray(0, this.#end).indexOf(LF, this.#start + searched);
      if (lineEnd >= 0) {
        if (lineEnd - this.#start > bytesMax) throw new LineTooLong(`line longer than ${bytesMax} bytes`);
        const to = lineEnd > this.#start && this.#buffer[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
        const text = latin1Text(this.#buffer.subarray(this.#start, to));
        this.#start = lineEnd + 1;
        return text;
      }
      searched = this.waitingBytes;
      if (searched > bytesMax) throw new LineTooLong(`line longer than ${bytesMax} bytes`);
      if (!await this.#fill()) return undefined;
    }
  }

  /** Exactly `count` bytes as latin1 text; undefined when the stream ends before. */
  async textOf(count: number): Promise<string | undefined> {
    let text = "";
    const ended = await this.pass(count, (bytes) => {
      text += latin1Text(bytes);
    });
    return ended ? text : undefined;
  }

  /**
   * Passes exactly `count` bytes on, in pieces that are valid until `take` is done. False when the stream ends before.
   */
  async pass(count: number, take: (bytes: Uint8Array) => void | Promise<void>): Promise<boolean> {
    for (let left = count; left > 0;) {
      if (this.waitingBytes === 0 && !await this.#fill(left)) return false;
      const piece = Math.min(left, this.waitingBytes);
      const taken = take(this.#buffer.subarray(this.#start, this.#start + piece));
      if (taken) await taken;
      this.#start += piece;
      left -= piece;
    }
    return true;
  }

  /** Reads what comes next behind what is here; false at the end. `expected`: bytes that are known to come. */
  async #fill(expected = 0): Promise<boolean> {
    if (this.#start === this.#end) {
      this.#start = this.#end = 0;
      await this.#beforeWait();
      if (expected === 0) {
        this.#buffer = EMPTY;
        await this.#reader.readable();
      }
      const size = expected === 0 ? LINE_BUFFER_BYTES : expected > BUFFER_BYTES ? BUFFER_BYTES * 4 : BUFFER_BYTES;
      if (this.#buffer.length < size) this.#buffer = new Uint8Array(size);
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
    const count = await this.#reader.read(this.#buffer.subarray(this.#end));
    if (count === null) return false;
    this.#end += count;
    return true;
  }
}
