/** Cuts a stream of bytes into lines of text, for logs: invalid UTF-8 is shown as such, a line too long is cut in pieces. */

/** Longest line that is handed on whole, in bytes; multilog's buffer is of this order. */
export const LINE_BYTES_MAX = 16 * 1024;
const LF = 10;

/** Calls `onLine` with each line, without its LF. */
export class LineSplitter {
  readonly #onLine: (text: string) => void;
  readonly #decoder = new TextDecoder();
  #rest = new Uint8Array(0);

  constructor(onLine: (text: string) => void) {
    this.#onLine = onLine;
  }

  /** Takes the next bytes; they may be used again afterwards. Whole lines are decoded together: one call is cheaper. */
  push(bytes: Uint8Array): void {
    const first = this.#rest.length > 0 ? bytes.indexOf(LF) : -1;
    if (first >= 0) this.#emit(bytes.subarray(0, first));
    const start = first + 1;
    const last = bytes.lastIndexOf(LF);
    if (last >= start) {
      for (const line of this.#decoder.decode(bytes.subarray(start, last)).split("\n")) this.#onLine(line);
    }
    const rest = bytes.subarray(last + 1);
    if (this.#rest.length + rest.length >= LINE_BYTES_MAX) this.#emit(rest);
    else if (rest.length > 0) this.#rest = joined(this.#rest, rest);
  }

  /** No more bytes come: hands on what has no LF. */
  end(): void {
    if (this.#rest.length > 0) this.#emit(this.#rest.subarray(0, 0));
  }

  #emit(last: Uint8Array): void {
    const line = this.#rest.length > 0 ? joined(this.#rest, last) : last;
    this.#rest = new Uint8Array(0);
    this.#onLine(this.#decoder.decode(line));
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
