/**
 * Makes the folders of one queue directory, with the original's modes and, when told, its owners [spec formats 1.1], and
 * takes the lock that says "a queue daemon runs here". What is there already is left as it is.
 */
import { Temporary } from "../../core/errors.ts";
import type { Disk } from "../disk.ts";
import { QUEUE_FOLDERS, type QueueFolder, type QueueLayout } from "./layout.ts";
import type { QueueOwners, TakeLock } from "./store_types.ts";

/** Makes what is missing of the tree, and makes it durable. */
export async function makeQueueTree(disk: Disk, layout: QueueLayout, owners?: QueueOwners): Promise<void> {
  let made = await makeFolder(disk, layout.directory, { mode: 0o750, recursive: true });
  if (made) await disk.syncDirectory(layout.directory.replace(/\/[^/]*$/, "") || "/");
  for (const name of Object.keys(QUEUE_FOLDERS) as QueueFolder[]) {
    const { mode, owner } = QUEUE_FOLDERS[name];
    const own = owners && { uid: owners[owner], gid: owners.qmail };
    const folder = layout.folder(name);
    if (await makeFolder(disk, folder, { mode, ...own })) made = true;
    if (!layout.isSplit(name)) continue;
    const there = new Set(await disk.readDirectory(folder));
    let added = false;
    for (const parent of layout.parents(name)) {
      if (there.has(parent.slice(folder.length + 1))) continue;
      await makeFolder(disk, parent, { mode, ...own });
      added = true;
    }
    if (added) await disk.syncDirectory(folder);
  }
  if (made) await disk.syncDirectory(layout.directory);
}

interface FolderOptions {
  readonly mode: number;
  readonly recursive?: boolean;
  readonly uid?: number;
  readonly gid?: number;
}

async function makeFolder(disk: Disk, path: string, options: FolderOptions): Promise<boolean> {
  const { mode, recursive = false, uid, gid } = options;
  try {
    if ((await disk.stat(path)).kind === "directory") return false;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  await disk.mkdir(path, { recursive, mode });
  await disk.chmod(path, mode); // the umask must not narrow it
  if (uid !== undefined && gid !== undefined) await disk.chown(path, uid, gid);
  return true;
}

/** Takes lock/sendmutex for as long as the store is open. Throws Temporary naming the file when it is held. */
export async function lockQueue(layout: QueueLayout, takeLock: TakeLock): Promise<{ release(): void }> {
  const path = `${layout.folder("lock")}/sendmutex`;
  const lock = await takeLock(path);
  if (!lock) throw new Temporary(`another queue daemon runs on this queue: ${path} is locked`);
  return lock;
}

/** flock(2) on the real disk, without waiting, as the original's lock_exnb. */
export const flockQueue: TakeLock = async (path) => {
  const file = await Deno.open(path, { write: true, create: true, mode: QUEUE_FOLDERS.lock.fileMode });
  if (await file.tryLock(true)) return { release: () => file.close() };
  file.close();
  return undefined;
};
