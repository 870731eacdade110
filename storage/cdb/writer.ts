/**
 * Writes constant databases (cdb), streaming: records of any size pass through a buffer. The file is byte-equal to what
 * tinycdb's and freecdb's cdbmake write for the same records, and replaces the old one atomically [spec formats 9].
 */
import { Permanent } from "../../core/errors.ts";
import type { Disk, DiskFile } from "../disk.ts";
import { CDB_BYTES_MAX, HASH_START, HEADER_BYTES, TABLES } from "./hash.ts";
import { HashPairs } from "./hash_pairs.ts";

/** What is written at once. */
const CHUNK_BYTES = 256 * 1024;
/** Up to here bytes are copied one by one: a view costs more. */
const SHORT_BYTES = 48;

/** A cdb file being written: add records, then finish or abort. */
export class CdbWriter {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #temporary: string;
  readonly #file: DiskFile;
  readonly #pairs = new HashPairs();
  #closed = false;
  #chunk = new Uint8Array(CHUNK_BYTES);
  #used = 0;
  #writtenAt = HEADER_BYTES;
  #count = 0;
  /** Of the record whose parts come. */
  #recordAt = 0;
  #hash = 0;
  #keyBytes = 0;
  #dataBytes = 0;

  private constructor(disk: Disk, place: { path: string; temporary: string; file: DiskFile }) {
    this.#disk = disk;
    this.#path = place.path;
    this.#temporary = place.temporary;
    this.#file = place.file;
  }

  /** Starts `path`; what is written meanwhile is `temporary`, by default `path.tmp`. */
  static async create(disk: Disk, path: string, temporary = `${path}.tmp`): Promise<CdbWriter> {
    const file = await disk.open(temporary, { write: true, create: true, truncate: true, mode: 0o644 });
    return new CdbWriter(disk, { path, temporary, file });
  }

  /** Adds a record. Throws Permanent when the file would be larger than 4 GB. */
  async add(key: Uint8Array, data: Uint8Array): Promise<void> {
    this.begin(key.length, data.length);
    this.key(key);
    this.data(data);
    if (this.full) await this.drain();
  }

