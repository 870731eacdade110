/** The names that a client is fed: each ends with a NUL; and the results that it prints. */
import { concatBytes, latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { Temporary } from "../../core/errors.ts";
import type { ByteReader, ByteWriter } from "../../core/stream.ts";

const READ_BYTES = 64 * 1024;
/** Longest name (PATH_MAX of Linux). */
const NAME_BYTES_MAX = 4096;
/** Longest text of a result that is printed; what is longer is cut. */
export const TEXT_BYTES_MAX = 2000;

/** The names on standard input; a last one without NUL is none. */
export async function* readNames(input: ByteReader): AsyncGenerator<string> {
  const buffer = new Uint8Array(READ_BYTES);
  let rest: Uint8Array = new Uint8Array(0);
  for (let count = await input.read(buffer); count !== null; count = await input.read(buffer)) {
    rest = concatBytes(rest, buffer.subarray(0, count));
    for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
      yield latin1Text(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
    }
    if (rest.length > NAME_BYTES_MAX) throw new Temporary(`a file name is longer than ${NAME_BYTES_MAX} bytes`);
  }
}

/** What became of a file: accepted, rejected for now, rejected for good. */
export type Status = "K" | "Z" | "D";

/** Prints a result: the text in one line of printable characters. */
export async function writeResult(
  output: ByteWriter,
  result: { readonly name: string; readonly status: Status; readonly text: string },
): Promise<void> {
  const text = result.text.replace(/\n+$/, "").replaceAll("\n", "/").replace(/[^ -~]/g, "?").slice(0, TEXT_BYTES_MAX);
  await output.write(latin1Bytes(`${result.name}\0${result.status}${text}\n`));
}
