/** Cuts a stream into lines of bytes, for programs that rewrite what people or peers wrote. One buffer, no copies. */
import { Permanent } from "../../core/errors.ts";
import type { ByteReader } from "../../core/stream.ts";

const LF = 10;
const READ_BYTES = 256 * 1024;
/** Longest line. */
export const LINE_BYTES_MAX = 8 * 1024 * 1024;

/**
 * Calls `onLines` with the lines of each read, without their LF; they are views that are valid until it has settled. A last
 * line without LF counts. Throws Permanent when a line is longer than LINE_BYTES_MAX.
 */
export async function readByteLines(
  input: ByteReader,
  onLines: (lines: readonly Uint8Array[]) => Promise<void> | void,
): Promise<void> {
  let buffer = new Uint8Array(READ_BYTES);
  let held = 0;
  for (;;) {
    if (held === buffer.length) {
      if (held >= LINE_BYTES_MAX) throw new Permanent(`a line is longer than ${LINE_BYTES_MAX} bytes`);
      const larger = new Uint8Array(buffer.length * 2);
      larger.set(buffer);
      buffer = larger;
    }
    const count = await input.read(buffer.subarray(held));
    if (count === null) break;
    const end = held + count;
    const lines: Uint8Array[] = [];
    let start = 0;
    for (let at = buffer.indexOf(LF, held); at >= 0 && at < end; at = buffer.indexOf(LF, start)) {
      lines.push(buffer.subarray(start, at));
      start = at + 1;
    }
    if (lines.length > 0) await onLines(lines);
    buffer.copyWithin(0, start, end);
    held = end - start;
  }
  if (held > 0) await onLines([buffer.subarray(0, held)]);
}
