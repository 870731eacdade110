/** What the parts of an open queue store share, and the few disk habits that they have in common. */
import type { Logger } from "../../core/log.ts";
import type { Disk, DiskFile } from "../disk.ts";
import { QUEUE_FOLDERS, type QueueFolder, type QueueLayout } from "./layout.ts";
import { QueueRefusal } from "./store_types.ts";

/** The parts that every piece of a store works with. */
export interface StoreParts {
  readonly disk: Disk;
  readonly layout: QueueLayout;
  readonly log: Logger;
  readonly clock: { nowMs(): number };
  readonly pid: number;
  /** mess files that no info or todo names but that are needed: `cleanup` must not take them. */
  readonly inUse: Set<number>;
}

/** Disk operations of a batch at the same time; more gain nothing [spec deno, files]. */
const PARALLEL_MAX = 48;

/** Runs `work` for each item, several at a time; gives what failed. */
export async function inParallel<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<Map<T, unknown>> {
  const failures = new Map<T, unknown>();
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < items.length; at = next++) {
      try {
        await work(items[at]!);
      } catch (error) {
        failures.set(items[at]!, error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL_MAX, items.length) }, worker));
  return failures;
}

/** Removes a file; false when there was none. */
export async function removeFile(disk: Disk, path: string): Promise<boolean> {
  try {
    await disk.unlink(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** True when there is such a file. */
export async function fileExists(disk: Disk, path: string): Promise<boolean> {
  try {
    await disk.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** A file's bytes; undefined when there is none. */
export async function tryReadFile(disk: Disk, path: string): Promise<Uint8Array | undefined> {
  try {
    return await disk.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Makes a new file with these bytes and syncs it; its name is not durable yet. */
export async function writeSynced(
  disk: Disk,
  file: { readonly path: string; readonly folder: QueueFolder; readonly modifiedMs?: number },
  bytes: Uint8Array,
): Promise<void> {
  const { path, folder, modifiedMs } = file;
  const opened = await disk.open(path, { write: true, createNew: true, mode: QUEUE_FOLDERS[folder].fileMode });
  try {
    await opened.append(bytes);
    if (modifiedMs !== undefined) await disk.utime(path, modifiedMs, modifiedMs);
    await opened.sync({ metadata: true });
  } finally {
    opened.close();
  }
}

let attempts = 0;

/** A name in pid/ that nobody has [spec formats 1.1]. */
export function pidPath(parts: StoreParts): string {
  const seconds = Math.floor(parts.clock.nowMs() / 1000);
  return `${parts.layout.folder("pid")}/qmail-pid.${parts.pid}.${seconds}.${++attempts}`;
}

/** A mess file that is being written. */
export interface MessFile {
  readonly file: DiskFile;
  readonly fileId: number;
}

/**
 * Makes an empty mess file, named by its inode, by way of pid/. What an earlier file of that number left in info, local,
 * remote and bounce is removed: it must never pass for this message's.
 */
export async function createMessFile(parts: StoreParts): Promise<MessFile> {
  const { disk, layout, inUse } = parts;
  const path = pidPath(parts);
  const file = await disk.open(path, { write: true, createNew: true, mode: QUEUE_FOLDERS.mess.fileMode });
  let fileId: number | undefined;
  try {
    fileId = (await file.stat()).inode;
    inUse.add(fileId);
    await removeStale(parts, fileId);
    await disk.link(path, layout.path("mess", fileId));
    await disk.unlink(path);
    return { file, fileId };
  } catch (error) {
    file.close();
    await disk.unlink(path).catch(() => undefined); // cleanup finds it in 36 hours
    if (fileId !== undefined) inUse.delete(fileId);
    throw error;
  }
}

/** Removes the files that make a message of a mess file; when info was among them, durably. */
export async function removeStale(parts: StoreParts, fileId: number): Promise<void> {
  const { disk, layout } = parts;
  if (await removeFile(disk, layout.path("info", fileId))) await disk.syncDirectory(layout.parent("info", fileId));
  for (const folder of ["local", "remote", "bounce"] as const) await removeFile(disk, layout.path(folder, fileId));
}

/** Codes of qmail-queue for what the store cannot do [spec formats 1.7]. */
export const STORE_REFUSAL = { write: 53, sync: 64, envelope: 79, pidFile: 70, closing: 71, bug: 81 } as const;

/** The refusal for an error of the disk. */
export function diskRefusal(error: unknown, what: string): QueueRefusal {
  if (error instanceof QueueRefusal) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new QueueRefusal(isDiskFull(error) ? STORE_REFUSAL.write : STORE_REFUSAL.sync, `${what}: ${text}`);
}

/** True for ENOSPC and EDQUOT. */
export function isDiskFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ("code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT")) return true;
  return /os error (28|122)\b/.test(error.message);
}
