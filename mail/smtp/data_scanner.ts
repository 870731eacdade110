/**
 * The receiving side of DATA: finds the one true end (CRLF.CRLF), undoes dot-stuffing, turns CRLF into LF, refuses bare
 * CR and LF, counts hops. Works in place on a buffer and line by line with indexOf, never byte by byte: a message may be
 * 50 MB [rfc5321 4.5.2] [man qmail-smtpd.8].
 */
import { HEADER_LINE_KEPT_BYTES } from "./limits.ts";

const LF = 10;
const CR = 13;
const DOT = 46;

/** What came of the bytes so far. */
export type DataState = "more" | "end" | "bare-lf" | "bare-cr";

const HOP_FIELDS = ["received:", "delivered-to:"].map((name) => new TextEncoder().encode(name));

/** One message's scanner. */
export class DataScanner {
  /** Where the output ends in the buffer, after `scan`. */
  outputEnd = 0;
  /** Where the input begins that is not taken yet: after the end of data, the next command. */
  inputStart = 0;
  /** Bytes of the message so far, in LF form. */
  sizeBytes = 0;
  /** Received and Delivered-To fields of its header so far. */
  hops = 0;
  #atLineStart = true;
  #inHeader = true;

  /**
   * Takes `buffer` from `input` to `inputEnd` and writes its output at `output`, which is not behind `input`. A few bytes
   * may be left over until more have come: they must be in front of those then.
   */
  scan(
    buffer: Uint8Array,
    range: { readonly output: number; readonly input: number; readonly inputEnd: number },
  ): DataState {
    const bytes = range.inputEnd === buffer.length ? buffer : buffer.subarray(0, range.inputEnd);
    const end = range.inputEnd;
    let to = range.output;
    let from = range.input;
    let state: DataState = "more";
    while (from < end) {
      let start = from;
      if (this.#atLineStart && bytes[from] === DOT) {
        if (end - from < 3 && (end - from === 1 || bytes[from + 1] === CR)) break;
        if (bytes[from + 1] === CR && bytes[from + 2] === LF) {
          from += 3;
          state = "end";
          break;
        }
        start++;
      }
      const lf = bytes.indexOf(LF, start);
      const cr = bytes.indexOf(CR, start);
      if (lf < 0) {
        const stop = cr < 0 ? end : cr;
        if (cr >= 0 && cr < end - 1) {
          state = "bare-cr";
          break;
        }
        if (this.#inHeader && this.#atLineStart && end - from < HEADER_LINE_KEPT_BYTES) break;
        if (stop > start || start > from) {
          if (this.#inHeader && this.#atLineStart) this.#header(bytes, start, stop);
          bytes.copyWithin(to, start, stop);
          to += stop - start;
          this.#atLineStart = false;
        }
        from = stop;
        break;
      }
      if (cr < 0 || cr !== lf - 1) {
        state = cr >= 0 && cr < lf ? "bare-cr" : "bare-lf";
        break;
      }
      if (this.#inHeader && this.#atLineStart) this.#header(bytes, start, cr);
      if (to !== start) bytes.copyWithin(to, start, cr);
      to += cr - start;
      bytes[to++] = LF;
      this.#atLineStart = true;
      from = lf + 1;
    }
    this.sizeBytes += to - range.output;
    this.outputEnd = to;
    this.inputStart = from;
    return state;
  }

  #header(bytes: Uint8Array, start: number, end: number): void {
    if (start === end) {
      this.#inHeader = false;
      return;
    }
    const first = bytes[start]! | 0x20;
    const name = first === 0x72 ? HOP_FIELDS[0]! : first === 0x64 ? HOP_FIELDS[1]! : undefined;
    if (name === undefined || end - start < name.length) return;
    for (let at = 1; at < name.length; at++) if ((bytes[start + at]! | 0x20) !== (name[at]! | 0x20)) return;
    this.hops++;
  }
}
