/** The lines by which recordio tells what passes: `PID < text`, each short enough to be written at once [man recordio.1]. */
import { latin1Bytes } from "../../core/bytes.ts";

const LF = 10;
const PLUS = 0x2b;
const SPACE = 0x20;
/** Bytes of text in one line, so that pipes do not tear it. */
export const RECORD_BYTES_MAX = 256;

/** The lines about a piece of data; `head` is `PID < ` or `PID > `. */
export function recordLines(head: string, bytes: Uint8Array): Uint8Array {
  const start = latin1Bytes(head);
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (let at = 0; at < bytes.length;) {
    const limit = Math.min(bytes.length, at + RECORD_BYTES_MAX);
    const lf = bytes.indexOf(LF, at);
    const ends = lf >= 0 && lf < limit;
    const text = bytes.subarray(at, ends ? lf : limit);
    pieces.push(start, text, Uint8Array.of(ends ? SPACE : PLUS, LF));
    length += start.length + text.length + 2;
    at += text.length + (ends ? 1 : 0);
  }
  const lines = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    lines.set(piece, at);
    at += piece.length;
  }
  return lines;
}
