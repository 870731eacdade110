/**
 * The text form of records, `+klen,dlen:key->data` and an empty line at the end, read as it comes: keys and data of any
 * size go on to the writer in parts [man cdbmake.1].
 */
import { Temporary } from "../../core/errors.ts";
import type { CdbWriter } from "../../storage/cdb/writer.ts";

/** What comes next. */
const START = 0;
const KEY_LENGTH = 1;
const DATA_LENGTH = 2;
const KEY = 3;
const ARROW_LINE = 4;
const ARROW_HEAD = 5;
const DATA = 6;
const LINE_END = 7;
const ENDED = 8;

const LF = 10;
const PLUS = 43;
const COMMA = 44;
const DASH = 45;
const COLON = 58;
const HEAD = 62;
/** Lengths are 32-bit numbers. */
const LENGTH_MAX = 0xffffffff;

/** Where records go. */
export type RecordSink = Pick<CdbWriter, "begin" | "key" | "data">;

/** Reads records and puts them into a database. */
export class RecordText {
  readonly #sink: RecordSink;
  #state = START;
  #keyBytes = 0;
  #dataBytes = 0;
  /** Of the key or data whose bytes come. */
  #left = 0;
  #entries = 0;

  constructor(sink: RecordSink) {
    this.#sink = sink;
  }

  /** True after the empty line. */
  get ended(): boolean {
    return this.#state === ENDED;
  }

  /** Takes the next bytes. Throws Temporary when they are not in the form. */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && this.#state !== ENDED;) {
      if (this.#state === KEY || this.#state === DATA) at = this.#pass(bytes, at);
      else this.#step(bytes[at++]!);
    }
  }

  /** No more bytes come. Throws Temporary unless the empty line was there. */
  end(): void {
    if (this.#state === ENDED) return;
    if (this.#state === START) {
      throw new Temporary("unable to read input: there is no empty line after the last record");
    }
    throw this.#wrong("the record is cut off");
  }

  #pass(bytes: Uint8Array, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    this.#left -= end - at;
    if (this.#state === KEY) {
      this.#sink.key(bytes, at, end);
      if (this.#left === 0) this.#state = ARROW_LINE;
    } else {
      this.#sink.data(bytes, at, end);
      if (this.#left === 0) this.#state = LINE_END;
    }
    return end;
  }

  #step(byte: number): void {
    switch (this.#state) {
      case START:
        this.#entries++;
        if (byte === LF) this.#state = ENDED;
        else this.#expect(byte === PLUS, KEY_LENGTH, "must start with +");
        this.#keyBytes = this.#dataBytes = 0;
        return;
      case KEY_LENGTH:
        if (byte === COMMA) this.#state = DATA_LENGTH;
        else this.#keyBytes = this.#longer(this.#keyBytes, byte);
        return;
      case DATA_LENGTH:
        if (byte === COLON) this.#begin();
        else this.#dataBytes = this.#longer(this.#dataBytes, byte);
        return;
      case ARROW_LINE:
        return this.#expect(byte === DASH, ARROW_HEAD, "-> is missing after the key: is its length right?");
      case ARROW_HEAD:
        this.#left = this.#dataBytes;
        return this.#expect(byte === HEAD, this.#left > 0 ? DATA : LINE_END, "-> is missing after the key");
      default:
        return this.#expect(byte === LF, START, "there is no line end after the data: is its length right?");
    }
  }

  #begin(): void {
    this.#sink.begin(this.#keyBytes, this.#dataBytes);
    this.#left = this.#keyBytes;
    this.#state = this.#left > 0 ? KEY : ARROW_LINE;
  }

  #expect(right: boolean, next: number, text: string): void {
    if (!right) throw this.#wrong(text);
    this.#state = next;
  }

  #longer(length: number, byte: number): number {
    if (byte < 48 || byte > 57) throw this.#wrong("a length must be digits");
    const longer = length * 10 + byte - 48;
    if (longer > LENGTH_MAX) throw this.#wrong("a length is larger than 4 GB");
    return longer;
  }

  #wrong(text: string): Temporary {
    return new Temporary(`unable to read input: entry ${this.#entries}: ${text}`);
  }
}
