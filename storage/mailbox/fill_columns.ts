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
const SLICE_MESSAGES = 256;
/** Unknown sizes from which the index is asked for all. */
const ASK_INDEX_MIN = 4;

/** Fills dates of the first `count` rows: the files' times of modification. */
export function fillDates(view: FolderView, columns: Columns, count: number): void {
  for (let row = columns.datesKnown; row < count; row++) {
    if (columns.dates[row] !== UNKNOWN) continue;
    columns.dates[row] = ofFile(view, columns.uids[row]!, (path) => Deno.statSync(path).mtime?.getTime() ?? 0) ??
      dateOfName(columns.paths[row]!);
  }
  columns.datesKnown = Math.max(columns.datesKnown, count);
  view.markDirty();
}

/** Fills sizes of the first `count` rows; a message that is gone has 0. */
export function fillSizes(view: FolderView, columns: Columns, count: number): void {
  let unknown = 0;
  for (let row = columns.sizesKnown; row < count; row++) if (columns.sizes[row] === UNKNOWN) unknown++;
  if (unknown >= ASK_INDEX_MIN) sizesOfIndex(view, columns, count);
  for (let row = columns.sizesKnown; row < count; row++) {
    if (columns.sizes[row] !== UNKNOWN) continue;
    columns.sizes[row] = sizeOfNetwork(columns.paths[row]!) ?? ofFile(view, columns.uids[row]!, networkSize) ?? 0;
  }
  columns.sizesKnown = Math.max(columns.sizesKnown, count);
  view.markDirty();
}

/** As fillSizes for all messages, in slices: other sessions get their turn. */
export async function fillSizesInSlices(view: FolderView): Promise<void> {
  const { columns } = view;
  const { count } = columns;
  for (let row = columns.sizesKnown; row < count; row += SLICE_MESSAGES) {
    fillSizes(view, columns, Math.min(count, row + SLICE_MESSAGES));
    if (row + SLICE_MESSAGES < count) await nextTurn();
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

function sizesOfIndex(view: FolderView, columns: Columns, count: number): void {
  const { index, maildir, folder } = view.context;
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
