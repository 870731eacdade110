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
  /** Rows before this one have a known size (date). */
  sizesKnown = 0;
  datesKnown = 0;

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
  fillDates(columns: Columns, count: number): void;
  fillSizes(columns: Columns, count: number): void;
}

/** The first `count` rows of some columns, with flags. */
export class Snapshot implements ImapSnapshot {
  readonly uids: Uint32Array;
  readonly flags: Uint32Array;
  readonly #columns: Columns;
  readonly #filler: ColumnFiller;
  #dates: Float64Array | undefined;
  #sizes: Float64Array | undefined;

  constructor(columns: Columns, flags: Uint32Array, filler: ColumnFiller) {
    this.uids = columns.uids.subarray(0, columns.count);
    this.flags = flags.subarray(0, columns.count);
    this.#columns = columns;
    this.#filler = filler;
  }

  /** Milliseconds since 1970: the files' times of modification, read when first asked for. */
  get internalDatesMs(): Float64Array {
    if (this.#dates) return this.#dates;
    const count = this.uids.length;
    if (this.#columns.datesKnown < count) this.#filler.fillDates(this.#columns, count);
    return this.#dates = this.#columns.dates.subarray(0, count);
  }

  /** Bytes with CRLF line ends; the files are read when first asked for, if nothing else has read them. */
  get sizesBytes(): Float64Array {
    if (this.#sizes) return this.#sizes;
    const count = this.uids.length;
    if (this.#columns.sizesKnown < count) this.#filler.fillSizes(this.#columns, count);
    return this.#sizes = this.#columns.sizes.subarray(0, count);
  }
}
