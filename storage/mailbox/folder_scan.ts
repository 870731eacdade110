/**
 * Reading a folder's directories: which files are there, when they last changed, and the move from new/ to cur/. Times
 * are whole milliseconds (that is what stat gives here), so a change in the same tick as a reading is not seen by time
 * alone: what was read too soon after the last change is read again later.
 */
import type { Disk } from "../disk.ts";
import { baseOfName, FLAGS_MARK, isMessageName } from "../maildir/names.ts";

/** Time and inode of a directory. */
export interface DirectoryTime {
  readonly ms: number;
  readonly inode: number;
}

/** How long after a change a reading may miss another one, milliseconds: the kernel's tick is at most 10. */
const TICK_MS = 20;
/** The same where the filesystem keeps whole seconds. */
const SECOND_TICK_MS = 1100;
/** Messages moved from new/ to cur/ at once; the others are served from new/ and moved later. */
export const MOVE_MAX = 500;

/** Time and inode of a directory; undefined when it is gone. */
export function directoryTime(path: string): DirectoryTime | undefined {
  try {
    const stat = Deno.statSync(path);
    return { ms: stat.mtime?.getTime() ?? 0, inode: stat.ino ?? 0 };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}

/** From when on a reading of a directory with this time is sure to see every change up to it; milliseconds since 1970. */
export function sureFromMs(time: DirectoryTime): number {
  return time.ms + (time.ms % 1000 === 0 ? SECOND_TICK_MS : TICK_MS);
}

/** How the path of a message that is still in new/ begins; other paths are names in cur/. */
const NEW = "new/";
const SLASH = 47;

/** True for a message that is still in new/. */
export function isInNew(path: string): boolean {
  return path.charCodeAt(3) === SLASH && path.startsWith(NEW);
}

/** The file of a message of a folder. */
export function fileOf(folder: string, path: string): string {
  return isInNew(path) ? `${folder}/${path}` : `${folder}/cur/${path}`;
}

/** The base of a path. */
export function baseOfPath(path: string): string {
  return baseOfName(isInNew(path) ? path.slice(NEW.length) : path);
}

/** Messages of a directory of the folder: names in cur/, or `new/name`. */
export function readMessagePaths(folder: string, part: "cur" | "new"): string[] {
  const paths: string[] = [];
  const prefix = part === "cur" ? "" : NEW;
  for (const { name, isDirectory } of Deno.readDirSync(`${folder}/${part}`)) {
    if (isMessageName(name) && !isDirectory) paths.push(prefix + name);
  }
  return paths;
}

/**
 * Moves up to MOVE_MAX of the given messages of new/ to cur/; gives the paths of all of them afterwards. A message that
 * somebody else moved first is left out, one that cannot be moved (no space, read-only) stays in new/.
 */
export async function moveToCur(disk: Disk, folder: string, paths: readonly string[]): Promise<string[]> {
  const now: string[] = [];
  for (const [index, path] of paths.entries()) {
    if (index >= MOVE_MAX) {
      now.push(path);
      continue;
    }
    const name = path.slice(NEW.length);
    const target = name.includes(FLAGS_MARK) ? name : name + FLAGS_MARK;
    try {
      await disk.rename(fileOf(folder, path), fileOf(folder, target));
      now.push(target);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) now.push(path);
    }
  }
  return now;
}
