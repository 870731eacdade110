/**
 * Files of lines that commands edit (rcpthosts, virtualdomains, users/assign, .aliasdomains): replaced as a whole, durable
 * before the name changes, so that a reader or a crash sees the old or the new one. The caller holds the lock.
 */
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import type { Disk } from "../disk.ts";

/** Mode of a file that was not there before. */
const MODE_NEW = 0o644;

/** The lines without their ends; undefined when the file is absent. */
export async function readLineFile(disk: Disk, path: string): Promise<readonly string[] | undefined> {
  try {
    const lines = latin1Text(await disk.readFile(path)).split("\n");
    if (lines.at(-1) === "") lines.pop();
    return lines;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Replaces the file, with the mode and owner that it had (a new one: those of its folder). */
export async function writeLineFile(disk: Disk, path: string, lines: readonly string[]): Promise<void> {
  const folder = path.slice(0, path.lastIndexOf("/"));
  const [before, around] = [await tryStat(disk, path), await disk.stat(folder)];
  const temporary = `${path}.new`;
  const mode = before ? before.mode & 0o7777 : MODE_NEW;
  const file = await disk.open(temporary, { write: true, create: true, truncate: true, mode });
  try {
    await file.append(latin1Bytes(lines.map((line) => `${line}\n`).join("")));
    await file.sync({ metadata: true });
  } finally {
    file.close();
  }
  await disk.chmod(temporary, mode);
  const owner = before ?? around;
  if (Deno.uid() === 0) await disk.chown(temporary, owner.uid, owner.gid);
  await disk.rename(temporary, path);
  await disk.syncDirectory(folder);
}

/** Adds a line at the end unless it is there; makes the file when absent. True when it was added. */
export async function addLine(disk: Disk, path: string, line: string): Promise<boolean> {
  const lines = await readLineFile(disk, path) ?? [];
  if (lines.includes(line)) return false;
  await writeLineFile(disk, path, [...lines, line]);
  return true;
}

/** Removes the lines that `isRemoved` names; the number of them. A missing file has none. */
export async function removeLines(disk: Disk, path: string, isRemoved: (line: string) => boolean): Promise<number> {
  const lines = await readLineFile(disk, path);
  const kept = lines?.filter((line) => !isRemoved(line));
  if (!lines || !kept || kept.length === lines.length) return 0;
  await writeLineFile(disk, path, kept);
  return lines.length - kept.length;
}

async function tryStat(disk: Disk, path: string) {
  try {
    return await disk.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
