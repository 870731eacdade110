/**
 * What files need beyond Deno: FIFOs, the umask, free space, and a sync of a whole file system for a batch of names.
 */
import { checked, cString, libc } from "./libc.ts";
import { closeFd, OPEN, openFd } from "./fd.ts";

/** Makes a FIFO (lock/trigger); throws LibcError with errno EEXIST when the path is taken. */
export function makeFifo(path: string, mode: number): void {
  checked(libc().mkfifo(cString(path), mode), `mkfifo ${path}`);
}

/** Sets the umask of the process; the one before. */
export function setUmask(mask: number): number {
  return libc().umask(mask);
}

/** Bytes free to an ordinary user on the file system of `path`. */
export function freeBytes(path: string): number {
  const result = new BigUint64Array(16); // struct statvfs: f_bsize, f_frsize, f_blocks, f_bfree, f_bavail, …
  checked(libc().statvfs(cString(path), new Uint8Array(result.buffer)), `statvfs ${path}`);
  return Number(result[1]! * result[4]!);
}

/** Makes everything written so far to the file system of `path` durable: names, contents, sizes (syncfs(2)). */
export async function syncFileSystem(path: string): Promise<void> {
  const fd = openFd(path, OPEN.read | OPEN.closeOnExec);
  try {
    if (await libc().syncfs_async(fd) !== 0) throw new Error(`syncfs ${path} failed`);
  } finally {
    closeFd(fd);
  }
}
