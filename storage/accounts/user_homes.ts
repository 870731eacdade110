/** Homes of virtual users on disk: the folder, its Maildir, and who owns them. */
import { errorText, Temporary } from "../../core/errors.ts";
import { syncFileSystem } from "../../core/libc/files.ts";
import type { Disk } from "../disk.ts";
import { createMaildir } from "../maildir/deliver.ts";

/** Who owns what a domain's users have. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

const MAILDIR_FOLDERS = ["tmp", "new", "cur"] as const;

/** Makes a home and its Maildir with the folders above that are missing; durable when it returns. Throws Temporary. */
export async function makeHome(disk: Disk, home: string, owner: Owner): Promise<void> {
  const made = await firstMissing(disk, home);
  await createMaildir(disk, `${home}/Maildir`);
  if (Deno.uid() !== 0) return;
  for (let path = `${home}/Maildir`; path.length >= made.length; path = path.slice(0, path.lastIndexOf("/"))) {
    await disk.chown(path, owner.uid, owner.gid);
  }
  for (const name of MAILDIR_FOLDERS) await disk.chown(`${home}/Maildir/${name}`, owner.uid, owner.gid);
}

/**
 * Makes the homes that are missing, each with its Maildir, and then makes them durable together: a sync for each would
 * cost ten times as much as the folders. Throws Temporary naming the folder.
 */
export async function makeHomes(disk: Disk, homes: readonly string[], owner: Owner): Promise<void> {
  const above = new Set<string>();
  const touched = new Set<string>();
  for (const home of homes) {
    if (await isMade(disk, home, owner)) continue;
    const parent = home.slice(0, home.lastIndexOf("/"));
    try {
      if (!above.has(parent)) await makeFolders(disk, parent, owner);
      above.add(parent);
      for (const path of [home, `${home}/Maildir`, ...MAILDIR_FOLDERS.map((name) => `${home}/Maildir/${name}`)]) {
        await disk.mkdir(path, { recursive: true, mode: 0o700 });
        if (Deno.uid() === 0) await disk.chown(path, owner.uid, owner.gid);
      }
      touched.add(parent);
    } catch (error) {
      throw error instanceof Temporary ? error : new Temporary(`cannot make ${home}: ${errorText(error)}`);
    }
  }
  const devices = new Map<number, string>();
  for (const parent of touched) devices.set((await disk.stat(parent)).device, parent);
  for (const parent of devices.values()) await syncFileSystem(parent);
}

/** Whether the last folder of a home is there, and its owner's, so that nothing is left to do. */
async function isMade(disk: Disk, home: string, owner: Owner): Promise<boolean> {
  try {
    const { uid } = await disk.stat(`${home}/Maildir/${MAILDIR_FOLDERS.at(-1)}`);
    return Deno.uid() !== 0 || uid === owner.uid;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw new Temporary(`cannot look at ${home}: ${errorText(error)}`);
  }
}

/** Makes a folder and those above it that are missing. */
async function makeFolders(disk: Disk, folder: string, owner: Owner): Promise<void> {
  const made = await firstMissing(disk, folder);
  await disk.mkdir(folder, { recursive: true, mode: 0o700 });
  if (Deno.uid() !== 0) return;
  for (let path = folder; path.length >= made.length; path = path.slice(0, path.lastIndexOf("/"))) {
    await disk.chown(path, owner.uid, owner.gid);
  }
}

/** The highest folder on the way to a path that is not there; the path itself when all above it are. */
async function firstMissing(disk: Disk, path: string): Promise<string> {
  let missing = path;
  for (;;) {
    const parent = missing.slice(0, missing.lastIndexOf("/"));
    if (parent === "") return missing;
    try {
      await disk.stat(parent);
      return missing;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      missing = parent;
    }
  }
}
