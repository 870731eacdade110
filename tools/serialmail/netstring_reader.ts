/** Netstrings of a stream: length in decimal, colon, bytes, comma [spec formats 20]. */
import { concatBytes } from "../../core/bytes.ts";
import { Temporary } from "../../core/errors.ts";
import type { ByteReader } from "../../core/stream.ts";

const READ_BYTES = 4096;
const COLON = 58;
const COMMA = 44;
/** Digits of a length. */
const LENGTH_DIGITS_MAX = 9;

/** Reads one netstring after another. */
export class NetstringReader {
  readonly #input: ByteReader;
  readonly #bytesMax: number;
  #rest: Uint8Array = new Uint8Array(0);

  /** `bytesMax`: the longest that is taken. */
  constructor(input: ByteReader, bytesMax: number) {
    this.#input = input;
    this.#bytesMax = bytesMax;
  }

  /** The next; throws Temporary when the stream ends or holds something else. */
  async next(): Promise<Uint8Array> {
    for (;;) {
      const colon = this.#rest.subarray(0, LENGTH_DIGITS_MAX + 1).indexOf(COLON);
      const digits = String.fromCharCode(...this.#rest.subarray(0, colon < 0 ? LENGTH_DIGITS_MAX + 1 : colon));
      if (!/^\d*$/.test(digits) || colon === 0 || (colon < 0 && digits.length > LENGTH_DIGITS_MAX)) throw broken();
      const length = Number(digits);
      if (colon > 0 && length > this.#bytesMax) throw new Temporary(`the server sends a text of ${length} bytes`);
      const end = colon + 1 + length;
      if (colon > 0 && this.#rest.length > end) {
        if (this.#rest[end] !== COMMA) throw broken();
        const bytes = this.#rest.slice(colon + 1, end);
        this.#rest = this.#rest.subarray(end + 1);
        return bytes;
      }
      const buffer = new Uint8Array(READ_BYTES);
      const count = await this.#input.read(buffer);
      if (count === null) throw new Temporary("the server closed the connection");
      this.#rest = concatBytes(this.#rest, buffer.subarray(0, count));
    }
  }
}

function broken(): Temporary {
  return new Temporary("the server said something that is no netstring");
}
