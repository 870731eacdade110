/** The first line of a stream, for what is asked for one at a time: a password on standard input. */

/** Longest line, bytes; a longer one is cut. */
const LINE_BYTES_MAX = 1024;

/** The first line, without its end; empty when there is none. What follows it may have been read, too. */
export async function readFirstLine(reader: { read(into: Uint8Array): Promise<number | null> }): Promise<string> {
  const buffer = new Uint8Array(LINE_BYTES_MAX);
  let length = 0;
  while (length < buffer.length && !buffer.subarray(0, length).includes(0x0a)) {
    const count = await reader.read(buffer.subarray(length));
    if (count === null) break;
    length += count;
  }
  return new TextDecoder().decode(buffer.subarray(0, length)).split("\n")[0] ?? "";
}
