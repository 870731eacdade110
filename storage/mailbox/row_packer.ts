/**
 * Puts rows into one buffer for a session: whole runs of a block in one copy where they are wanted as they lie, single rows
 * where they had to be made.
 */
import type { PackedRows } from "../../mail/imap/backend.ts";
import type { BlockColumn } from "./mail_index.ts";

/** What a row is expected to have, and how much of it is reserved at most. */
const ROW_BYTES = 400;
const FIRST_BYTES_MAX = 1024 * 1024;

/** Rows on their way to a session; every place is filled at most once, a missing one has the length 0. */
export class RowPacker {
  readonly #starts: Uint32Array;
  readonly #lengths: Uint32Array;
  #bytes: Uint8Array = new Uint8Array();
  #length = 0;
  #filled = 0;

  constructor(count: number) {
    this.#starts = new Uint32Array(count);
    this.#lengths = new Uint32Array(count);
  }

  /** Places not yet filled. */
  get missing(): number {
    return this.#lengths.length - this.#filled;
  }

  /** Which those are. */
  missingPlaces(): number[] {
    const places: number[] = [];
    for (let at = 0; at < this.#lengths.length; at++) if (this.#lengths[at] === 0) places.push(at);
    return places;
  }

  /** Fills a place; the bytes are copied. */
  put(at: number, bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#note(at, this.#length, bytes.length);
    this.#length += bytes.length;
  }

  /** Fills the places of those of `uids` that are in the columns; both ascending. */
  takeColumns(columns: readonly BlockColumn[], uids: Uint32Array): void {
    let total = 0;
    for (const { bytes } of columns) total += bytes.length;
    this.#reserve(total);
    let at = 0;
    for (const column of columns) at = this.#takeColumn(column, uids, at);
  }

  finish(): PackedRows {
    return { bytes: this.#bytes, starts: this.#starts, lengths: this.#lengths };
  }

  #takeColumn(column: BlockColumn, uids: Uint32Array, from: number): number {
    let end = 0;
    for (const length of column.lengths) end += length;
    if (end !== column.bytes.length) return from; // broken: made anew
    const base = this.#length;
    this.#bytes.set(column.bytes, base);
    this.#length += end;
    let at = from;
    let start = base;
    for (let row = 0; row < column.uids.length; row++) {
      const uid = column.uids[row]!;
      while (at < uids.length && uids[at]! < uid) at++;
      if (at === uids.length) break;
      if (uids[at] === uid) this.#note(at++, start, column.lengths[row]!);
      start += column.lengths[row]!;
    }
    return at;
  }

  #note(at: number, start: number, length: number): void {
    this.#starts[at] = start;
    this.#lengths[at] = length;
    if (length > 0) this.#filled++;
  }

  #reserve(count: number): void {
    const need = this.#length + count;
    if (need <= this.#bytes.length) return;
    const larger = new Uint8Array(
      Math.max(need, this.#bytes.length * 2, Math.min(this.missing * ROW_BYTES, FIRST_BYTES_MAX)),
    );
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}
