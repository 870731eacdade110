/**
 * Changes to messages of a view: flags (a rename each), removal (an unlink each), copies (a link each). A message that
 * somebody else removed or renamed meanwhile is left out, and the folder is read again.
 */
import { withFileLock } from "../locks/file_lock.ts";
import { addUsage, type QuotaContext } from "../maildir/quota_size.ts";
import { readKeywords, writeKeywordList, writeKeywords } from "../maildir/keywords.ts";
import { FLAGS_MARK, sizeOfName } from "../maildir/names.ts";
import type { FlagChange } from "../../mail/imap/backend.ts";
import { lettersOfFlags, SYSTEM_BITS } from "./flag_letters.ts";
import { baseOfPath, fileOf } from "./folder_scan.ts";
import { type Arrival, type FolderView, lettersOf } from "./folder_view.ts";

/** Keyword changes of one command above which `:list` is written instead of a file for each message. */
const KEYWORD_FILES_MAX = 8;

/** Changes flags; those whose files are gone are left out. */
export function storeFlags(view: FolderView, uids: Uint32Array, change: FlagChange): Promise<void> {
  return view.exclusive(async () => {
    await view.prepare();
    const { columns } = view;
    const flags = view.flags.slice();
    const keywordRows: number[] = [];
    let changed = false;
    for (const uid of uids) {
      const row = columns.find(uid);
      if (row < 0) continue;
      const old = flags[row]!;
      const word = changeWord(old, change);
      if (word === old) continue;
      if ((word & SYSTEM_BITS) !== (old & SYSTEM_BITS) && !await renameRow(view, row, word)) continue;
      if ((word & ~SYSTEM_BITS) !== (old & ~SYSTEM_BITS)) keywordRows.push(row);
      flags[row] = word;
      changed = true;
    }
    if (!changed) return;
    view.flags = flags;
    await saveKeywords(view, keywordRows);
    view.ownChange();
    view.publish();
  });
}

function changeWord(old: number, change: FlagChange): number {
  switch (change.mode) {
    case "set":
      return change.flags;
    case "add":
      return old | change.flags;
    case "remove":
      return old & ~change.flags;
  }
}

async function renameRow(view: FolderView, row: number, word: number): Promise<boolean> {
  const { columns, context } = view;
  const old = columns.paths[row]!;
  const path = `${baseOfPath(old)}${FLAGS_MARK}${lettersOfFlags(word, lettersOf(old))}`;
  if (path === old) return true;
  try {
    await context.disk.rename(fileOf(context.path, old), fileOf(context.path, path));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    view.distrust();
    return false;
  }
  columns.paths[row] = path;
  return true;
}

async function saveKeywords(view: FolderView, rows: readonly number[]): Promise<void> {
  if (rows.length === 0) return;
  const { disk, path } = view.context;
  const changes = rows.map((row) => ({
    base: baseOfPath(view.columns.paths[row]!),
    keywords: view.keywordNames(view.flags[row]!),
  }));
  if (changes.length <= KEYWORD_FILES_MAX) {
    for (const change of changes) await writeKeywords(disk, path, change);
    return;
  }
  await withFileLock(view.uids.lockPath, async () => {
    const keywords = readKeywords(path) ?? { byBase: new Map(), updates: [] };
    for (const { base, keywords: names } of changes) {
      if (names.length > 0) keywords.byBase.set(base, names);
      else keywords.byBase.delete(base);
    }
    await writeKeywordList(disk, path, keywords);
  });
}

/** Removes messages for good; `counted`: they count in the quota. */
export function removeMessages(
  view: FolderView,
  uids: Uint32Array,
  options: { readonly counted: boolean },
): Promise<void> {
  return view.exclusive(async () => {
    await view.prepare();
    const { columns, context } = view;
    const gone = new Uint8Array(columns.count);
    let bytes = 0;
    let messages = 0;
    try {
      for (const uid of uids) {
        const row = columns.find(uid);
        if (row < 0) continue;
        const path = fileOf(context.path, columns.paths[row]!);
        const size = options.counted ? fileBytes(path) : 0;
        if (size === undefined || !await unlinked(view, path)) {
          view.distrust();
          continue;
        }
        gone[row] = 1;
        bytes -= size;
        messages--;
      }
    } finally {
      if (messages < 0) {
        view.ownChange();
        view.removeRows(gone);
      }
    }
    if (options.counted) await addUsage(context.disk, context.maildir, { bytes, messages });
  });
}

