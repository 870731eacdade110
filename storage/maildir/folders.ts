/**
 * Maildir++ folders: `.Name.Sub` directories beside tmp, new and cur of the top Maildir, each a Maildir with an empty file
 * `maildirfolder` [spec formats 5]. Names are modified UTF-7, levels separated by `.`, as they are on the wire. Here a
 * folder is known by its directory's name without the first dot; the empty name is the top Maildir (INBOX).
 */
import type { Disk } from "../disk.ts";
import { createMaildir } from "./deliver.ts";

/** Longest directory name, bytes [Linux NAME_MAX]. */
const DIRECTORY_NAME_BYTES_MAX = 255;
/** Folders of a Maildir that are listed. Ours. */
export const FOLDERS_MAX = 20_000;
/** Levels of folders. Ours. */
const LEVELS_MAX = 32;
let counter = 0;

/** True for a name that can be a folder's: printable ASCII, no slash, no empty level. */
export function isFolderName(folder: string): boolean {
  if (folder.length + 1 > DIRECTORY_NAME_BYTES_MAX || !/^[\x20-\x2e\x30-\x7e]+$/.test(folder)) return false;
  const levels = folder.split(".");
  return levels.length <= LEVELS_MAX && levels.every((level) => level !== "");
}

/** The directory of a folder. */
export function folderPath(maildir: string, folder: string): string {
  return folder === "" ? maildir : `${maildir}/.${folder}`;
}

/** Names of all folders but the top one, unsorted. */
export function listFolders(maildir: string): string[] {
  const folders: string[] = [];
  for (const entry of Deno.readDirSync(maildir)) {
    const { name } = entry;
    if (name.length < 2 || name.charCodeAt(0) !== 0x2e || !isFolderName(name.slice(1))) continue;
    if (!entry.isDirectory && !entry.isSymlink) continue;
    if (!folderExists(maildir, name.slice(1))) continue;
    folders.push(name.slice(1));
    if (folders.length === FOLDERS_MAX) break;
  }
  return folders;
}

/** Whether the folder is there. */
export function folderExists(maildir: string, folder: string): boolean {
  try {
    return Deno.statSync(`${folderPath(maildir, folder)}/cur`).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}

/** Makes a folder, durably. */
export async function createFolder(disk: Disk, maildir: string, folder: string): Promise<void> {
  const path = folderPath(maildir, folder);
  await createMaildir(disk, path);
  (await disk.open(`${path}/maildirfolder`, { write: true, create: true, mode: 0o600 })).close();
}

/** Removes a folder with all in it, at once for everyone (it is moved to tmp first). Folders below it stay. */
export async function removeFolder(disk: Disk, maildir: string, folder: string): Promise<void> {
  const grave = `${maildir}/tmp/removed.${Deno.pid}.${counter++}`;
  await disk.rename(folderPath(maildir, folder), grave);
  await removeTree(disk, grave);
}

/** Renames a folder and all below it. When one rename fails, those done are undone and the error is thrown. */
export async function renameFolder(
  disk: Disk,
  maildir: string,
  names: { readonly from: string; readonly to: string },
): Promise<void> {
  const done: [string, string][] = [];
  const below = `${names.from}.`;
  try {
    for (const folder of listFolders(maildir).sort()) {
      if (folder !== names.from && !folder.startsWith(below)) continue;
      const target = names.to + folder.slice(names.from.length);
      await disk.rename(folderPath(maildir, folder), folderPath(maildir, target));
      done.push([folder, target]);
    }
  } catch (error) {
    for (const [from, to] of done.reverse()) await disk.rename(folderPath(maildir, to), folderPath(maildir, from));
    throw error;
  }
}

async function removeTree(disk: Disk, path: string): Promise<void> {
  for (const name of await disk.readDirectory(path)) {
    const entry = `${path}/${name}`;
    if ((await disk.lstat(entry)).kind === "directory") await removeTree(disk, entry);
    else await disk.unlink(entry);
  }
  await disk.rmdir(path);
}
