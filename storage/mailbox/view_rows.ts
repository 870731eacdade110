/**
 * Envelopes, structures and headers of many messages of a view: what the index has is read in one query, what it lacks is
 * made of the files in slices (so that other sessions get their turn) and saved in few transactions.
 */
import { type IndexRow, indexRow, MessageIndexer } from "../../mail/imap/index_row.ts";
import type { CachedField, PackedRows } from "../../mail/imap/backend.ts";
import type { FolderView } from "./folder_view.ts";
import type { BlockColumn, RowField } from "./mail_index.ts";
import { readHeader, readPieces, tryReadSmall } from "./message_file.ts";
import { BlockBuilder, blockOf, type StoredBlock } from "./row_block.ts";
import { RowPacker } from "./row_packer.ts";
import { nextTurn } from "./turns.ts";

/** Messages read before other sessions get their turn: some 3 ms. */
const SLICE_MESSAGES = 128;
/** Blocks written in one transaction: some 3 ms. */
const TRANSACTION_BLOCKS = 32;
/** Times that files are looked for, with a look at the directory between. */
const ATTEMPTS_MAX = 2;
/** Blocks between two that are wanted which are read rather than asking twice. */
const BLOCK_GAP_MAX = 2;

const FIELDS: Readonly<Record<CachedField, RowField>> = { envelope: "envelopes", bodyStructure: "structures" };

/** One field of the messages `uids` (ascending), packed in that order. */
export async function cachedRows(view: FolderView, field: CachedField, uids: Uint32Array): Promise<PackedRows> {
  const packer = new RowPacker(uids.length);
  readRows(view, { field: FIELDS[field], uids, packer });
  for (let attempt = 0; attempt < ATTEMPTS_MAX && packer.missing > 0; attempt++) {
    if (attempt > 0) await view.refresh(); // files were renamed under us, or removed
    await makeRows(view, uids, { wanted: packer.missingPlaces(), take: (at, row) => packer.put(at, row[field]) });
  }
  return packer.finish();
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
function readMessage<T>(view: FolderView, uid: number, read: (path: string) => T): T | undefined {
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

/** Takes what the index has. */
function readRows(
  view: FolderView,
  wanted: { readonly field: RowField; readonly uids: Uint32Array; readonly packer: RowPacker },
): void {
  const { field, uids, packer } = wanted;
  if (uids.length === 0) return;
  const { index, maildir, folder } = view.context;
  index.use(maildir, (open) => {
    const id = open.folderId(folder, view.uids.uidValidity);
    const columns: BlockColumn[] = [];
    for (const range of blockRanges(uids)) for (const column of open.columns(id, field, range)) columns.push(column);
    packer.takeColumns(columns, uids);
  });
}

/** Ranges of blocks that hold the UIDs, one query each: gaps that are not worth another query are read as well. */
function blockRanges(uids: Uint32Array): { from: number; to: number }[] {
  const ranges: { from: number; to: number }[] = [];
  let last: { from: number; to: number } | undefined;
  for (const uid of uids) {
    const block = blockOf(uid);
    if (last && block <= last.to + BLOCK_GAP_MAX) last.to = block;
    else ranges.push(last = { from: block, to: block });
  }
  return ranges;
}

/** Messages whose rows are missing: places in `uids`, and who wants them. */
interface WantedRows {
  readonly wanted: readonly number[];
  /** The row's arrays are valid until the next. */
  readonly take: (at: number, row: IndexRow) => void;
}

async function makeRows(view: FolderView, uids: Uint32Array, { wanted, take }: WantedRows): Promise<void> {
  const blocks: StoredBlock[] = [];
  let builder: BlockBuilder | undefined;
  for (let done = 0; done < wanted.length; done++) {
    const at = wanted[done]!;
    const uid = uids[at]!;
    const made = readMessage(view, uid, makeRow);
    if (made) {
      const block = blockOf(uid);
      builder ??= new BlockBuilder(block);
      if (builder.block !== block) blocks.push(builder.finish(block));
      builder.add(uid, made);
      take(at, made);
      const row = view.columns.find(uid);
      if (row >= 0) view.columns.sizes[row] = made.sizeBytes;
    }
    if (blocks.length >= TRANSACTION_BLOCKS) saveBlocks(view, blocks);
    if (done % SLICE_MESSAGES === SLICE_MESSAGES - 1) await nextTurn();
  }
  if (builder) blocks.push(builder.finish());
  saveBlocks(view, blocks);
  view.markDirty();
}

/** Saves and forgets blocks. */
function saveBlocks(view: FolderView, blocks: StoredBlock[]): void {
  const { index, maildir, folder } = view.context;
  if (blocks.length > 0 && !view.dead) {
    index.use(maildir, (open) => open.addBlocks(open.folderId(folder, view.uids.uidValidity), blocks));
  }
  blocks.length = 0;
}

function makeRow(path: string): IndexRow {
  const whole = tryReadSmall(path);
  if (whole) return indexRow(whole);
  const indexer = new MessageIndexer();
  readPieces(path, (bytes) => indexer.push(bytes));
  return indexer.finish();
}
