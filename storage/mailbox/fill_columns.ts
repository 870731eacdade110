/**
 * Finds sizes and dates of messages for the columns: from the index, the name, or the file. Synchronous, since a
 * snapshot's column is an array: a session that wants sizes of many new messages asks for their rows first, which finds
 * the sizes as well, in slices.
 */
import { type Columns, UNKNOWN } from "./columns.ts";
import type { FolderView } from "./folder_view.ts";
import { networkSize } from "./message_file.ts";
import { nextTurn } from "./turns.ts";

/** Messages looked at before other sessions get their turn: some 2 ms. */
const SLICE_MESSAGES = 128;

/** Finds and notes the date of a row: the file's time of modification. */
export function findDate(view: FolderView, columns: Columns, row: number): number {
  const date = ofFile(view, columns.uids[row]!, (path) => Deno.statSync(path).mtime?.getTime() ?? 0) ??
    dateOfName(columns.paths[row]!);
  columns.dates[row] = date;
  view.markDirty();
  return date;
}

/** Finds and notes the size of a row; a message that is gone has 0. */
export function findSize(view: FolderView, columns: Columns, row: number): number {
  if (!columns.sizesAsked) sizesOfIndex(view, columns);
  const known = columns.sizes[row]!;
  if (known !== UNKNOWN) return known;
  const size = sizeOfNetwork(columns.paths[row]!) ?? ofFile(view, columns.uids[row]!, networkSize) ?? 0;
  columns.sizes[row] = size;
  view.markDirty();
  return size;
}

/** Finds the sizes of messages in slices: other sessions get their turn. */
export async function findSizes(view: FolderView, uids: Uint32Array): Promise<void> {
  const { columns } = view;
  let found = 0;
  for (const uid of uids) {
    const row = columns.find(uid);
    if (row < 0 || columns.sizes[row] !== UNKNOWN) continue;
    findSize(view, columns, row);
    if (++found % SLICE_MESSAGES === 0) await nextTurn();
  }
}

/** What `read` finds in a message's file, wherever it is now; undefined when it is gone. */
function ofFile(view: FolderView, uid: number, read: (path: string) => number): number | undefined {
  const path = view.pathOf(uid);
  if (path === undefined) return undefined;
  try {
    return read(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    view.distrust();
    return undefined;
  }
}

function sizesOfIndex(view: FolderView, columns: Columns): void {
  const { index, maildir, folder } = view.context;
  const { count } = columns;
  columns.sizesAsked = true;
  index.use(maildir, (open) => {
    let row = 0;
    for (const { uids, sizes } of open.sizes(open.folderId(folder, view.uids.uidValidity))) {
      for (let at = 0; at < uids.length; at++) {
        while (row < count && columns.uids[row]! < uids[at]!) row++;
        if (row === count) return;
        if (columns.uids[row] === uids[at]) columns.sizes[row] = sizes[at]!;
      }
    }
  });
}

/** The size in network form that a name says (`,W=`), as some servers write it. */
function sizeOfNetwork(path: string): number | undefined {
  const match = /,W=(\d{1,15})(?:[,:]|$)/.exec(path);
  return match ? Number(match[1]) : undefined;
}

function dateOfName(path: string): number {
  return Number(/^(?:new\/)?(\d{1,12})\./.exec(path)?.[1] ?? 0) * 1000;
}
