/** Moves bytes from one stream to another through filters, in large pieces, until the end. */
import { giveBuffer, takeBuffer } from "../../core/buffer_pool.ts";
import type { ByteReader, ByteWriter } from "../../core/stream.ts";
import type { LineEndFilter } from "./line_ends.ts";

/** The buffer of a stream that waits: hundreds of them may, inside tcpserver. */
const IDLE_BYTES = 2 * 1024;

/** Copies until `from` ends. Throws what reading or writing throws. */
export async function copyStream(
  from: ByteReader,
  to: ByteWriter,
  filters: readonly LineEndFilter[] = [],
): Promise<void> {
  const idle = new Uint8Array(IDLE_BYTES);
  let buffer = idle;
  for (;;) {
    const count = await from.read(buffer);
    if (count === null) break;
    await writeThrough(buffer.subarray(0, count), to, filters);
    if (buffer === idle && count === idle.length) buffer = takeBuffer();
    else if (buffer !== idle && count < idle.length) {
      giveBuffer(buffer);
      buffer = idle;
    }
  }
  if (buffer !== idle) giveBuffer(buffer);
  for (const [at, filter] of filters.entries()) await writeThrough(filter.end(), to, filters.slice(at + 1));
}

async function writeThrough(bytes: Uint8Array, to: ByteWriter, filters: readonly LineEndFilter[]): Promise<void> {
  let piece = bytes;
  for (const filter of filters) piece = filter.push(piece);
  if (piece.length > 0) await to.write(piece);
}