async function unlinked(view: FolderView, path: string): Promise<boolean> {
  try {
    await view.context.disk.unlink(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Bytes of a message's file: of its name, else of the file; undefined when it is gone. */
export function fileBytes(path: string): number | undefined {
  const named = sizeOfName(path.slice(path.lastIndexOf("/") + 1));
  if (named !== undefined) return named;
  try {
    return Deno.statSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** What a copy needs beside its folders. */
export interface CopyOptions {
  /** A new unique name. */
  readonly uniqueName: () => string;
  /** Where to note what the target grew by; undefined: it does not count. */
  readonly quota: QuotaContext | undefined;
}

/**
 * Links messages into another folder (or the same): all or none. UIDs there, in the order of the source, durable when it
 * resolves; undefined when a file was gone, then the source looks again.
 */
export function copyMessages(
  source: FolderView,
  target: FolderView,
  work: CopyOptions & { readonly uids: Uint32Array },
): Promise<{ readonly sourceUids: number[]; readonly targetUids: number[] }> {
  return target.exclusive(async () => {
    await target.prepare();
    const arrivals: Arrival[] = [];
    const sourceUids: number[] = [];
    const keywordsOf: { base: string; keywords: string[] }[] = [];
    let bytes = 0;
    try {
      for (const uid of work.uids) {
        const copied = await linkMessage(source, target, { uid, unique: work.uniqueName() });
        if (!copied) continue;
        arrivals.push(copied.arrival);
        sourceUids.push(uid);
        bytes += copied.fileBytes;
        if (copied.keywords.length > 0) {
          keywordsOf.push({ base: baseOfPath(copied.arrival.path), keywords: copied.keywords });
        }
      }
      for (const keywords of keywordsOf) await writeKeywords(target.context.disk, target.context.path, keywords);
    } catch (error) {
      for (const arrival of arrivals) await unlinked(target, fileOf(target.context.path, arrival.path));
      throw error;
    }
    if (arrivals.length === 0) return { sourceUids, targetUids: [] };
    const synced = target.context.disk.syncDirectory(`${target.context.path}/cur`);
    target.ownChange();
    const [targetUids] = await Promise.all([target.takeIn(arrivals), synced]);
    if (work.quota) {
      await addUsage(work.quota.disk, work.quota.maildir, { bytes, messages: arrivals.length });
    }
    return { sourceUids, targetUids };
  });
}

async function linkMessage(
  source: FolderView,
  target: FolderView,
  message: { readonly uid: number; readonly unique: string },
): Promise<{ arrival: Arrival; fileBytes: number; keywords: string[] } | undefined> {
  const row = source.columns.find(message.uid);
  if (row < 0) return undefined;
  const { columns } = source;
  const from = fileOf(source.context.path, columns.paths[row]!);
  const size = fileBytes(from);
  if (size === undefined) {
    source.distrust();
    return undefined;
  }
  const word = source.flags[row]!;
  const keywords = source.keywordNames(word);
  const bits = target.keywordBits(keywords) ?? 0;
  const letters = lettersOfFlags(word & SYSTEM_BITS, lettersOf(columns.paths[row]!));
  const path = `${message.unique},S=${size}${FLAGS_MARK}${letters}`;
  try {
    await target.context.disk.link(from, fileOf(target.context.path, path));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound) || source.pathOf(message.uid) === undefined) throw error;
    source.distrust();
    return undefined;
  }
  const dateMs = columns.dates[row]!;
  const sizeBytes = columns.sizes[row]!;
  return {
    arrival: { path, flags: (word & SYSTEM_BITS) | bits, dateMs, sizeBytes },
    fileBytes: size,
    keywords: bits === 0 ? [] : keywords,
  };
}
