/**
 * Standard input as a file that is read by position: what the programs that look into a constant database are given.
 */
import { readSync } from "node:fs";
import { errorText, Temporary } from "../../core/errors.ts";
import { CdbPages } from "../../storage/cdb/pages.ts";

/** A pipe gives the next bytes only. The code of the error has no name before Deno 2.8. */
function isNoFile(error: unknown): boolean {
  return error instanceof Error && /ESPIPE|Illegal seek/.test(error.message);
}

/** Reads standard input; `at` null for what comes next. Throws Temporary. */
function readInput(into: Uint8Array, at: number | null): number {
  try {
    return readSync(0, into, 0, into.length, at);
  } catch (error) {
    if (isNoFile(error)) {
      throw new Temporary("standard input must be a cdb file, not a pipe or terminal: use <FILE");
    }
    throw new Temporary(`unable to read standard input: ${errorText(error)}`);
  }
}

/** Whether standard input can be read by position. */
function isFile(): boolean {
  try {
    readSync(0, new Uint8Array(1), 0, 1, 0);
    return true;
  } catch (error) {
    return !isNoFile(error);
  }
}

/** The constant database on standard input. */
export function openInput(): CdbPages {
  return new CdbPages(readInput, "standard input");
}

/** The same for a program that goes through it once, from its begin: then it may be a pipe too. */
export function openInputInOrder(): CdbPages {
  return isFile() ? openInput() : new CdbPages((into) => readInput(into, null), "standard input");
}
