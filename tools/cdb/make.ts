/**
 * How every program here makes a database: records go in as the input comes, and only a whole one is put in place.
 */
import { errorText, Permanent, Temporary } from "../../core/errors.ts";
import type { ByteReader } from "../../core/stream.ts";
import { CdbWriter } from "../../storage/cdb/writer.ts";
import { realDisk } from "../../storage/disk.ts";

const READ_BYTES = 256 * 1024;
/** Longest line of a text that becomes a database. */
export const LINE_BYTES_MAX = 1024 * 1024;

/** A file to be made, and the one that is written meanwhile. */
export interface Target {
  readonly path: string;
  readonly temporary: string;
}

/** Makes the database of what `fill` puts in. Throws Temporary; the old file is then untouched. */
export async function makeDatabase(target: Target, fill: (writer: CdbWriter) => Promise<void>): Promise<void> {
  const { path, temporary } = target;
  let writer: CdbWriter;
  try {
    writer = await CdbWriter.create(realDisk, path, temporary);
  } catch (error) {
    throw new Temporary(`unable to create ${temporary}: ${errorText(error)}`);
  }
  try {
    await fill(writer);
    await writer.finish();
  } catch (error) {
    await writer.abort().catch(() => undefined); // what failed before is what counts
    if (error instanceof Temporary) throw error;
    if (error instanceof Permanent) throw new Temporary(error.message);
    throw new Temporary(`unable to make ${path}: ${errorText(error)}`);
  }
}

/** Reads the whole input; `take` gets each part and says whether it wants more. */
export async function readInput(input: ByteReader, take: (bytes: Uint8Array) => Promise<boolean> | boolean) {
  const buffer = new Uint8Array(READ_BYTES);
  for (;;) {
    const count = await input.read(buffer);
    if (count === null || !await take(buffer.subarray(0, count))) return;
  }
}
