/**
 * Reads constant databases (cdb): rcpthosts, users/cdb, recipients and kin. A file is read whole and kept until its
 * mtime, size or inode changes, so a look-up is a few array reads. A damaged file is a temporary error, never a miss
 * [spec formats 9].
 */
import { Temporary } from "../../core/errors.ts";
import { cdbHash, HASH_START, HEADER_BYTES, TABLES } from "./hash.ts";

/** A record of a database; both are views of the file's bytes. */
export interface CdbRecord {
  readonly key: Uint8Array;
  readonly data: Uint8Array;
}

/** How far the search for a key has come. */
interface Probe {
  readonly hash: number;
  readonly table: number;
  readonly slots: number;
  slot: number;
  left: number;
}

/** A constant database in memory. */
export class Cdb {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #name: string;
  /** Position and slots of each table. */
  readonly #header = new Uint32Array(TABLES * 2);

  /** `name` is for error messages. Throws Temporary when the bytes cannot be a cdb. */
  constructor(bytes: Uint8Array, name: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#name = name;
    if (bytes.length < HEADER_BYTES) throw this.#damaged();
    for (let at = 0; at < this.#header.length; at++) this.#header[at] = this.#view.getUint32(at * 4, true);
  }

  /** Reads a file. Throws Deno.errors.NotFound when it is absent, Temporary when it is damaged. */
  static open(path: string): Cdb {
    return new Cdb(Deno.readFileSync(path), path);
  }

  /** The data of the first record with this key. The hottest path of all: no object is made before it is found. */
  find(key: Uint8Array): Uint8Array | undefined {
    let hash = HASH_START;
    for (let at = 0; at < key.length; at++) hash = Math.imul(hash, 33) ^ key[at]!;
    const slots = this.#header[((hash & 255) << 1) + 1]!;
    if (slots === 0) return undefined;
    const table = this.#header[(hash & 255) << 1]!;
    const end = table + slots * 8;
    const bytes = this.#bytes;
    if (end > bytes.length) throw this.#damaged();
    let at = table + ((hash >>> 8) % slots) * 8;
    for (let tries = 0; tries < slots; tries++) {
      const recordAt = (bytes[at + 4]! | bytes[at + 5]! << 8 | bytes[at + 6]! << 16 | bytes[at + 7]! << 24) >>> 0;
      if (recordAt === 0) return undefined;
      const slotHash = bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
      if (slotHash === (hash | 0) && this.#hasKey(recordAt, key)) return this.#dataAt(recordAt);
      at = at + 8 === end ? table : at + 8;
    }
    return undefined;
  }

  /** The data of all records with this key, in the order they were added. */
  findAll(key: Uint8Array): Uint8Array[] {
    const found: Uint8Array[] = [];
    const probe = this.#probe(key);
    for (let at = this.#next(probe, key); at !== 0; at = this.#next(probe, key)) found.push(this.#dataAt(at));
    return found;
  }

  /** All records in the order they were added. */
  *records(): Generator<CdbRecord> {
    let end = this.#bytes.length;
    for (let table = 0; table < 256; table++) {
      const [position, slots] = this.#table(table);
      if (slots > 0) end = Math.min(end, position);
    }
    for (let at = HEADER_BYTES; at < end;) {
      const record = this.#record(at);
      yield record;
      at += 8 + record.key.length + record.data.length;
    }
  }

  /** Where the search for a key begins. */
  #probe(key: Uint8Array): Probe {
    const hash = cdbHash(key);
    const [table, slots] = this.#table(hash & 255);
    return { hash, table, slots, slot: slots === 0 ? 0 : (hash >>> 8) % slots, left: slots };
  }

  /** The position of the next record with this key; 0 when there is none. */
  #next(probe: Probe, key: Uint8Array): number {
    while (probe.left > 0) {
      const at = probe.table + probe.slot * 8;
      const recordAt = this.#u32(at + 4);
      if (recordAt === 0) break;
      probe.left--;
      probe.slot = probe.slot + 1 === probe.slots ? 0 : probe.slot + 1;
      if (this.#u32(at) === probe.hash && this.#hasKey(recordAt, key)) return recordAt;
    }
    probe.left = 0;
    return 0;
  }

  #hasKey(recordAt: number, key: Uint8Array): boolean {
    if (this.#u32(recordAt) !== key.length) return false;
    const bytes = this.#bytes;
    if (recordAt + 8 + key.length > bytes.length) throw this.#damaged();
    for (let at = 0; at < key.length; at++) if (bytes[recordAt + 8 + at] !== key[at]) return false;
    return true;
  }

  #dataAt(recordAt: number): Uint8Array {
    const start = recordAt + 8 + this.#u32(recordAt);
    const end = start + this.#u32(recordAt + 4);
    if (end > this.#bytes.length) throw this.#damaged();
    return this.#bytes.subarray(start, end);
  }

  #table(number: number): [position: number, slots: number] {
    return [this.#header[number * 2]!, this.#header[number * 2 + 1]!];
  }

  #record(at: number): CdbRecord {
    const keyAt = at + 8;
    const dataAt = keyAt + this.#u32(at);
    const end = dataAt + this.#u32(at + 4);
    if (end > this.#bytes.length) throw this.#damaged();
    return { key: this.#bytes.subarray(keyAt, dataAt), data: this.#bytes.subarray(dataAt, end) };
  }

  #u32(at: number): number {
    if (at + 4 > this.#bytes.length) throw this.#damaged();
    return this.#view.getUint32(at, true);
  }

  #damaged(): Temporary {
    return new Temporary(`${this.#name} is not a complete cdb file: make it again`);
  }
}

/** A file that is read again when it has changed. */
export class CdbFile {
  readonly path: string;
  readonly #trustMs: number;
  #kept: { readonly cdb: Cdb; readonly stamp: string } | undefined;
  #checkedMs = Number.NEGATIVE_INFINITY;

  /** `trustMs`: how long a look at the file is believed, for whoever asks a thousand times a second; 0 unless given. */
  constructor(path: string, options: { readonly trustMs?: number } = {}) {
    this.path = path;
    this.#trustMs = options.trustMs ?? 0;
  }

  /** The database as it is now (or was `trustMs` ago); undefined when the file is absent. */
  current(): Cdb | undefined {
    const nowMs = this.#trustMs > 0 ? performance.now() : 0;
    if (this.#kept && nowMs - this.#checkedMs < this.#trustMs) return this.#kept.cdb;
    const cdb = this.#look();
    this.#checkedMs = nowMs;
    return cdb;
  }

  #look(): Cdb | undefined {
    let stat: Deno.FileInfo;
    try {
      stat = Deno.statSync(this.path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) {
        throw new Temporary(`cannot read ${this.path}: ${(error as Error).message}`);
      }
      this.#kept = undefined;
      return undefined;
    }
    const stamp = `${stat.ino}.${stat.size}.${stat.mtime?.getTime()}`;
    if (this.#kept?.stamp !== stamp) this.#kept = { cdb: Cdb.open(this.path), stamp };
    return this.#kept.cdb;
  }
}