  /**
   * Begins a record; its key and its data follow, in parts. Throws Permanent, and has written nothing of it, when the
   * file would be larger than 4 GB.
   */
  begin(keyBytes: number, dataBytes: number): void {
    const at = this.#writtenAt + this.#used;
    if (at + 8 + keyBytes + dataBytes + (this.#count + 1) * 16 > CDB_BYTES_MAX) {
      throw new Permanent(`${this.#path}: a cdb file cannot be larger than 4 GB`);
    }
    this.#requireWhole();
    this.#count++;
    this.#recordAt = at;
    this.#hash = HASH_START;
    this.#keyBytes = keyBytes;
    this.#dataBytes = dataBytes;
    this.#reserve(8);
    this.#putNumber(keyBytes);
    this.#putNumber(dataBytes);
    if (keyBytes === 0) this.#pairs.add(HASH_START, at);
  }

  /** A part of the key: the bytes from `start` to `end`. */
  key(bytes: Uint8Array, start = 0, end = bytes.length): void {
    this.#keyBytes -= end - start;
    if (this.#keyBytes < 0) throw new RangeError("more bytes than the key has");
    let hash = this.#hash;
    for (let at = start; at < end; at++) hash = Math.imul(hash, 33) ^ bytes[at]!;
    this.#hash = hash;
    this.#put(bytes, start, end);
    if (this.#keyBytes === 0 && end > start) this.#pairs.add(hash >>> 0, this.#recordAt);
  }

  /** A part of the data, after the whole key: the bytes from `start` to `end`. */
  data(bytes: Uint8Array, start = 0, end = bytes.length): void {
    this.#dataBytes -= end - start;
    if (this.#dataBytes < 0 || this.#keyBytes > 0) throw new RangeError("more bytes than the record has");
    this.#put(bytes, start, end);
  }

  /** A whole record of latin1 text, between others. Throws Permanent as `begin` does. */
  addText(key: string, data: string): void {
    this.begin(key.length, data.length);
    this.#reserve(key.length + data.length);
    const chunk = this.#chunk;
    let used = this.#used;
    let hash = this.#hash;
    for (let at = 0; at < key.length; at++) {
      const byte = key.charCodeAt(at);
      hash = Math.imul(hash, 33) ^ byte;
      chunk[used++] = byte;
    }
    for (let at = 0; at < data.length; at++) chunk[used++] = data.charCodeAt(at);
    this.#used = used;
    this.#keyBytes = this.#dataBytes = 0;
    if (key !== "") this.#pairs.add(hash >>> 0, this.#recordAt);
  }

  /** True when enough waits: `drain` should be called before more is put. */
  get full(): boolean {
    return this.#used >= CHUNK_BYTES;
  }

  /** Writes what waits. */
  async drain(): Promise<void> {
    if (this.#used > 0) await this.#file.writeAt(this.#chunk.subarray(0, this.#used), this.#writtenAt);
    this.#writtenAt += this.#used;
    this.#used = 0;
    if (this.#pairs.crowded) await this.#pairs.spill(this.#disk, this.#temporary);
  }

  /** Writes the hash tables, syncs and puts the file in place. */
  async finish(): Promise<void> {
    this.#requireWhole();
    const header = new Uint8Array(HEADER_BYTES);
    const headerView = new DataView(header.buffer);
    for (let table = 0; table < TABLES; table++) {
      headerView.setUint32(table * 8, this.#writtenAt + this.#used, true);
      headerView.setUint32(table * 8 + 4, this.#pairs.slots(table), true);
      this.#put(await this.#pairs.tableBytes(table));
      if (this.full) await this.drain();
    }
    await this.drain();
    await this.#file.writeAt(header, 0);
    await this.#file.sync({ metadata: true });
    this.#close();
    await this.#disk.rename(this.#temporary, this.#path);
    await this.#disk.syncDirectory(this.#path.replace(/[^/]*$/, "") || ".");
  }

  /** Gives up; the old file stays. */
  async abort(): Promise<void> {
    this.#close();
    await this.#disk.unlink(this.#temporary);
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pairs.close();
    this.#file.close();
  }

  #requireWhole(): void {
    if (this.#keyBytes > 0 || this.#dataBytes > 0) throw new RangeError("the record before has not all its bytes");
  }

  #putNumber(value: number): void {
    const chunk = this.#chunk;
    chunk[this.#used++] = value;
    chunk[this.#used++] = value >>> 8;
    chunk[this.#used++] = value >>> 16;
    chunk[this.#used++] = value >>> 24;
  }

  #put(bytes: Uint8Array, start = 0, end = bytes.length): void {
    const length = end - start;
    this.#reserve(length);
    if (length > SHORT_BYTES) this.#chunk.set(bytes.subarray(start, end), this.#used);
    else {
      const chunk = this.#chunk;
      const used = this.#used - start;
      for (let at = start; at < end; at++) chunk[used + at] = bytes[at]!;
    }
    this.#used += length;
  }

  #reserve(bytes: number): void {
    const needed = this.#used + bytes;
    if (needed <= this.#chunk.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#chunk.length * 2));
    larger.set(this.#chunk.subarray(0, this.#used));
    this.#chunk = larger;
  }
}

/** Writes all records of a cdb file at once. */
export async function writeCdb(
  disk: Disk,
  path: string,
  records: Iterable<readonly [key: Uint8Array, data: Uint8Array]>,
): Promise<void> {
  const writer = await CdbWriter.create(disk, path);
  try {
    for (const [key, data] of records) {
      writer.begin(key.length, data.length);
      writer.key(key);
      writer.data(data);
      if (writer.full) await writer.drain();
    }
    await writer.finish();
  } catch (error) {
    await writer.abort().catch(() => undefined); // what failed before is what counts
    throw error;
  }
}
