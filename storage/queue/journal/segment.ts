/**
 * The files of the journal: preallocated, zero-filled, used again and again. Here they are found, made, given a new
 * generation, and read; journal.ts writes into them.
 */
import type { Disk, DiskFile } from "../../disk.ts";
import {
  formatSegmentHeader,
  type Generation,
  PAGE_BYTES,
  type SegmentHeader,
  tryGuessGeneration,
  tryParseSegmentHeader,
} from "./record.ts";

/** Bytes written at once when a segment is filled with zeros. */
const FILL_BYTES = 1024 * 1024;
/** Read for a guess at the generation of a segment without header: the largest record. */
const GUESS_BYTES = 1024 * 1024;
const NAME = /^segment\.([1-9][0-9]{0,5})$/;

/** One file of the journal. */
export class Segment {
  readonly path: string;
  readonly sizeBytes: number;
  /** Undefined: never used. */
  header: SegmentHeader | undefined;
  /** Messages in it that are neither finished nor written out. */
  live = 0;
  #disk: Disk;
  #writer: DiskFile | undefined;
  readonly #reads = new Set<Promise<unknown>>();

  constructor(disk: Disk, path: string, sizeBytes: number) {
    this.#disk = disk;
    this.path = path;
    this.sizeBytes = sizeBytes;
  }

  /** True when nobody needs what is in it, or is reading it. */
  get free(): boolean {
    return this.live === 0 && this.#reads.size === 0;
  }

  /** Reads bytes that a live message needs; keeps the segment from being used again meanwhile. */
  async read(at: number, lengthBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const reading = this.#read(at, lengthBytes);
    this.#reads.add(reading);
    try {
      return await reading;
    } finally {
      this.#reads.delete(reading);
    }
  }

  async #read(at: number, lengthBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(lengthBytes);
    const file = await this.#disk.open(this.path, { read: true });
    try {
      await readFully(file, bytes, at);
    } finally {
      file.close();
    }
    return bytes;
  }

  /** Waits for the reads that are under way. */
  async readsDone(): Promise<void> {
    await Promise.allSettled(this.#reads);
  }

  /** The handle that writes. */
  async writer(): Promise<DiskFile> {
    this.#writer ??= await this.#disk.open(this.path, { write: true });
    return this.#writer;
  }

  /** Writes and syncs the first page. With a new generation, nothing that was in the segment counts any more. */
  async writeHeader(header: SegmentHeader): Promise<void> {
    const file = await this.writer();
    await file.writeAt(formatSegmentHeader(header), 0);
    await file.sync();
    this.header = header;
  }

  /** Closes the writing handle. */
  close(): void {
    this.#writer?.close();
    this.#writer = undefined;
  }
}

async function readFully(file: DiskFile, into: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < into.length;) {
    const count = await file.readAt(into.subarray(done), at + done);
    if (count === 0) throw new Error("journal segment ends too early");
    done += count;
  }
}

/** The segments there are, oldest generation first; what a crash left half made is removed. */
export async function findSegments(disk: Disk, directory: string): Promise<Segment[]> {
  const segments: Segment[] = [];
  for (const name of await disk.readDirectory(directory)) {
    if (!NAME.test(name)) continue;
    const path = `${directory}/${name}`;
    const segment = new Segment(disk, path, (await disk.stat(path)).sizeBytes);
    segment.header = await readHeader(disk, segment);
    if (segment.header || segment.sizeBytes >= 2 * PAGE_BYTES) segments.push(segment);
    else await disk.unlink(path);
  }
  return segments.sort((a, b) => (a.header?.generation ?? 0) - (b.header?.generation ?? 0));
}

async function readHeader(disk: Disk, segment: Segment): Promise<SegmentHeader | undefined> {
  const file = await disk.open(segment.path, { read: true });
  try {
    const page = new Uint8Array(Math.min(PAGE_BYTES, segment.sizeBytes));
    await readFully(file, page, 0);
    const header = tryParseSegmentHeader(page);
    if (header || page.every((byte) => byte === 0)) return header;
    const records = new Uint8Array(Math.max(0, Math.min(GUESS_BYTES, segment.sizeBytes - PAGE_BYTES)));
    await readFully(file, records, PAGE_BYTES);
    const guess: Generation | undefined = tryGuessGeneration(records, 0);
    return guess && { ...guess, base: 0, closed: false };
  } finally {
    file.close();
  }
}

/** Makes a segment, filled with zeros and synced. Throws what the disk throws, and then leaves nothing behind. */
export async function createSegment(disk: Disk, directory: string, sizeBytes: number): Promise<Segment> {
  const taken = new Set(await disk.readDirectory(directory));
  let number = 1;
  while (taken.has(`segment.${number}`)) number++;
  const path = `${directory}/segment.${number}`;
  const file = await disk.open(path, { write: true, createNew: true, mode: 0o600 });
  try {
    const zeros = new Uint8Array(Math.min(FILL_BYTES, sizeBytes));
    for (let at = 0; at < sizeBytes; at += zeros.length) {
      await file.writeAt(zeros.subarray(0, Math.min(zeros.length, sizeBytes - at)), at);
    }
    await file.sync({ metadata: true });
    await disk.syncDirectory(directory);
  } catch (error) {
    await disk.unlink(path).catch(() => undefined); // the next start removes or uses what is left
    throw error;
  } finally {
    file.close();
  }
  return new Segment(disk, path, sizeBytes);
}
