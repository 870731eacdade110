/**
 * The (hash, position) pairs of a cdb being written, by hash table: 8 bytes a record. Beyond a limit they wait in a file
 * without a name, so that a database of any number of records is made in constant memory.
 */
import type { Disk, DiskFile } from "../disk.ts";
import { TABLES } from "./hash.ts";

/** Pairs of a table's first block; the next is twice as large. */
const BLOCK_PAIRS_MIN = 8;
const BLOCK_PAIRS_MAX = 4096;
/** Pairs that are kept in memory (64 MB). */
const MEMORY_PAIRS_MAX = 8 * 1024 * 1024;

/** Pairs of one table: full blocks (or where they lie in the file), and the one that is being filled. */
interface Table {
  readonly full: (Uint32Array<ArrayBuffer> | number)[];
  filling: Uint32Array<ArrayBuffer>;
  used: number;
  count: number;
}

/** Collects pairs and makes the hash tables of them. */
export class HashPairs {
  readonly #tables: Table[] = [];
  readonly #memoryPairsMax: number;
  #fullPairs = 0;
  #spill: DiskFile | undefined;
  #spilledBytes = 0;

  /** `memoryPairsMax`: how many pairs stay in memory, for tests. */
  constructor(options: { readonly memoryPairsMax?: number } = {}) {
    this.#memoryPairsMax = options.memoryPairsMax ?? MEMORY_PAIRS_MAX;
    const nothing = new Uint32Array(0);
    for (let table = 0; table < TABLES; table++) this.#tables.push({ full: [], filling: nothing, used: 0, count: 0 });
  }

  /** Remembers a record. */
  add(hash: number, position: number): void {
    const table = this.#tables[hash & (TABLES - 1)]!;
    if (table.used === table.filling.length) this.#nextBlock(table);
    table.filling[table.used] = hash;
    table.filling[table.used + 1] = position;
    table.used += 2;
    table.count++;
  }

  /** True when `spill` should be called. */
  get crowded(): boolean {
    return this.#fullPairs > this.#memoryPairsMax;
  }

  /** Moves full blocks to a file beside `path`, which has lost its name when this resolves. */
  async spill(disk: Disk, path: string): Promise<void> {
    if (!this.#spill) {
      const name = `${path}.pairs`;
      this.#spill = await disk.open(name, { read: true, write: true, create: true, truncate: true, mode: 0o600 });
      await disk.unlink(name);
    }
    for (const { full } of this.#tables) {
      for (const [at, block] of full.entries()) {
        if (typeof block === "number" || block.length < BLOCK_PAIRS_MAX * 2) continue;
        await this.#spill.writeAt(new Uint8Array(block.buffer), this.#spilledBytes);
        full[at] = this.#spilledBytes;
        this.#spilledBytes += block.byteLength;
        this.#fullPairs -= BLOCK_PAIRS_MAX;
      }
    }
  }

  /** Slots of a table: two for each record. */
  slots(number: number): number {
    return this.#tables[number]!.count * 2;
  }

  /** The bytes of a hash table: records in the order they were added, each at its slot or the next free one. */
  async tableBytes(number: number): Promise<Uint8Array> {
    const table = this.#tables[number]!;
    const slots = table.count * 2;
    const words = new Uint32Array(slots * 2);
    for (const block of table.full) place(words, typeof block === "number" ? await this.#read(block) : block);
    place(words, table.filling.subarray(0, table.used));
    return new Uint8Array(words.buffer);
  }

  /** Gives the file back. */
  close(): void {
    this.#spill?.close();
    this.#spill = undefined;
  }

  #nextBlock(table: Table): void {
    if (table.used > 0) {
      table.full.push(table.filling);
      this.#fullPairs += table.used / 2;
    }
    const pairs = Math.min(Math.max(table.filling.length, BLOCK_PAIRS_MIN), BLOCK_PAIRS_MAX);
    table.filling = new Uint32Array(pairs * 2);
    table.used = 0;
  }

  async #read(at: number): Promise<Uint32Array> {
    const bytes = new Uint8Array(BLOCK_PAIRS_MAX * 8);
    for (let done = 0; done < bytes.length;) {
      const count = await this.#spill!.readAt(bytes.subarray(done), at + done);
      if (count === 0) throw new Error("the file of hash pairs is shorter than what was written to it");
      done += count;
    }
    return new Uint32Array(bytes.buffer);
  }
}

/** Puts pairs into their slots. Words are little-endian, as is every processor this runs on. */
function place(words: Uint32Array, pairs: Uint32Array): void {
  const slots = words.length / 2;
  for (let at = 0; at < pairs.length; at += 2) {
    const hash = pairs[at]!;
    let slot = (hash >>> 8) % slots;
    while (words[slot * 2 + 1] !== 0) slot = slot + 1 === slots ? 0 : slot + 1;
    words[slot * 2] = hash;
    words[slot * 2 + 1] = pairs[at + 1]!;
  }
}
