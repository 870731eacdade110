/**
 * The message that is being delivered: in memory, or a part of a queue file. It is read as often as there are
 * instructions; nothing here keeps a large one in memory.
 */
import { latin1Text } from "../../core/bytes.ts";
import { Temporary } from "../../core/errors.ts";

/** A message to deliver, LF line ends. */
export interface DeliverableMessage {
  readonly sizeBytes: number;
  /** All bytes when they are in memory anyway. */
  readonly bytes?: Uint8Array;
  /** The file, when it is one: the message begins at `offsetBytes`. */
  readonly file?: { readonly path: string; readonly offsetBytes: number };
  chunks(): AsyncIterable<Uint8Array>;
}

const CHUNK_BYTES = 128 * 1024;
/** Bytes of a header that are looked at for loops; a longer one is cut there. */
const HEADER_BYTES_MAX = 1024 * 1024;

/** A message in memory. */
export function memoryMessage(bytes: Uint8Array): DeliverableMessage {
  return {
    sizeBytes: bytes.length,
    bytes,
    async *chunks() {
      yield bytes;
    },
  };
}

/** A message in a file. Reading throws Temporary when the file is shorter than it was. */
export function fileMessage(path: string, offsetBytes: number, sizeBytes: number): DeliverableMessage {
  return {
    sizeBytes,
    file: { path, offsetBytes },
    async *chunks() {
      using file = await Deno.open(path);
      file.seekSync(offsetBytes, Deno.SeekMode.Start);
      const buffer = new Uint8Array(Math.min(CHUNK_BYTES, sizeBytes));
      for (let left = sizeBytes; left > 0;) {
        const count = await file.read(buffer.subarray(0, Math.min(left, buffer.length)));
        if (count === null) throw new Temporary(`${path} is ${left} bytes shorter than it should be`);
        left -= count;
        yield buffer.subarray(0, count);
      }
    },
  };
}

/** The header as latin1 text, its last line ended. */
export async function messageHeader(message: DeliverableMessage): Promise<string> {
  if (message.bytes) return headerOf(message.bytes);
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of message.chunks()) {
    parts.push(chunk.slice());
    length += chunk.length;
    const text = parts.map(latin1Text).join("");
    const end = text.indexOf("\n\n");
    if (end >= 0) return text.slice(0, end + 1);
    if (length >= HEADER_BYTES_MAX) return text;
  }
  return parts.map(latin1Text).join("");
}

function headerOf(bytes: Uint8Array): string {
  let end = bytes.indexOf(10);
  while (end >= 0 && end < HEADER_BYTES_MAX && bytes[end + 1] !== 10) end = bytes.indexOf(10, end + 1);
  return latin1Text(bytes.subarray(0, end < 0 ? Math.min(bytes.length, HEADER_BYTES_MAX) : end + 1));
}

/** How often a header line stands in the header, whatever the case of its letters. */
export function countHeaderLine(header: string, line: string): number {
  const haystack = `\n${header.toLowerCase()}`;
  const needle = `\n${line.toLowerCase()}\n`;
  let count = 0;
  for (let at = haystack.indexOf(needle); at >= 0; at = haystack.indexOf(needle, at + needle.length - 1)) count++;
  return count;
}
