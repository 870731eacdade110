/**
 * Standard input as a file that is read by position: what the programs that look into a constant database are given.
 */
import { readSync } from "node:fs";
import { errorText, Temporary } from "../../core/errors.ts";
import { CdbPages, type ReadAt } from "../../storage/cdb/pages.ts";

/** Reads standard input at a position. Throws Temporary when it is no file. */
export const readInputAt: ReadAt = (into, at) => {
  try {
    return readSync(0, into, 0, into.length, at);
  } catch (error) {
    // the code has no name before Deno 2.8
    if (error instanceof Error && /ESPIPE|Illegal seek/.test(error.message)) {
      throw new Temporary("standard input must be a cdb file, not a pipe or terminal: use <FILE");
    }
    throw new Temporary(`unable to read standard input: ${errorText(error)}`);
  }
};

/** The constant database on standard input. */
export function openInput(): CdbPages {
  return new CdbPages(readInputAt, "standard input");
}
