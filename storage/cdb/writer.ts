/**
 * Writes constant databases (cdb), streaming: memory is 8 bytes a record. The file is byte-equal to what tinycdb's and
 * freecdb's cdbmake write for the same records, and replaces the old one atomically [spec formats 9].
 */
import { Permanent } from "../../core/errors.ts";
import type { Disk, DiskFile } from "../disk.ts";
import { CDB_BYTES_MAX, cdbHash, HEADER_BYTES } from "./hash.ts";

const CHUNK_BYTES = 256 * 1024;

/** A cdb file being written: add records, then finish or abort. */
export class CdbWriter {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #temporary: string;
  readonly #file: DiskFile;
  #chunk = new Uint8Array(CHUNK_BYTES);
  #used = 0;
  #writtenAt = HEADER_BYTES;
  #hashes = new Uint32Array(1024);
  #positions = new Uint32Array(1024);
  #count = 0;

  private constructor(disk: Disk, path: string, temporary: string, file: DiskFile) {
    this.#disk = disk;
    this.#path = path;
    this.#temporary = temporary;
    this.#file = file;
  }

  /** Starts `path`; what is written meanwhile is `temporary`, by default `path.tmp`. */
  static async create(disk: Disk, path: string, temporary = `${path}.tmp`): Promise<CdbWriter> {
    const file = await disk.open(temporary, { write: true, create: true, truncate: true, mode: 0o644 });
    return new CdbWriter(disk, path, temporary, file);
  }

  /** Adds a record. Throws Permanent when the file would be larger than 4 GB. */
  async add(key: Uint8Array, data: Uint8Array): Promise<void> {
    const at = this.#writtenAt + this.#used;
    const bytes = 8 + key.length + data.length;
    if (at + bytes + (this.#count + 1) * 16 > CDB_BYTES_MAX) {
      throw new Permanent(`${this.#path}: a cdb file cannot be larger than 4 GB`);
    }
    this.#remember(cdbHash(key), at);
    const head = new Uint8Array(8);
    const view = new DataView(head.buffer);
    view.setUint32(0, key.length, true);
    view.setUint32(4, data.length, true);
    if (this.#used + bytes <= CHUNK_BYTES) {
      this.#chunk.set(head, this.#used);
      this.#chunk.set(key, this.#used + 8);
      this.#chunk.set(data, this.#used + 8 + key.length);
      this.#used += bytes;
      return;
    }
    for (const part of [head, key, data]) await this.#put(part);
  }

  /** Writes the hash tables, syncs and puts the file in place. */
  async finish(): Promise<void> {
    const header = new Uint8Array(HEADER_BYTES);
    const headerView = new DataView(header.buffer);
    const counts = new Uint32Array(256);
    for (let record = 0; record < this.#count; record++) counts[this.#hashes[record]! & 255]!++;
    const starts = new Uint32Array(257);
    for (let table = 0; table < 256; table++) starts[table + 1] = starts[table]! + counts[table]!;
    const order = new Uint32Array(this.#count);
    const next = starts.slice(0, 256);
    for (let record = 0; record < this.#count; record++) order[next[this.#hashes[record]! & 255]!++] = record;
    for (let table = 0; table < 256; table++) {
      const slots = counts[table]! * 2;
      headerView.setUint32(table * 8, this.#writtenAt + this.#used, true);
      headerView.setUint32(table * 8 + 4, slots, true);
      await this.#put(this.#tableBytes(order.subarray(starts[table], starts[table + 1]), slots));
    }
    await this.#flush();
    await this.#file.writeAt(header, 0);
    await this.#file.sync({ metadata: true });
    this.#file.close();
    await this.#disk.rename(this.#temporary, this.#path);
    await this.#disk.syncDirectory(this.#path.replace(/\/[^/]*$/, "") || ".");
  }

  /** Gives up; the old file stays. */
  async abort(): Promise<void> {
    this.#file.close();
    await this.#disk.unlink(this.#temporary);
  }

  #tableBytes(records: Uint32Array, slots: number): Uint8Array {
    const bytes = new Uint8Array(slots * 8);
    const view = new DataView(bytes.buffer);
    for (const record of records) {
      const hash = this.#hashes[record]!;
      let slot = (hash >>> 8) % slots;
      while (view.getUint32(slot * 8 + 4, true) !== 0) slot = slot + 1 === slots ? 0 : slot + 1;
      view.setUint32(slot * 8, hash, true);
      view.setUint32(slot * 8 + 4, this.#positions[record]!, true);
    }
    return bytes;
  }

  #remember(hash: number, position: number): void {
    if (this.#count === this.#hashes.length) {
      const hashes = new Uint32Array(this.#count * 2);
      hashes.set(this.#hashes);
      this.#hashes = hashes;
      const positions = new Uint32Array(this.#count * 2);
      positions.set(this.#positions);
      this.#positions = positions;
    }
    this.#hashes[this.#count] = hash;
    this.#positions[this.#count++] = position;
  }

  async #put(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const count = Math.min(bytes.length - at, CHUNK_BYTES - this.#used);
      this.#chunk.set(bytes.subarray(at, at + count), this.#used);
      this.#used += count;
      at += count;
      if (this.#used === CHUNK_BYTES) await this.#flush();
    }
  }

  async #flush(): Promise<void> {
    if (this.#used === 0) return;
    await this.#file.writeAt(this.#chunk.subarray(0, this.#used), this.#writtenAt);
    this.#writtenAt += this.#used;
    this.#used = 0;
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
    for (const [key, data] of records) await writer.add(key, data);
    await writer.finish();
  } catch (error) {
    await writer.abort().catch(() => undefined); // what failed before is what counts
    throw error;
  }
}
