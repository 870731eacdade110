/**
 * Envelopes, structures and headers of many messages of a view: what the index has is read in one query, what it lacks is
 * made of the files in slices (so that other sessions get their turn) and saved in one transaction.
 */
import { indexRow, MessageIndexer } from "../../mail/imap/index_row.ts";
import type { CachedField, PackedRows } from "../../mail/imap/backend.ts";
import type { FolderView } from "./folder_view.ts";
import type { MessageRow, RowField } from "./mail_index.ts";
import { readHeader, readPieces, tryReadSmall } from "./message_file.ts";
import { nextTurn } from "./turns.ts";

/** Messages read before other sessions get their turn: some 3 ms. */
const SLICE_MESSAGES = 128;
/** Rows written in one transaction: some 10 ms. */
const TRANSACTION_ROWS = 2048;
/** Times that files are looked for, with a look at the directory between. */
const ATTEMPTS_MAX = 2;
/** UIDs asked for, out of a range, from which the range is read in one query. */
const RANGE_SHARE_MIN = 8;

const FIELDS: Readonly<Record<CachedField, RowField>> = { envelope: "envelope", bodyStructure: "structure" };

/** One field of the messages `uids` (ascending), packed in that order. */
export async function cachedRows(view: FolderView, field: CachedField, uids: Uint32Array): Promise<PackedRows> {
  const found = readRows(view, FIELDS[field], uids);
  let missing = [...found.keys()].filter((at) => found[at] === undefined);
  for (let attempt = 0; attempt < ATTEMPTS_MAX && missing.length > 0; attempt++) {
    if (attempt > 0) await view.refresh(); // files were renamed under us, or removed
    await makeRows(view, missing.map((at) => ({ uid: uids[at]!, take: (row) => found[at] = row[field] })));
    missing = missing.filter((at) => found[at] === undefined);
  }
  return pack(found);
}

/** The headers of messages, CRLF line ends; undefined for one that is gone. */
export async function readHeaders(view: FolderView, uids: Uint32Array): Promise<(Uint8Array | undefined)[]> {
  const headers: (Uint8Array | undefined)[] = new Array(uids.length).fill(undefined);
  let missing = [...headers.keys()];
  for (let attempt = 0; attempt < ATTEMPTS_MAX && missing.length > 0; attempt++) {
    if (attempt > 0) await view.refresh();
    for (const [done, at] of missing.entries()) {
      headers[at] = readMessage(view, uids[at]!, readHeader);
      if (done % SLICE_MESSAGES === SLICE_MESSAGES - 1) await nextTurn();
    }
    missing = missing.filter((at) => headers[at] === undefined);
  }
  return headers;
}

/** What `read` makes of a message's file; undefined when the file is gone (then the view looks again). */
export function readMessage<T>(view: FolderView, uid: number, read: (path: string) => T): T | undefined {
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

function readRows(view: FolderView, field: RowField, uids: Uint32Array): (Uint8Array | undefined)[] {
  const { index, maildir, folder } = view.context;
  const found: (Uint8Array | undefined)[] = new Array(uids.length).fill(undefined);
  if (uids.length === 0) return found;
  index.use(maildir, (open) => {
    const id = open.folderId(folder, view.uids.uidValidity);
    const from = uids[0]!;
    const to = uids[uids.length - 1]!;
    if (rowsBetween(view, from, to) > uids.length * RANGE_SHARE_MIN) {
      for (const [at, uid] of uids.entries()) found[at] = open.row(id, field, uid);
      return;
    }
    let at = 0;
    for (const [uid, bytes] of open.rows(id, field, { from, to })) {
      while (at < uids.length && uids[at]! < uid) at++;
      if (uids[at] === uid) found[at] = bytes;
    }
  });
  return found;
}

function rowsBetween(view: FolderView, from: number, to: number): number {
  const first = view.columns.find(from);
  const last = view.columns.find(to);
  return first < 0 || last < 0 ? to - from : last - first;
}

/** A message whose row is missing, and who wants it. */
interface WantedRow {
  readonly uid: number;
  readonly take: (row: MessageRow) => void;
}

async function makeRows(view: FolderView, wanted: readonly WantedRow[]): Promise<void> {
  let rows: MessageRow[] = [];
  for (const [done, { uid, take }] of wanted.entries()) {
    const made = readMessage(view, uid, makeRow);
    if (made) {
      const row = { uid, ...made };
      rows.push(row);
      take(row);
      const column = view.columns.find(uid);
      if (column >= 0) view.columns.sizes[column] = made.sizeBytes;
    }
    if (rows.length >= TRANSACTION_ROWS) {
      saveRows(view, rows);
      rows = [];
    }
    if (done % SLICE_MESSAGES === SLICE_MESSAGES - 1) await nextTurn();
  }
  saveRows(view, rows);
  view.markDirty();
}

function saveRows(view: FolderView, rows: readonly MessageRow[]): void {
  if (rows.length === 0 || view.dead) return;
  const { index, maildir, folder } = view.context;
  index.use(maildir, (open) => open.addRows(open.folderId(folder, view.uids.uidValidity), rows));
}

function makeRow(path: string): Omit<MessageRow, "uid"> {
  const whole = tryReadSmall(path);
  if (whole) return indexRow(whole);
  const indexer = new MessageIndexer();
  readPieces(path, (bytes) => indexer.push(bytes));
  return indexer.finish();
}

function pack(rows: readonly (Uint8Array | undefined)[]): PackedRows {
  const starts = new Uint32Array(rows.length);
  const lengths = new Uint32Array(rows.length);
  let length = 0;
  for (const [at, row] of rows.entries()) {
    starts[at] = length;
    lengths[at] = row?.length ?? 0;
    length += row?.length ?? 0;
  }
  const bytes = new Uint8Array(length);
  for (const [at, row] of rows.entries()) if (row) bytes.set(row, starts[at]!);
  return { bytes, starts, lengths };
}
