/** The lines of a log whose label is in a range of time, over chunks of bytes. */
import { concatBytes, latin1Bytes } from "../../core/bytes.ts";
import { parseStamp, STAMP_BYTES } from "./stamp.ts";

const LF = 10;
const NONE = new Uint8Array(0);

/** Labels with their `@`; a line is in the range when start <= label < stop, or when it has none. */
export interface StampBounds {
  readonly start: string;
  readonly stop: string;
}

/** See above. */
export class StampRange {
  readonly #start: Uint8Array;
  readonly #stop: Uint8Array;
  #kept: Uint8Array = NONE;
  #atLineStart = true;
  #taking = true;

  constructor({ start, stop }: StampBounds) {
    this.#start = latin1Bytes(start);
    this.#stop = latin1Bytes(stop);
  }

  /** The parts of the next bytes that are in the range, which touch the caller's buffer. */
  push(chunk: Uint8Array): Uint8Array[] {
    const bytes = this.#kept.length > 0 ? concatBytes(this.#kept, chunk) : chunk;
    this.#kept = NONE;
    return this.#select(bytes, "more");
  }

  /** What was kept back. */
  end(): Uint8Array[] {
    const bytes = this.#kept;
    this.#kept = NONE;
    return this.#select(bytes, "end");
  }

  #select(bytes: Uint8Array, what: "more" | "end"): Uint8Array[] {
    const parts: Uint8Array[] = [];
    let from = 0; // start of the run of lines that are taken
    let at = 0;
    while (at < bytes.length) {
      const lf = bytes.indexOf(LF, at);
      if (this.#atLineStart) {
        if (lf < 0 && what === "more" && bytes.length - at < STAMP_BYTES) {
          this.#kept = bytes.slice(at);
          break;
        }
        const taking = this.#holds(bytes, at);
        if (this.#taking && !taking && at > from) parts.push(bytes.subarray(from, at));
        if (!this.#taking && taking || !taking) from = at;
        this.#taking = taking;
      }
      this.#atLineStart = lf >= 0;
      at = lf < 0 ? bytes.length : lf + 1;
    }
    if (this.#taking && at > from) parts.push(bytes.subarray(from, at));
    return parts;
  }

  #holds(bytes: Uint8Array, at: number): boolean {
    if (!parseStamp(bytes, at)) return true;
    return order(bytes, at, this.#start) >= 0 && order(bytes, at, this.#stop) < 0;
  }
}

function order(bytes: Uint8Array, at: number, stamp: Uint8Array): number {
  for (let place = 0; place < STAMP_BYTES; place++) {
    const difference = (bytes[at + place] ?? 0) - stamp[place]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
