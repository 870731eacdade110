/** Files that are written whole under another name, synced, readable by everybody, and then put in place. */
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { controlLine } from "../../core/control_lines.ts";
import { errorText, Permanent, Temporary } from "../../core/errors.ts";
import type { ByteReader } from "../../core/stream.ts";
import type { AddressDefaults } from "../../mail/address/recipient_list.ts";
import { CdbWriter } from "../../storage/cdb/writer.ts";
import { type Disk, realDisk } from "../../storage/disk.ts";
import type { ForwardRecord } from "./forward_text.ts";

const READ_BYTES = 128 * 1024;
/** Text that is gathered before it is written. */
const WRITE_CHARS = 256 * 1024;
/** Bytes of a file that is read whole. Ours. */
const FILE_BYTES_MAX = 256 * 1024 * 1024;
const MODE = 0o644;

/** Where a file is made and where it goes. */
export interface FilePlace {
  readonly path: string;
  readonly temporary: string;
}

/** Control files that complete addresses, for the declarations of programs. */
export const ADDRESS_CONTROL = ["me", "defaulthost", "defaultdomain", "plusdomain"] as const;

/** Reads them; each stands for control/me where it is missing. Throws Temporary. */
export function readAddressDefaults(control: string): AddressDefaults {
  const me = controlLine(control, "me") ?? "me";
  return {
    defaultHost: controlLine(control, "defaulthost") ?? me,
    defaultDomain: controlLine(control, "defaultdomain") ?? me,
    plusDomain: controlLine(control, "plusdomain") ?? me,
  };
}

/** Standard input as latin1 text, piece by piece. Throws Temporary. */
export async function* inputText(reader: ByteReader): AsyncGenerator<string> {
  const buffer = new Uint8Array(READ_BYTES);
  for (;;) {
    let count: number | null;
    try {
      count = await reader.read(buffer);
    } catch (error) {
      throw new Temporary(`unable to read standard input: ${errorText(error)}`);
    }
    if (count === null) return;
    yield latin1Text(buffer.subarray(0, count));
  }
}

/** A file as latin1 text. Throws Temporary. */
export async function readText(path: string): Promise<string> {
  try {
    const { size } = await Deno.stat(path);
    if (size > FILE_BYTES_MAX) throw new Temporary(`it is larger than ${FILE_BYTES_MAX} bytes`);
    return latin1Text(await Deno.readFile(path));
  } catch (error) {
    throw new Temporary(`unable to read ${path}: ${errorText(error)}`);
  }
}

/** Lets refusals pass; anything else is trouble with the file. */
function asTemporary(error: unknown, path: string): Error {
  if (error instanceof Permanent || error instanceof Temporary) return error;
  return new Temporary(`unable to write ${path}: ${errorText(error)}`);
}

type Produce<T> = AsyncIterable<T> | Iterable<T>;

/** Writes a forwarding database. What `batches` throws leaves the old one. Throws Temporary. */
export async function writeRecords(
  place: FilePlace,
  batches: Produce<Iterable<ForwardRecord>>,
  disk: Disk = realDisk,
): Promise<void> {
  let writer: CdbWriter;
  try {
    writer = await CdbWriter.create(disk, place.path, place.temporary);
  } catch (error) {
    throw asTemporary(error, place.temporary);
  }
  try {
    for await (const records of batches) {
      for (const { key, data } of records) {
        writer.addText(key, data);
        if (writer.full) await writer.drain();
      }
    }
    await disk.chmod(place.temporary, MODE);
    await writer.finish();
  } catch (error) {
    await writer.abort().catch(() => undefined); // what failed before is what counts
    throw asTemporary(error, place.path);
  }
}

/** Writes a file of text. What `parts` throws leaves the old one. Throws Temporary. */
export async function writeParts(place: FilePlace, parts: Produce<string>, disk: Disk = realDisk): Promise<void> {
  const { path, temporary } = place;
  try {
    const file = await disk.open(temporary, { write: true, create: true, truncate: true, mode: MODE });
    try {
      let pending = "";
      for await (const part of parts) {
        pending += part;
        if (pending.length < WRITE_CHARS) continue;
        await file.append(latin1Bytes(pending));
        pending = "";
      }
      await file.append(latin1Bytes(pending));
      await disk.chmod(temporary, MODE);
      await file.sync({ metadata: true });
    } finally {
      file.close();
    }
    await disk.rename(temporary, path);
    await disk.syncDirectory(path.replace(/[^/]*$/, "") || ".");
  } catch (error) {
    await disk.unlink(temporary).catch(() => undefined); // it may never have been made
    throw asTemporary(error, path);
  }
}
