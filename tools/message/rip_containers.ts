/** Files in TNEF and OLE files that ripmime has written: each becomes a file too. */
import { errorText } from "../../core/errors.ts";
import { decodeUtf8OrLatin1 } from "../../mail/mime/charset.ts";
import { isOle, oleFiles } from "../../mail/mime/ole.ts";
import { bytesReader, type ContainedFile, type RandomReader } from "../../mail/mime/random_reader.ts";
import { isTnef, tnefFiles } from "../../mail/mime/tnef.ts";
import { openFile } from "./message_files.ts";
import type { RipWorld } from "./rip_message.ts";

const COPY_BYTES = 64 * 1024;

function fileReader(file: Deno.FsFile): RandomReader {
  return {
    size: file.statSync().size,
    read(at, length) {
      const bytes = new Uint8Array(length);
      file.seekSync(at, Deno.SeekMode.Start);
      let filled = 0;
      while (filled < length) {
        const count = file.readSync(bytes.subarray(filled));
        if (count === null) break;
        filled += count;
      }
      return bytes.subarray(0, filled);
    },
  };
}

/** Writes the files that are in a file, if it is TNEF or OLE, as its beginning tells, and that is to be decoded. */
export function unpackContainer(world: RipWorld, path: string, beginning: Uint8Array): void {
  const { decodes } = world.options;
  const start = bytesReader(beginning);
  if (!(decodes.tnef && isTnef(start)) && !(decodes.ole && isOle(start))) return;
  const file = openFile(path);
  try {
    const reader = fileReader(file);
    const contained = containedFiles(reader, decodes);
    for (const inner of contained) writeContained(world, reader, inner);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    world.report.warn(`${path} is broken: ${errorText(error)}`);
  } finally {
    file.close();
  }
}

function containedFiles(
  reader: RandomReader,
  decodes: { readonly tnef: boolean; readonly ole: boolean },
): readonly ContainedFile[] {
  if (isTnef(reader)) return decodes.tnef ? tnefFiles(reader) : [];
  return decodes.ole ? oleFiles(reader) : [];
}

function writeContained(world: RipWorld, reader: RandomReader, inner: ContainedFile): void {
  const type = "application/octet-stream";
  const name = world.names.nameFor(decodeUtf8OrLatin1(inner.name), type);
  world.report.file(name, type);
  const file = world.folder.create(name, { overwrite: world.options.overwrite });
  for (const { at, length } of inner.ranges) {
    for (let done = 0; done < length; done += COPY_BYTES) {
      file.write(reader.read(at + done, Math.min(COPY_BYTES, length - done)));
    }
  }
  file.close();
}
