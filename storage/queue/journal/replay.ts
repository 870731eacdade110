/**
 * Reads what a crash left in a segment. The first broken or older record ends it, unless whole records of the same
 * generation follow: then it is damage, or a group that a power cut tore (never answered); both are skipped and reported,
 * and the rest is kept [decision 0032].
 */
import type { Disk, DiskFile } from "../../disk.ts";
import {
  type Generation,
  PAGE_BYTES,
  pageAlign,
  type ReadRecord,
  RECORD_ALIGN_BYTES,
  RECORD_HEADER_BYTES,
  RECORD_MAGIC,
  recordBytes,
  tryPeekRecord,
  tryReadRecord,
} from "./record.ts";
import type { Segment } from "./segment.ts";

/** Bytes of a segment in memory at a time; at least the largest record. */
const WINDOW_BYTES = 2 * 1024 * 1024;

/** A record with its payload, a view that is valid until the callback returns. */
export interface ReplayedRecord extends ReadRecord {
  readonly payload: Uint8Array;
  /** Offset of the payload in the segment. */
  readonly payloadPosition: number;
}

/** Bytes that hold no whole record although later ones do. */
export interface ReplayHole {
  readonly from: number;
  readonly to: number;
  /** It was not synced before what follows was written: a power cut, and nothing accepted is lost. */
  cutOff: boolean;
}

/** Gives each whole record of a segment's generation to `visit`, in order; the holes between them. */
export async function replaySegment(
  disk: Disk,
  segment: Segment,
  visit: (record: ReplayedRecord) => void,
): Promise<ReplayHole[]> {
  const generation = segment.header;
  if (!generation) return [];
  const file = await disk.open(segment.path, { read: true });
  try {
    return await new Replay(new Window(file, segment.sizeBytes), generation, visit).run();
  } finally {
    file.close();
  }
}

class Replay {
  readonly #window: Window;
  readonly #generation: Generation;
  readonly #visit: (record: ReplayedRecord) => void;
  readonly #holes: ReplayHole[] = [];
  #expected = 0;
  #expectedAtHole = 0;

  constructor(window: Window, generation: Generation, visit: (record: ReplayedRecord) => void) {
    this.#window = window;
    this.#generation = generation;
    this.#visit = visit;
  }

  async run(): Promise<ReplayHole[]> {
    for (let at = PAGE_BYTES; at + RECORD_HEADER_BYTES <= this.#window.sizeBytes;) {
      const record = await this.#read(at);
      if (record) {
        this.#emit(record);
        at = record.payloadPosition + recordBytes(record.payloadBytes) - RECORD_HEADER_BYTES;
        if (record.last) at = pageAlign(at);
        continue;
      }
      const found = await this.#search(at + RECORD_ALIGN_BYTES);
      if (found === undefined) break;
      this.#expectedAtHole = this.#expected;
      this.#holes.push({ from: at, to: found, cutOff: true });
      at = found;
    }
    return this.#holes;
  }

  #emit(record: ReplayedRecord): void {
    const hole = this.#holes.at(-1);
    if (hole && record.syncedBelow > this.#expectedAtHole) hole.cutOff = false;
    this.#expected = record.sequence + 1;
    this.#visit(record);
  }

  async #read(at: number): Promise<ReplayedRecord | undefined> {
    const window = this.#window;
    await window.cover(at, RECORD_HEADER_BYTES);
    const payloadBytes = tryPeekRecord(window.view, at - window.from, this.#generation);
    if (payloadBytes === undefined || payloadBytes > WINDOW_BYTES - RECORD_HEADER_BYTES) return undefined;
    await window.cover(at, RECORD_HEADER_BYTES + payloadBytes);
    const record = tryReadRecord(window.bytes, at - window.from, this.#generation);
    if (!record || record.sequence < this.#expected) return undefined;
    const payload = window.bytes.subarray(record.payloadAt, record.payloadAt + record.payloadBytes);
    return { ...record, payload, payloadPosition: window.from + record.payloadAt };
  }

  /** The offset of the next whole record of this generation. */
  async #search(from: number): Promise<number | undefined> {
    const window = this.#window;
    for (let at = from; at + RECORD_HEADER_BYTES <= window.sizeBytes;) {
      await window.cover(at, RECORD_HEADER_BYTES);
      const end = window.from + window.bytes.length - RECORD_HEADER_BYTES;
      for (; at <= end; at += RECORD_ALIGN_BYTES) {
        if (window.view.getUint32(at - window.from, true) === RECORD_MAGIC) break;
      }
      if (at > end) continue;
      if (await this.#read(at)) return at;
      at += RECORD_ALIGN_BYTES;
    }
    return undefined;
  }
}

/** A part of a segment in memory. */
class Window {
  readonly sizeBytes: number;
  readonly #file: DiskFile;
  readonly #buffer = new Uint8Array(WINDOW_BYTES);
  bytes = new Uint8Array(0);
  view = new DataView(this.bytes.buffer);
  /** Offset of `bytes` in the segment. */
  from = 0;

  constructor(file: DiskFile, sizeBytes: number) {
    this.#file = file;
    this.sizeBytes = sizeBytes;
  }

  /** Makes `bytes` hold that part, as far as the segment goes. */
  async cover(at: number, lengthBytes: number): Promise<void> {
    const end = Math.min(at + lengthBytes, this.sizeBytes);
    if (at >= this.from && end <= this.from + this.bytes.length) return;
    const target = this.#buffer.subarray(0, Math.min(WINDOW_BYTES, this.sizeBytes - at));
    let filled = 0;
    while (filled < target.length) {
      const count = await this.#file.readAt(target.subarray(filled), at + filled);
      if (count === 0) break;
      filled += count;
    }
    this.bytes = target.subarray(0, filled);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, filled);
    this.from = at;
    if (at + filled < end) throw new Error("journal segment ends too early");
  }
}
