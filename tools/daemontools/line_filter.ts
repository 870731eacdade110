/**
 * Filters that change the start of each line and copy the rest: tai64n and its kin. Whole chunks are worked on; a line's
 * start is kept back only until enough of it is there to tell what it is, so that `tail -F` stays live.
 */
import type { OptionSpecs, Proc } from "../../core/applet.ts";
import { concatBytes } from "../../core/bytes.ts";

/** Bytes read at a time; a pipe holds 64 KB. */
const READ_BYTES = 256 * 1024;
const LF = 10;
const NONE = new Uint8Array(0);

/** What is done at the start of each line. */
export interface LineStart {
  /** Bytes of a line that `convert` may look at. */
  readonly bytesMax: number;
  /** Most bytes that it writes. */
  readonly outputBytesMax: number;
  /** Called before each chunk. */
  begin?(): void;
  /** Writes what stands for the start of the line at `at` to `output` at `used`; the counts of bytes taken and written. */
  convert(bytes: Uint8Array, at: number, into: { readonly output: Uint8Array; readonly used: number }): LineStartResult;
}

/** See above. The same object may be given back each time. */
export interface LineStartResult {
  taken: number;
  written: number;
}

/** A filter over chunks. */
export class LineFilter {
  readonly #start: LineStart;
  #output = new Uint8Array(READ_BYTES * 2);
  #used = 0;
  #kept: Uint8Array = NONE;
  #atLineStart = true;

  constructor(start: LineStart) {
    this.#start = start;
  }

  /** What the next bytes become; valid until the next call. */
  push(chunk: Uint8Array): Uint8Array {
    const bytes = this.#kept.length > 0 ? concatBytes(this.#kept, chunk) : chunk;
    this.#kept = NONE;
    return this.#convert(bytes, "more");
  }

  /** What was kept back becomes. */
  end(): Uint8Array {
    const bytes = this.#kept;
    this.#kept = NONE;
    return this.#convert(bytes, "end");
  }

  #convert(bytes: Uint8Array, what: "more" | "end"): Uint8Array {
    const { bytesMax, outputBytesMax } = this.#start;
    this.#start.begin?.();
    this.#used = 0;
    for (let at = 0; at < bytes.length;) {
      let lf = bytes.indexOf(LF, at);
      if (this.#atLineStart) {
        if (lf < 0 && what === "more" && bytes.length - at < bytesMax) {
          this.#kept = bytes.slice(at);
          break;
        }
        this.#reserve(outputBytesMax);
        const { taken, written } = this.#start.convert(bytes, at, { output: this.#output, used: this.#used });
        this.#used += written;
        at += taken;
      }
      if (lf < 0) lf = bytes.length - 1;
      this.#copy(bytes, at, lf + 1);
      this.#atLineStart = bytes[lf] === LF;
      at = lf + 1;
    }
    return this.#output.subarray(0, this.#used);
  }

  #copy(bytes: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start);
    const output = this.#output;
    let used = this.#used;
    if (end - start > 200) {
      output.set(bytes.subarray(start, end), used);
      used += end - start;
    } else for (let at = start; at < end; at++) output[used++] = bytes[at]!; // for a short line cheaper than a call
    this.#used = used;
  }

  #reserve(count: number): void {
    if (this.#used + count <= this.#output.length) return;
    const larger = new Uint8Array((this.#used + count) * 2);
    larger.set(this.#output.subarray(0, this.#used));
    this.#output = larger;
  }
}

/** Runs standard input through a filter to standard output; the next bytes are read while the last are worked on. */
export async function filterInput<O extends OptionSpecs>(proc: Proc<O>, start: LineStart): Promise<void> {
  const filter = new LineFilter(start);
  let buffer = new Uint8Array(READ_BYTES);
  let other = new Uint8Array(READ_BYTES);
  let reading = proc.stdin.read(buffer);
  for (;;) {
    const count = await reading;
    const bytes = buffer.subarray(0, count ?? 0);
    [buffer, other] = [other, buffer];
    if (count !== null) {
      reading = proc.stdin.read(buffer);
      reading.catch(() => {}); // told when it is awaited, unless a write fails before
    }
    const output = count === null ? filter.end() : filter.push(bytes);
    if (output.length > 0) await proc.stdout.write(output);
    if (count === null) return;
  }
}
