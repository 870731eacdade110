/**
 * The message of qmail-local and vdelivermail: descriptor 0, read once into memory or, when it is large, into a file of
 * its own, so that every instruction can read it from the beginning.
 */
import { concatBytes } from "../../core/bytes.ts";
import type { ByteReader } from "../../core/stream.ts";
import { type DeliverableMessage, fileMessage, memoryMessage } from "./message.ts";

/** Up to this size a message stays in memory. */
const MEMORY_BYTES_MAX = 1024 * 1024;
const CHUNK_BYTES = 128 * 1024;

/** A message that was read, and what removes its file. */
export interface StdinMessage extends Disposable {
  readonly message: DeliverableMessage;
}

/** Reads all of `stdin`. */
export async function readStdinMessage(stdin: ByteReader): Promise<StdinMessage> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const part = new Uint8Array(CHUNK_BYTES);
    const count = await stdin.read(part);
    if (count === null) return { message: memoryMessage(concatBytes(...parts)), [Symbol.dispose]() {} };
    parts.push(part.subarray(0, count));
    length += count;
    if (length > MEMORY_BYTES_MAX) return await spool(stdin, concatBytes(...parts));
  }
}

async function spool(stdin: ByteReader, first: Uint8Array): Promise<StdinMessage> {
  const path = Deno.makeTempFileSync({ prefix: "message." });
  const remove = () => Deno.removeSync(path);
  try {
    using file = await Deno.open(path, { write: true });
    let length = 0;
    const put = async (bytes: Uint8Array) => {
      for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
      length += bytes.length;
    };
    await put(first);
    const buffer = new Uint8Array(CHUNK_BYTES);
    for (let count = await stdin.read(buffer); count !== null; count = await stdin.read(buffer)) {
      await put(buffer.subarray(0, count));
    }
    return { message: fileMessage(path, 0, length), [Symbol.dispose]: remove };
  } catch (error) {
    remove();
    throw error;
  }
}
