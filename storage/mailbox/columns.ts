/**
 * The messages of a folder in columns by ascending UID, and the snapshots that sessions see of them. Columns only grow;
 * an expunge makes new ones. Sizes and dates are found when first asked for and then kept (and saved in the index).
 */
import type { ImapSnapshot } from "../../mail/imap/backend.ts";

/** A size or date that is not known yet. */
export const UNKNOWN = -1;
const ROWS_MIN = 16;

/** Columns with room to grow. `paths` are the files as last seen: names in cur/, or `new/name` (folder_scan.ts). */
export class Columns {
  uids: Uint32Array;
  /** Milliseconds since 1970, or UNKNOWN. */
  dates: Float64Array;
  /** Bytes with CRLF line ends, or UNKNOWN. */
  sizes: Float64Array;
  readonly paths: string[] = [];
  count = 0;
  /** What the index knows of sizes has been taken. */
  sizesAsked = false;

  constructor(rows = ROWS_MIN) {
    const room = Math.max(rows, ROWS_MIN);
    this.uids = new Uint32Array(room);
    this.dates = new Float64Array(room).fill(UNKNOWN);
    this.sizes = new Float64Array(room).fill(UNKNOWN);
  }

  /** Adds a message; its UID must be above all others. */
  push(uid: number, path: string): number {
    if (this.count === this.uids.length) this.#grow();
    this.uids[this.count] = uid;
    this.paths.push(path);
    return this.count++;
  }

  /** The row of a UID, or -1. */
  find(uid: number): number {
    let low = 0;
    let high = this.count - 1;
    if (high < 0 || uid > this.uids[high]!) return -1; // an arrival: what a first reading asks for every message
    while (low <= high) {
      const middle = (low + high) >> 1;
      const at = this.uids[middle]!;
      if (at === uid) return middle;
      if (at < uid) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  /** New columns without the rows for which `gone` is 1. */
  without(gone: Uint8Array): Columns {
    const next = new Columns(this.count);
    for (let row = 0; row < this.count; row++) {
      if (gone[row] === 1) continue;
      const at = next.push(this.uids[row]!, this.paths[row]!);
      next.dates[at] = this.dates[row]!;
      next.sizes[at] = this.sizes[row]!;
    }
    return next;
  }

  // Older snapshots keep the arrays they have: what is behind their end may change, what they see never does.
  #grow(): void {
    const room = this.uids.length * 2;
    const uids = new Uint32Array(room);
    uids.set(this.uids);
    const dates = new Float64Array(room).fill(UNKNOWN);
    dates.set(this.dates);
    const sizes = new Float64Array(room).fill(UNKNOWN);
    sizes.set(this.sizes);
    this.uids = uids;
    this.dates = dates;
    this.sizes = sizes;
  }
}

/** Finds what a snapshot is asked for and the columns do not know. */
export interface ColumnFiller {
  /** The date of a row, which it also notes. */
  findDate(columns: Columns, row: number): number;
  /** The size of a row, which it also notes. */
  findSize(columns: Columns, row: number): number;
}

/** The first `count` rows of some columns, with flags. */
export class Snapshot implements ImapSnapshot {
  readonly uids: Uint32Array;
  readonly flags: Uint32Array;
  readonly #columns: Columns;
  readonly #filler: ColumnFiller;

  constructor(columns: Columns, flags: Uint32Array, filler: ColumnFiller) {
    this.uids = columns.uids.subarray(0, columns.count);
    this.flags = flags.subarray(0, columns.count);
    this.#columns = columns;
    this.#filler = filler;
  }

  /** Milliseconds since 1970: the file's time of modification, read when first asked for. */
  dateAt(index: number): number {
    const known = this.#columns.dates[index]!;
    return known === UNKNOWN ? this.#filler.findDate(this.#columns, index) : known;
  }

  /** Bytes with CRLF line ends; the file is read when first asked for, if nothing else has read it. */
  sizeAt(index: number): number {
    const known = this.#columns.sizes[index]!;
    return known === UNKNOWN ? this.#filler.findSize(this.#columns, index) : known;
  }

  /** The sizes of all. */
  sizes(): Float64Array {
    return Float64Array.from(this.uids, (_, index) => this.sizeAt(index));
  }
}
