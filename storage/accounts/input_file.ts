/** Files that the operator names on a command's line, read whole: texts, lists of addresses, table templates. */
import { Permanent } from "../../core/errors.ts";
import { shown } from "./names.ts";

/** What no other try will find: the name is wrong, or the file is none. */
const WRONG_NAMES = [
  Deno.errors.NotFound,
  Deno.errors.NotADirectory,
  Deno.errors.IsADirectory,
  Deno.errors.PermissionDenied,
];
/** A name or path longer than the file system takes (ENAMETOOLONG), which Deno has no class for. */
const TOO_LONG = /os error 36\b/;

/** Hands on what `read` gives; throws Permanent with the file's name when there is no such file for this user. */
export async function inputFile<T>(path: string, read: (path: string) => Promise<T>): Promise<T> {
  try {
    return await read(path);
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) throw new Permanent(`file ${shown(path)} may not be read`);
    if (error instanceof Deno.errors.IsADirectory) throw new Permanent(`${shown(path)} is a folder, not a file`);
    const isWrong = WRONG_NAMES.some((kind) => error instanceof kind) ||
      (error instanceof Error && TOO_LONG.test(error.message));
    if (isWrong) throw new Permanent(`there is no file ${shown(path)}`);
    throw error;
  }
}
