/**
 * A cdb file of any size, read by position through a cache of pages: for programs that look at a few records, or at all,
 * without holding 4 GB in memory. A damaged file is a temporary error, never a miss [spec formats 9].
 */
import { Temporary } from "../../core/errors.ts";
import { cdbHash, HASH_START, HEADER_BYTES, TABLES } from "./hash.ts";

/** Fills a part of `into` from the file's position `at`; 0 at its end. */
export type ReadAt = (into: Uint8Array, at: number) => number;

const PAGE_BYTES = 16 * 1024;
/** Pages kept (64 MB). */
const PAGES_MAX = 4096;

/** Where a record lies in its file. */
export interface RecordPlace {
  readonly keyAt: number;
  readonly keyBytes: number;
  readonly dataAt: number;
  readonly dataBytes: number;
}

interface Page {
  readonly number: number;
  readonly bytes: Uint8Array;
}

/** A constant database in a file. */
export class CdbPages {
  readonly #readAt: ReadAt;
  readonly #name: string;
  readonly #pages: (Page | undefined)[] = [];

  /** `name` is for error messages. */
  constructor(readAt: ReadAt, name: string) {
    this.#readAt = readAt;
    this.#name = name;
  }

  /** Where the records end: the first hash table. */
  recordsEnd(): number {
    let end = this.u32(0);
    for (let table = 1; table < TABLES; table++) {
      if (this.u32(table * 8 + 4) > 0) end = Math.min(end, this.u32(table * 8));
    }
    if (end < HEADER_BYTES) throw this.#damaged();
    return end;
  }

  /** The record at a position. Throws Temporary when it goes beyond `end`. */
  recordAt(at: number, end: number): RecordPlace {
    const place = at + 8 <= end ? this.#place(at) : undefined;
    if (!place || place.dataAt + place.dataBytes > end) throw this.#damaged();
    return place;
  }

  /** The record with this key that comes after `skip` others with it. */
  find(key: Uint8Array, skip = 0): RecordPlace | undefined {
    let left = skip;
    for (const place of this.findAll(key)) if (left-- === 0) return place;
    return undefined;
  }

  /** All records with this key, in the order they were added. */
  *findAll(key: Uint8Array): Generator<RecordPlace> {
    const hash = cdbHash(key);
    for (const at of this.#slots(hash)) {
      const recordAt = this.u32(at + 4);
      if (recordAt === 0) return;
      if (this.u32(at) !== hash) continue;
      const place = this.#place(recordAt);
      if (this.#holds(place, key)) yield place;
    }
  }

  /** How many slots after its hash's the record is. */
  distance(place: RecordPlace): number {
    let hash = HASH_START;
    const part = new Uint8Array(Math.min(place.keyBytes, PAGE_BYTES));
    for (let done = 0; done < place.keyBytes; done += part.length) {
      const bytes = part.subarray(0, Math.min(part.length, place.keyBytes - done));
      this.copy(bytes, place.keyAt + done);
      hash = cdbHash(bytes, hash);
    }
    let distance = 0;
    for (const at of this.#slots(hash)) {
      if (this.u32(at + 4) === place.keyAt - 8) return distance;
      distance++;
    }
    throw this.#damaged();
  }

  /** Positions of the slots of a hash, from its own on around its table. */
  *#slots(hash: number): Generator<number> {
    const entry = (hash & (TABLES - 1)) * 8;
    const [table, slots] = [this.u32(entry), this.u32(entry + 4)];
    const first = slots === 0 ? 0 : (hash >>> 8) % slots;
    for (let slot = first; slot < slots; slot++) yield table + slot * 8;
    for (let slot = 0; slot < first; slot++) yield table + slot * 8;
  }

  /** The number at a position. */
  u32(at: number): number {
    const page = this.#page(at);
    const offset = at % PAGE_BYTES;
    if (offset + 4 <= page.length) {
      return (page[offset]! | page[offset + 1]! << 8 | page[offset + 2]! << 16 | page[offset + 3]! << 24) >>> 0;
    }
    const bytes = new Uint8Array(4);
    this.copy(bytes, at);
    return new DataView(bytes.buffer).getUint32(0, true);
  }

  /** Fills `into` from a position. Throws Temporary when the file ends before. */
  copy(into: Uint8Array, at: number): void {
    for (let done = 0; done < into.length;) {
      const offset = (at + done) % PAGE_BYTES;
      const part = this.#page(at + done).subarray(offset, offset + into.length - done);
      if (part.length === 0) throw this.#damaged();
      into.set(part, done);
      done += part.length;
    }
  }

  #place(at: number): RecordPlace {
    const [keyBytes, dataBytes] = [this.u32(at), this.u32(at + 4)];
    return { keyAt: at + 8, keyBytes, dataAt: at + 8 + keyBytes, dataBytes };
  }

  #holds(place: RecordPlace, key: Uint8Array): boolean {
    if (place.keyBytes !== key.length) return false;
    for (let done = 0; done < key.length;) {
      const offset = (place.keyAt + done) % PAGE_BYTES;
      const page = this.#page(place.keyAt + done);
      const end = Math.min(page.length, offset + key.length - done);
      if (end <= offset) throw this.#damaged();
      for (let at = offset; at < end; at++) if (page[at] !== key[done++]) return false;
    }
    return true;
  }

  /** The page that holds a position; shorter than a page only at the end of the file. */
  #page(at: number): Uint8Array {
    const number = Math.floor(at / PAGE_BYTES);
    const kept = this.#pages[number % PAGES_MAX];
    if (kept?.number === number) return kept.bytes;
    const bytes = kept && kept.bytes.length === PAGE_BYTES ? kept.bytes : new Uint8Array(PAGE_BYTES);
    let length = 0;
    while (length < PAGE_BYTES) {
      const count = this.#readAt(bytes.subarray(length), number * PAGE_BYTES + length);
      if (count === 0) break;
      length += count;
    }
    const page = { number, bytes: bytes.subarray(0, length) };
    this.#pages[number % PAGES_MAX] = page;
    return page.bytes;
  }

  #damaged(): Temporary {
    return new Temporary(`${this.#name} is not a complete cdb file: make it again`);
  }
}
