/**
 * Rows of the index in blocks: what the index keeps of the messages whose UIDs share all but the last bits, as three BLOBs
 * (numbers, envelopes, structures). A folder of 10,000 messages so has 157 rows in SQLite instead of 10,000. Numbers are
 * columns in the machine's byte order: sizes (float64), then UIDs, lengths of envelopes, lengths of structures (uint32).
 */

/** UIDs of a block have the same number when shifted by this. */
const BLOCK_BITS = 6;
/** Most rows of a block. */
export const BLOCK_ROWS_MAX = 1 << BLOCK_BITS;
const ROW_NUMBER_BYTES = 20;
const FIRST_BYTES = 8 * 1024;

/** What the index keeps of a message, beside its UID. */
export interface RowContent {
  readonly envelope: Uint8Array;
  readonly bodyStructure: Uint8Array;
  /** Bytes with CRLF line ends. */
  readonly sizeBytes: number;
}

/** What the index keeps of a message. */
export interface MessageRow extends RowContent {
  readonly uid: number;
}

/** The numbers of a block, in columns of equal length by ascending UID. */
export interface BlockNumbers {
  readonly uids: Uint32Array;
  readonly sizes: Float64Array;
  readonly envelopeLengths: Uint32Array;
  readonly structureLengths: Uint32Array;
}

/** A block as SQLite has it. */
export interface StoredBlock {
  readonly block: number;
  readonly numbers: Uint8Array;
  readonly envelopes: Uint8Array;
  readonly structures: Uint8Array;
}

/** The number of the block that a UID is in. */
export function blockOf(uid: number): number {
  return uid >>> BLOCK_BITS;
}

/** The numbers of a block; undefined when they are broken. */
export function tryBlockNumbers(bytes: Uint8Array): BlockNumbers | undefined {
  const count = bytes.length / ROW_NUMBER_BYTES;
  if (!Number.isInteger(count) || count > BLOCK_ROWS_MAX) return undefined;
  const { buffer } = bytes.slice();
  return {
    sizes: new Float64Array(buffer, 0, count),
    uids: new Uint32Array(buffer, count * 8, count),
    envelopeLengths: new Uint32Array(buffer, count * 12, count),
    structureLengths: new Uint32Array(buffer, count * 16, count),
  };
}

/** The rows of a block; none when it is broken. */
export function rowsOfBlock(stored: StoredBlock): MessageRow[] {
  const numbers = tryBlockNumbers(stored.numbers);
  if (!numbers) return [];
  const rows: MessageRow[] = [];
  let envelope = 0;
  let structure = 0;
  for (const [row, uid] of numbers.uids.entries()) {
    const envelopeEnd = envelope + numbers.envelopeLengths[row]!;
    const structureEnd = structure + numbers.structureLengths[row]!;
    rows.push({
      uid,
      envelope: stored.envelopes.subarray(envelope, envelopeEnd),
      bodyStructure: stored.structures.subarray(structure, structureEnd),
      sizeBytes: numbers.sizes[row]!,
    });
    envelope = envelopeEnd;
    structure = structureEnd;
  }
  return envelope === stored.envelopes.length && structure === stored.structures.length ? rows : [];
}

/** The rows of both by ascending UID; of two for one UID that of `fresh`. */
export function mergeRows(old: readonly MessageRow[], fresh: readonly MessageRow[]): MessageRow[] {
  const byUid = new Map<number, MessageRow>();
  for (const row of old) byUid.set(row.uid, row);
  for (const row of fresh) byUid.set(row.uid, row);
  return [...byUid.values()].sort((a, b) => a.uid - b.uid);
}

/** Makes blocks of rows, one after the other; rows must be added by ascending UID, their bytes are copied. */
export class BlockBuilder {
  block: number;
  #count = 0;
  readonly #sizes = new Float64Array(BLOCK_ROWS_MAX);
  readonly #uids = new Uint32Array(BLOCK_ROWS_MAX);
  readonly #envelopes = new PackedBytes();
  readonly #structures = new PackedBytes();

  constructor(block: number) {
    this.block = block;
  }

  add(uid: number, row: RowContent): void {
    this.#sizes[this.#count] = row.sizeBytes;
    this.#uids[this.#count] = uid;
    this.#envelopes.add(row.envelope);
    this.#structures.add(row.bodyStructure);
    this.#count++;
  }

  /** The block; the builder is empty then, for the block `next`. */
  finish(next = this.block): StoredBlock {
    const count = this.#count;
    const numbers = new Uint8Array(count * ROW_NUMBER_BYTES);
    new Float64Array(numbers.buffer, 0, count).set(this.#sizes.subarray(0, count));
    new Uint32Array(numbers.buffer, count * 8, count).set(this.#uids.subarray(0, count));
    new Uint32Array(numbers.buffer, count * 12, count).set(this.#envelopes.lengths.subarray(0, count));
    new Uint32Array(numbers.buffer, count * 16, count).set(this.#structures.lengths.subarray(0, count));
    const made = { block: this.block, numbers, envelopes: this.#envelopes.take(), structures: this.#structures.take() };
    this.block = next;
    this.#count = 0;
    return made;
  }
}

/** Byte strings one behind the other. */
class PackedBytes {
  readonly lengths = new Uint32Array(BLOCK_ROWS_MAX);
  #buffer = new Uint8Array(FIRST_BYTES);
  #length = 0;
  #count = 0;

  add(bytes: Uint8Array): void {
    const end = this.#length + bytes.length;
    if (end > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(end, this.#buffer.length * 2));
      larger.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length = end;
    this.lengths[this.#count++] = bytes.length;
  }

  /** What was added, copied; then it is empty. */
  take(): Uint8Array {
    const bytes = this.#buffer.slice(0, this.#length);
    this.#length = 0;
    this.#count = 0;
    return bytes;
  }
}
