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

/** Bytes from a reader in pieces of the length asked for. */
class Pieces {
  readonly #reader: ByteReader;
  readonly #buffer = new Uint8Array(READ_BYTES);
  #waiting: Uint8Array = new Uint8Array(0);

  constructor(reader: ByteReader) {
    this.#reader = reader;
  }

  /** That many bytes, valid until the next call. Throws Permanent when the input ends before. */
  async take(length: number): Promise<Uint8Array> {
    if (length > INSTRUCTION_BYTES_MAX) throw bad("a record is too long");
    const parts = [this.#waiting];
    let size = this.#waiting.length;
    while (size < length) {
      const count = await this.#read();
      if (count === null) throw bad("it ends too early");
      parts.push(this.#buffer.slice(0, count));
      size += count;
    }
    const all = parts.length === 1 ? this.#waiting : concatBytes(...parts);
    this.#waiting = all.subarray(length);
    return all.subarray(0, length);
  }

  async #read(): Promise<number | null> {
    try {
      return await this.#reader.read(this.#buffer);
    } catch (error) {
      throw new Temporary(`unable to read standard input: ${errorText(error)}`);
    }
  }
}

const u32 = (bytes: Uint8Array, at: number) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);

/** The records as latin1 text. Throws Permanent when it is no whole database. */
export async function* streamedRecords(reader: ByteReader): AsyncGenerator<ForwardRecord> {
  const pieces = new Pieces(reader);
  const end = u32(await pieces.take(HEADER_BYTES), 0); // the first hash table begins where the records end
  if (end < HEADER_BYTES) throw bad("its first table has no place");
  for (let at = HEADER_BYTES; at < end;) {
    const lengths = await pieces.take(LENGTHS_BYTES);
    const [keyBytes, dataBytes] = [u32(lengths, 0), u32(lengths, 4)];
    at += LENGTHS_BYTES + keyBytes + dataBytes;
    if (at > end) throw bad("a record is longer than the file");
    const key = latin1Text(await pieces.take(keyBytes));
    yield { key, data: latin1Text(await pieces.take(dataBytes)) };
  }
}
