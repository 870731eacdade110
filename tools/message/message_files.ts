/** Input of the programs that take messages apart: files and standard input, read in large pieces to the end. */
import { errorText, Temporary } from "../../core/errors.ts";
import type { ByteReader } from "../../core/stream.ts";

const READ_BYTES = 256 * 1024;

/** Parts of a message that are looked at: nothing is kept of each, and each is at least a line of the message. Ours. */
export const MESSAGE_PARTS_MAX = 10_000_000;

/** Why the system refused, in its own words: what was called and with which path is said by the caller. */
export function systemReason(error: unknown): string {
  return errorText(error).replace(/ \(os error \d+\).*$/, "");
}

/** Opens a file to read. Throws Temporary naming it. */
export function openFile(path: string): Deno.FsFile {
  try {
    const file = Deno.openSync(path, { read: true });
    if (!file.statSync().isDirectory) return file;
    file.close();
  } catch (error) {
    throw new Temporary(`unable to read ${path}: ${systemReason(error)}`);
  }
  throw new Temporary(`unable to read ${path}: it is a folder`);
}

/** Gives the bytes of a file from its position on, in pieces that may be reused. Throws Temporary. */
export function readFilePieces(file: Deno.FsFile, path: string, take: (bytes: Uint8Array) => void): void {
  const buffer = new Uint8Array(READ_BYTES);
  for (;;) {
    let count: number | null;
    try {
      count = file.readSync(buffer);
    } catch (error) {
      throw new Temporary(`unable to read ${path}: ${systemReason(error)}`);
    }
    if (count === null) return;
    take(buffer.subarray(0, count));
  }
}

/** The same for a path. */
export function readPathPieces(path: string, take: (bytes: Uint8Array) => void): void {
  const file = openFile(path);
  try {
    readFilePieces(file, path, take);
  } finally {
    file.close();
  }
}

/** Reads standard input into a buffer; the count of bytes, null at its end. Throws Temporary. */
export async function readInput(reader: ByteReader, buffer: Uint8Array): Promise<number | null> {
  try {
    return await reader.read(buffer);
  } catch (error) {
    throw error instanceof Temporary ? error : new Temporary(`unable to read standard input: ${systemReason(error)}`);
  }
}

/** The same for a stream. */
export async function readStreamPieces(reader: ByteReader, take: (bytes: Uint8Array) => void): Promise<void> {
  const buffer = new Uint8Array(READ_BYTES);
  for (;;) {
    const count = await readInput(reader, buffer);
    if (count === null) return;
    take(buffer.subarray(0, count));
  }
}
