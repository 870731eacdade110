/** The records of a constant database that comes as a stream, in the order they were added [spec formats 9]. */
import { concatBytes, latin1Text } from "../../core/bytes.ts";
import { errorText, Permanent, Temporary } from "../../core/errors.ts";
import type { ByteReader } from "../../core/stream.ts";
import { HEADER_BYTES } from "../../storage/cdb/hash.ts";
import type { ForwardRecord } from "./forward_text.ts";
import { INSTRUCTION_BYTES_MAX } from "./limits.ts";

const READ_BYTES = 128 * 1024;
/** The two lengths in front of a record. */
const LENGTHS_BYTES = 8;

const bad = (what: string) => new Permanent(`not a forwarding database: ${what}`);

const u32 = (bytes: Uint8Array, at: number) =>
  (bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24) >>> 0;

/** `waiting` and more of the input, so that it has at least that many bytes. Throws Permanent when the input ends. */
async function readTo(reader: ByteReader, waiting: Uint8Array, needed: number): Promise<Uint8Array> {
  const parts = [waiting];
  for (let size = waiting.length; size < needed;) {
    const buffer = new Uint8Array(READ_BYTES);
    let count: number | null;
    try {
      count = await reader.read(buffer);
    } catch (error) {
      throw new Temporary(`unable to read standard input: ${errorText(error)}`);
    }
    if (count === null) throw bad("it ends too early");
    parts.push(buffer.subarray(0, count));
    size += count;
  }
  return concatBytes(...parts);
}

/** The records as latin1 text, as many at once as have come. Throws Permanent when it is no whole database. */
export async function* streamedRecords(reader: ByteReader): AsyncGenerator<readonly ForwardRecord[]> {
  let waiting = await readTo(reader, new Uint8Array(0), HEADER_BYTES);
  let left = u32(waiting, 0) - HEADER_BYTES; // the first hash table begins where the records end
  if (left < 0) throw bad("its first table has no place");
  waiting = waiting.subarray(HEADER_BYTES);
  while (left > 0) {
    const records: ForwardRecord[] = [];
    let at = 0;
    let needed = LENGTHS_BYTES;
    while (left > 0 && waiting.length - at >= LENGTHS_BYTES) {
      const [keyBytes, dataBytes] = [u32(waiting, at), u32(waiting, at + 4)];
      const bytes = LENGTHS_BYTES + keyBytes + dataBytes;
      if (bytes > left) throw bad("a record is longer than the file");
      if (bytes > INSTRUCTION_BYTES_MAX) throw bad("a record is too long");
      needed = bytes;
      if (waiting.length - at < bytes) break;
      needed = LENGTHS_BYTES;
      const dataAt = at + LENGTHS_BYTES + keyBytes;
      const key = latin1Text(waiting.subarray(at + LENGTHS_BYTES, dataAt));
      records.push({ key, data: latin1Text(waiting.subarray(dataAt, dataAt + dataBytes)) });
      at += bytes;
      left -= bytes;
    }
    if (left > 0 && left < LENGTHS_BYTES) throw bad("a record is longer than the file");
    waiting = waiting.subarray(at);
    if (left > 0) waiting = await readTo(reader, waiting, needed);
    yield records;
  }
}
