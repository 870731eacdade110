/**
 * A message with LF line ends on its way out: CRLF line ends, a dot before each line that begins with one, and the final
 * CRLF.CRLF, however the message is cut into chunks [rfc5321 4.5.2].
 */

const LF = 10;
const CR = 13;
const DOT = 46;

/** Turns chunks of one message into what goes over the wire. */
export class DotStuffer {
  #atLineStart = true;
  #lastByte = LF;

  /** The wire form of the next bytes. A CR before an LF is kept as the one of the line end. */
  transform(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
    let lineEnds = 0;
    for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, at + 1)) lineEnds++;
    // at most a CR and a dot more for each line
    const out = new Uint8Array(chunk.length + 2 * lineEnds + 1);
    let used = 0;
    let start = 0;
    while (start < chunk.length) {
      if (this.#atLineStart && chunk[start] === DOT) out[used++] = DOT;
      const end = chunk.indexOf(LF, start);
      if (end < 0) {
        out.set(chunk.subarray(start), used);
        used += chunk.length - start;
        this.#atLineStart = false;
        this.#lastByte = chunk[chunk.length - 1]!;
        return out.subarray(0, used);
      }
      out.set(chunk.subarray(start, end), used);
      used += end - start;
      const before = end > start ? chunk[end - 1]! : this.#lastByte;
      const alreadyCr = before === CR && (end > start || !this.#atLineStart);
      if (!alreadyCr) out[used++] = CR;
      out[used++] = LF;
      this.#atLineStart = true;
      this.#lastByte = LF;
      start = end + 1;
    }
    return out.subarray(0, used);
  }

  /** What ends the message: a line end if its last line had none, and the dot. */
  end(): Uint8Array<ArrayBuffer> {
    return new TextEncoder().encode(this.#atLineStart ? ".\r\n" : "\r\n.\r\n");
  }
}
