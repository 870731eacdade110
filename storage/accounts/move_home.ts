/**
 * Moving a user's home: renamed within a file system, copied between two, while mail may come in and be read. What is
 * delivered to the old place meanwhile is brought along before that is removed, and after a crash the same call finishes
 * the work [man vmoveuserdir.9].
 */
import { Permanent } from "../../core/errors.ts";
import type { Disk, DiskStat } from "../disk.ts";
import { baseOfName } from "../maildir/names.ts";
import { type DomainEntry, removeTree } from "./domain_store.ts";

/** How long a delivery may still use the home that it was told before. The daemons keep what they looked up for less. */
export const OLD_HOME_MS = 2000;
/** Files copied at the same time, each with its own fsync. */
const COPIES_MAX = 16;
const COPY_BYTES = 256 * 1024;
const DEPTH_MAX = 64;

/** A move to be made. */
export interface HomeMove {
  readonly from: string;
  readonly to: string;
  /** Who owns the folders that are made on the way. */
  readonly domain: DomainEntry;
  /** A call before this one did not come to its end: what is at the new place is the user's. */
  readonly resume?: boolean;
  /** Makes the database say where the home is now. */
  record(): Promise<void>;
}

/**
 * Moves the home and records it. The caller waits OLD_HOME_MS (once for many moves), then calls the result, which ends the
 * old place. Throws Permanent when both places are there.
 */
export async function moveHome(disk: Disk, move: HomeMove): Promise<() => Promise<void>> {
  const { from, to } = move;
  if (`${to}/`.startsWith(`${from}/`) || `${from}/`.startsWith(`${to}/`)) {
    throw new Permanent(`${to} and ${from} lie within each other`);
  }
  const [old, there] = [await tryStat(disk, from), await tryStat(disk, to)];
  const moved = old === undefined || old.kind === "link"; // by a call that did not come to its end
  if (there && !moved && !move.resume) throw new Permanent(`${to} is there already: choose another folder`);
  if (old && !moved && !there) {
    await makeParents(disk, to, move.domain);
    if (await tryRename(disk, from, to)) await tryLink(disk, to, from);
    else await copyHome(disk, from, to);
    await disk.syncDirectory(parentOf(to));
  }
  await move.record();
  return () => endOldHome(disk, from, to);
}

/** Brings along what came to the old place, and removes it. */
async function endOldHome(disk: Disk, from: string, to: string): Promise<void> {
  const old = await tryStat(disk, from);
  if (!old) return;
  if (old.kind === "directory") await bringAlong(disk, from, to);
  await removeTree(disk, from);
}

async function tryRename(disk: Disk, from: string, to: string): Promise<boolean> {
  try {
    await disk.rename(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && /os error 18|EXDEV|cross-device/i.test(error.message)) return false;
    throw error;
  }
}

