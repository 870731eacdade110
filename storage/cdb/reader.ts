/**
 * Reads constant databases (cdb): rcpthosts, users/cdb, recipients and kin. A file is read whole and kept until its
 * mtime, size or inode changes, so a look-up is a few array reads. A damaged file is a temporary error, never a miss
 * [spec formats 9].
 */
import { equalBytes } from "../../core/bytes.ts";
import { Temporary } from "../../core/errors.ts";
import { cdbHash, HEADER_BYTES } from "./hash.ts";

/** A record of a database; both are views of the file's bytes. */
export interface CdbRecord {
  readonly key: Uint8Array;
  readonly data: Uint8Array;
}

/** A constant database in memory. */
export class Cdb {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #name: string;

  /** `name` is for error messages. Throws Temporary when the bytes cannot be a cdb. */
  constructor(bytes: Uint8Array, name: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#name = name;
    if (bytes.length < HEADER_BYTES) throw this.#damaged();
  }

  /** Reads a file. Throws Deno.errors.NotFound when it is absent, Temporary when it is damaged. */
  static open(path: string): Cdb {
    return new Cdb(Deno.readFileSync(path), path);
  }

  /** The data of the first record with this key. */
  find(key: Uint8Array): Uint8Array | undefined {
    for (const data of this.#matches(key)) return data;
    return undefined;
  }

  /** The data of all records with this key, in the order they were added. */
  findAll(key: Uint8Array): Uint8Array[] {
    return [...this.#matches(key)];
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

  *#matches(key: Uint8Array): Generator<Uint8Array> {
    const hash = cdbHash(key);
    const [position, slots] = this.#table(hash & 255);
    if (slots === 0) return;
    let slot = (hash >>> 8) % slots;
    for (let tries = 0; tries < slots; tries++) {
      const at = position + slot * 8;
      const recordAt = this.#u32(at + 4);
      if (recordAt === 0) return;
      if (this.#u32(at) === hash) {
        const record = this.#record(recordAt);
        if (equalBytes(record.key, key)) yield record.data;
      }
      slot = slot + 1 === slots ? 0 : slot + 1;
    }
  }

  #table(number: number): [position: number, slots: number] {
    return [this.#u32(number * 8), this.#u32(number * 8 + 4)];
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
