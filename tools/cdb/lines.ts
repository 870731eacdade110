/**
 * Databases from lines of text: each line gives some records. Text is latin1, one character a byte.
 */
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { Temporary } from "../../core/errors.ts";
import type { ByteReader } from "../../core/stream.ts";
import type { CdbWriter } from "../../storage/cdb/writer.ts";
import { LINE_BYTES_MAX, makeDatabase, readInput, type Target } from "./make.ts";

/** A record as text: key and data. */
export type TextRecord = readonly [key: string, data: string];

/** Adds a record; the caller drains the writer when it is full. */
export function addRecord(writer: CdbWriter, [key, data]: TextRecord): void {
  writer.begin(key.length, data.length);
  writer.key(latin1Bytes(key));
  writer.data(latin1Bytes(data));
}

/** Makes the database of all lines of the input. Throws Temporary for a line too long. */
export async function makeFromLines(
  input: ByteReader,
  target: Target,
  recordsOf: (line: string) => Iterable<TextRecord>,
): Promise<void> {
  await makeDatabase(target, async (writer) => {
    let rest = "";
    const add = (line: string) => {
      for (const record of recordsOf(line)) addRecord(writer, record);
    };
    await readInput(input, async (bytes) => {
      const lines = (rest + latin1Text(bytes)).split("\n");
      rest = lines.pop() ?? "";
      if (rest.length > LINE_BYTES_MAX) throw new Temporary(`a line is longer than ${LINE_BYTES_MAX} bytes`);
      lines.forEach(add);
      if (writer.full) await writer.drain();
      return true;
    });
    if (rest !== "") add(rest);
  });
}

/** The words of a line. */
export function words(line: string): string[] {
  return line.split(/[ \t\n]+/).filter((word) => word !== "");
}