/** The old name leads to the new one for deliveries that know no better; a delivery may have made it anew already. */
async function tryLink(disk: Disk, target: string, path: string): Promise<void> {
  try {
    await disk.symlink(target, path);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}

async function copyHome(disk: Disk, from: string, to: string): Promise<void> {
  const unfinished = `${to}.moving`;
  await removeTree(disk, unfinished);
  await copyTree(disk, { from, to: unfinished, depth: DEPTH_MAX, isWanted: () => true });
  await disk.rename(unfinished, to);
}

/** Copies messages that the new place lacks (by the part of the name that flags do not change), and files that it lacks. */
async function bringAlong(disk: Disk, from: string, to: string): Promise<void> {
  const known = new Map<string, Set<string>>();
  const namesIn = async (folder: string) => {
    const names = known.get(folder) ?? new Set((await tryNames(disk, folder)).map(baseOfName));
    known.set(folder, names);
    return names;
  };
  await copyTree(disk, {
    from,
    to,
    depth: DEPTH_MAX,
    async isWanted(path) {
      const folder = parentOf(path);
      const base = baseOfName(path.slice(folder.length + 1));
      if (folder.endsWith("/tmp")) return false;
      if (!/\/(?:new|cur)$/.test(folder)) return !(await namesIn(folder)).has(base);
      const maildir = parentOf(folder);
      return !(await namesIn(`${maildir}/new`)).has(base) && !(await namesIn(`${maildir}/cur`)).has(base);
    },
  });
}

interface Copy {
  readonly from: string;
  readonly to: string;
  readonly depth: number;
  /** Whether a file is copied, by its new path. */
  isWanted(path: string): boolean | Promise<boolean>;
}

async function copyTree(disk: Disk, copy: Copy): Promise<void> {
  const { from, to, depth } = copy;
  if (depth === 0) throw new Permanent(`${from} is more than ${DEPTH_MAX} folders deep: move it by hand`);
  const folder = await disk.stat(from);
  if (!await tryStat(disk, to)) await disk.mkdir(to, { recursive: true, mode: folder.mode & 0o7777 });
  const files: string[] = [];
  for (const name of await tryNames(disk, from)) {
    const stat = await tryStat(disk, `${from}/${name}`);
    if (!stat) continue;
    if (stat.kind === "directory") await copyTree(disk, { ...copy, ...below(copy, name) });
    else if (!await copy.isWanted(`${to}/${name}`)) continue;
    else if (stat.kind === "link") await tryLink(disk, Deno.readLinkSync(`${from}/${name}`), `${to}/${name}`);
    else if (stat.kind === "file") files.push(name);
  }
  for (let at = 0; at < files.length; at += COPIES_MAX) {
    await Promise.all(
      files.slice(at, at + COPIES_MAX).map((name) => copyFile(disk, `${from}/${name}`, `${to}/${name}`)),
    );
  }
  await takeOver(disk, to, folder);
  await disk.syncDirectory(to);
}

function below({ from, to, depth }: Copy, name: string) {
  return { from: `${from}/${name}`, to: `${to}/${name}`, depth: depth - 1 };
}

async function copyFile(disk: Disk, from: string, to: string): Promise<void> {
  let source;
  try {
    source = await disk.open(from, { read: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return; // read or removed meanwhile
    throw error;
  }
  try {
    const stat = await source.stat();
    const target = await disk.open(to, { write: true, create: true, truncate: true, mode: stat.mode & 0o7777 });
    try {
      const buffer = new Uint8Array(Math.min(COPY_BYTES, Math.max(1, stat.sizeBytes)));
      for (let at = 0;;) {
        const count = await source.readAt(buffer, at);
        if (count === 0) break;
        await target.append(buffer.subarray(0, count));
        at += count;
      }
      await target.sync({ metadata: true });
    } finally {
      target.close();
    }
    await takeOver(disk, to, stat);
  } finally {
    source.close();
  }
}

async function takeOver(disk: Disk, path: string, stat: DiskStat): Promise<void> {
  if (Deno.uid() === 0) await disk.chown(path, stat.uid, stat.gid);
  await disk.utime(path, stat.modifiedMs, stat.modifiedMs);
}

/** Makes the folders above `path`, owned by the domain. */
async function makeParents(disk: Disk, path: string, owner: DomainEntry): Promise<void> {
  const missing: string[] = [];
  for (let folder = parentOf(path); folder !== "" && !await tryStat(disk, folder); folder = parentOf(folder)) {
    missing.unshift(folder);
  }
  for (const folder of missing) {
    await disk.mkdir(folder, { recursive: true, mode: 0o700 });
    if (Deno.uid() === 0) await disk.chown(folder, owner.uid, owner.gid);
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

async function tryStat(disk: Disk, path: string): Promise<DiskStat | undefined> {
  try {
    return await disk.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}

async function tryNames(disk: Disk, path: string): Promise<string[]> {
  try {
    return await disk.readDirectory(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return [];
    throw error;
  }
}
