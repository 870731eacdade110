/**
 * Changes to messages of a view: flags (a rename each), removal (an unlink each). When somebody else has renamed a message
 * meanwhile the folder is read again and the change made then; one that is gone is left out.
 */
import { withFileLock } from "../locks/file_lock.ts";
import { addUsage } from "../maildir/quota_size.ts";
import { readKeywords, writeKeywordList, writeKeywords } from "../maildir/keywords.ts";
import { FLAGS_MARK, sizeOfName } from "../maildir/names.ts";
import type { FlagChange } from "../../mail/imap/backend.ts";
import { lettersOfFlags, SYSTEM_BITS } from "./flag_letters.ts";
import { baseOfPath, fileOf } from "./folder_scan.ts";
import { type FolderView, lettersOf } from "./folder_view.ts";

/** Keyword changes of one command above which `:list` is written instead of a file for each message. */
const KEYWORD_FILES_MAX = 8;

/** How often a command looks for files that others rename or remove while it runs. */
export const PASSES_MAX = 3;

/** Changes flags; those whose files are gone are left out. */
export function storeFlags(view: FolderView, uids: Uint32Array, change: FlagChange): Promise<void> {
  return view.exclusive(() => inPasses(view, uids, (left) => changeRows(view, left, change)));
}

/** Does the work for messages, and again for those that it did not find, once the folder was read anew. */
async function inPasses(
  view: FolderView,
  uids: Iterable<number>,
  work: (uids: Iterable<number>) => Promise<readonly number[]>,
): Promise<void> {
  for (let pass = 0, left = uids; pass < PASSES_MAX; pass++) {
    await view.prepare();
    const missed = await work(left);
    if (missed.length === 0) return;
    view.distrust();
    left = missed;
  }
}

/** Changes flags; the UIDs of messages whose files are not where they were. */
async function changeRows(view: FolderView, uids: Iterable<number>, change: FlagChange): Promise<readonly number[]> {
  const { columns } = view;
  const flags = view.flags.slice();
  const keywordRows: number[] = [];
  const missed: number[] = [];
  let changed = false;
  for (const uid of uids) {
    const row = columns.find(uid);
    if (row < 0) continue;
    const old = flags[row]!;
    const word = changeWord(old, change);
    if (word === old) continue;
    if ((word & SYSTEM_BITS) !== (old & SYSTEM_BITS) && !await renameRow(view, row, word)) {
      missed.push(uid);
      continue;
    }
    if ((word & ~SYSTEM_BITS) !== (old & ~SYSTEM_BITS)) keywordRows.push(row);
    flags[row] = word;
    changed = true;
  }
  if (!changed) return missed;
  view.flags = flags;
  await saveKeywords(view, keywordRows);
  view.ownChange();
  view.publish();
  return missed;
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
    const { context } = view;
    const removed = { bytes: 0, messages: 0 };
    await inPasses(view, uids, (left) => removeRows(view, left, { ...options, removed }));
    if (options.counted) {
      await addUsage(context.disk, context.maildir, { bytes: -removed.bytes, messages: -removed.messages });
    }
  });
}

/** Removes messages; the UIDs of those whose files are not where they were. */
async function removeRows(
  view: FolderView,
  uids: Iterable<number>,
  options: { readonly counted: boolean; readonly removed: { bytes: number; messages: number } },
): Promise<readonly number[]> {
  const { columns, context } = view;
  const { counted, removed } = options;
  const gone = new Uint8Array(columns.count);
  const before = removed.messages;
  const missed: number[] = [];
  try {
    for (const uid of uids) {
      const row = columns.find(uid);
      if (row < 0) continue;
      const path = fileOf(context.path, columns.paths[row]!);
      const size = counted ? fileBytes(path) : 0;
      if (size === undefined || !await unlinked(view, path)) {
        missed.push(uid);
        continue;
      }
      gone[row] = 1;
      removed.bytes += size;
      removed.messages++;
    }
  } finally {
    if (removed.messages > before) {
      view.ownChange();
      view.removeRows(gone);
    }
  }
  return missed;
}

/** Removes a file; false when it is gone already. */
export async function unlinked(view: FolderView, path: string): Promise<boolean> {
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
