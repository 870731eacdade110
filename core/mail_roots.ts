/**
 * control/mailroots: folders outside the installation that hold domains or mailboxes, an absolute path a line. The fences of
 * the roles that work on mailboxes are opened for them when a role starts.
 */
import { Permanent } from "./errors.ts";
import type { Paths } from "./paths.ts";

/** The control file's name. */
export const MAIL_ROOTS_FILE = "mailroots";
/** Most folders; each costs every role a rule. */
export const MAIL_ROOTS_MAX = 256;

/** The folders. Throws Permanent, with file and line, for what is no absolute path, and when there are too many. */
export function parseMailRoots(text: string, path: string): string[] {
  const folders: string[] = [];
  text.split("\n").forEach((line, at) => {
    const folder = line.replace(/\s+$/, "");
    if (folder === "" || folder.startsWith("#")) return;
    if (!/^\/[^/]/.test(folder) || folder.split("/").includes("..")) {
      throw new Permanent(`${path} line ${at + 1}: ${folder} is not an absolute path of a folder`);
    }
    folders.push(folder);
  });
  if (folders.length > MAIL_ROOTS_MAX) throw new Permanent(`${path} has more than ${MAIL_ROOTS_MAX} folders`);
  return folders;
}

/** What control/mailroots says now; nothing when there is no such file. */
export function readMailRoots({ control }: Pick<Paths, "control">): string[] {
  const path = `${control}/${MAIL_ROOTS_FILE}`;
  try {
    return parseMailRoots(Deno.readTextFileSync(path), path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
