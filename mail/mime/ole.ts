/**
 * Files embedded in OLE 2 documents (old Word, Excel): the streams that Packager and Office keep whole files in. Pure; any
 * bytes are taken, every chain has an end. Only tables of the container are kept in memory. The format is Microsoft's
 * MS-CFB 2 and MS-OLEDS 2.3.6.
 */
import { latin1Text } from "../../core/bytes.ts";
import type { ByteRange, ContainedFile, RandomReader } from "./random_reader.ts";

const MAGIC = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
const HEADER_BYTES = 512;
const ENTRY_BYTES = 128;
const TABLES_IN_HEADER = 109;
const SECTOR_MAX = 0xfffffffa;
const STREAM = 2;
const ROOT = 5;
/** Sectors of a container and files in it above which the rest is not looked at. Ours: a million sectors are 512 MB. */
const SECTORS_MAX = 1024 * 1024;
const ENTRIES_MAX = 10_000;
const FILES_MAX = 1000;
/** Bytes of the texts before a packaged file. */
const PACKAGE_HEAD_BYTES_MAX = 4096;

/** Whether a file is an OLE 2 container. */
export function isOle(reader: RandomReader): boolean {
  const bytes = reader.read(0, MAGIC.length);
  return bytes.length === MAGIC.length && MAGIC.every((byte, at) => bytes[at] === byte);
}

/** The files that are embedded as such. */
export function oleFiles(reader: RandomReader): readonly ContainedFile[] {
  if (!isOle(reader) || reader.size < HEADER_BYTES) return [];
  const container = new Container(reader);
  const files: ContainedFile[] = [];
  for (const entry of container.streams()) {
    if (files.length >= FILES_MAX) break;
    if (entry.name === "\u0001Ole10Native") {
      const file = packagedFile(container, entry);
      if (file) files.push(file);
    } else if (entry.name === "Package" && entry.size > 0) {
      files.push({ name: "", ranges: container.ranges(entry) });
    }
  }
  return files;
}

interface Entry {
  readonly name: string;
  readonly type: number;
  readonly start: number;
  readonly size: number;
}

class Container {
  readonly #reader: RandomReader;
  readonly #sectorBytes: number;
  readonly #smallBytes: number;
  readonly #smallMax: number;
  /** The next sector of each. */
  readonly #table: Uint32Array;
  readonly #smallTable: Uint32Array;
  readonly #entries: readonly Entry[];
  /** Where small streams lie, in order. */
  readonly #smallRanges: readonly ByteRange[];

  constructor(reader: RandomReader) {
    this.#reader = reader;
    const header = reader.read(0, HEADER_BYTES);
    const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
    this.#sectorBytes = view.getUint16(30, true) === 12 ? 4096 : 512;
    this.#smallBytes = 64;
    this.#smallMax = view.getUint32(56, true);
    this.#table = this.#readTable(view);
    this.#smallTable = this.#numbers(this.#chain(view.getUint32(60, true), this.#table));
    this.#entries = this.#readEntries(view.getUint32(48, true));
    const root = this.#entries.find((entry) => entry.type === ROOT);
    this.#smallRanges = root ? this.#sectorRanges(this.#chain(root.start, this.#table), root.size) : [];
  }

  streams(): readonly Entry[] {
    return this.#entries.filter((entry) => entry.type === STREAM);
  }

  /** Where the bytes of a stream lie. */
  ranges(entry: Entry): readonly ByteRange[] {
    if (entry.size >= this.#smallMax) return this.#sectorRanges(this.#chain(entry.start, this.#table), entry.size);
    const ranges: ByteRange[] = [];
    let left = entry.size;
    for (const sector of this.#chain(entry.start, this.#smallTable)) {
      const at = this.#placeOfSmall(sector * this.#smallBytes);
      if (left <= 0 || at === undefined) break;
      ranges.push({ at, length: Math.min(left, this.#smallBytes) });
      left -= this.#smallBytes;
    }
    return ranges;
  }

  /** The first bytes of a stream. */
  head(entry: Entry, length: number): Uint8Array {
    const bytes = new Uint8Array(Math.min(length, entry.size));
    let filled = 0;
    for (const range of this.ranges(entry)) {
      if (filled >= bytes.length) break;
      const piece = this.#reader.read(range.at, Math.min(range.length, bytes.length - filled));
      bytes.set(piece, filled);
      filled += piece.length;
    }
    return bytes.subarray(0, filled);
  }

  #placeOfSmall(offset: number): number | undefined {
    let left = offset;
    for (const { at, length } of this.#smallRanges) {
      if (left < length) return at + left;
      left -= length;
    }
    return undefined;
  }

  #readTable(header: DataView): Uint32Array {
    const sectors: number[] = [];
    for (let at = 0; at < TABLES_IN_HEADER; at++) sectors.push(header.getUint32(76 + at * 4, true));
    const perSector = this.#sectorBytes / 4;
    const tables = Math.ceil(this.#reader.size / this.#sectorBytes / perSector) + 1;
    let more = header.getUint32(68, true);
    while (more < SECTOR_MAX && sectors.length < tables) {
      const list = this.#numbers([more]);
      if (list.length < perSector) break;
      sectors.push(...list.subarray(0, perSector - 1));
      more = list[perSector - 1]!;
    }
    return this.#numbers(sectors.slice(0, tables).filter((sector) => sector < SECTOR_MAX));
  }

  /** The numbers in sectors. */
  #numbers(sectors: readonly number[]): Uint32Array {
    const perSector = this.#sectorBytes / 4;
    const numbers = new Uint32Array(Math.min(sectors.length * perSector, SECTORS_MAX));
    let count = 0;
    for (const sector of sectors) {
      const bytes = this.#reader.read(this.#place(sector), this.#sectorBytes);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      for (let at = 0; at + 4 <= bytes.length && count < numbers.length; at += 4) {
        numbers[count++] = view.getUint32(at, true);
      }
    }
    return numbers.subarray(0, count);
  }

  #place(sector: number): number {
    return (sector + 1) * this.#sectorBytes;
  }

  /** The sectors of a chain; one that comes back to itself ends. */
  #chain(start: number, table: Uint32Array): number[] {
    const chain: number[] = [];
    for (let sector = start; sector < table.length && chain.length <= table.length; sector = table[sector]!) {
      chain.push(sector);
    }
    return chain;
  }

  #sectorRanges(chain: readonly number[], size: number): ByteRange[] {
    const ranges: { at: number; length: number }[] = [];
    let left = size;
    for (const sector of chain) {
      if (left <= 0) break;
      const at = this.#place(sector);
      const length = Math.min(left, this.#sectorBytes);
      const last = ranges.at(-1);
      if (last && last.at + last.length === at) last.length += length;
      else ranges.push({ at, length });
      left -= length;
    }
    return ranges;
  }

  #readEntries(start: number): Entry[] {
    const entries: Entry[] = [];
    for (const sector of this.#chain(start, this.#table)) {
      const bytes = this.#reader.read(this.#place(sector), this.#sectorBytes);
      for (let at = 0; at + ENTRY_BYTES <= bytes.length && entries.length < ENTRIES_MAX; at += ENTRY_BYTES) {
        const view = new DataView(bytes.buffer, bytes.byteOffset + at, ENTRY_BYTES);
        const nameBytes = Math.min(Math.max(view.getUint16(64, true) - 2, 0), 62);
        entries.push({
          name: new TextDecoder("utf-16le").decode(bytes.subarray(at, at + nameBytes)),
          type: view.getUint8(66),
          start: view.getUint32(116, true),
          size: view.getUint32(120, true),
        });
      }
    }
    return entries;
  }
}

/** The file in a stream of Packager: size, flags, label, path, flags, temporary path, then its size and bytes. */
function packagedFile(container: Container, entry: Entry): ContainedFile | undefined {
  const head = container.head(entry, PACKAGE_HEAD_BYTES_MAX);
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const label = textFrom(head, 6);
  const path = textFrom(head, label.next);
  const temporary = textFrom(head, path.next + 8);
  if (temporary.next + 4 > head.length) return undefined;
  const length = view.getUint32(temporary.next, true);
  const start = temporary.next + 4;
  if (length > entry.size - start) return undefined;
  return { name: label.text || path.text, ranges: partOf(container.ranges(entry), start, length) };
}

function textFrom(bytes: Uint8Array, from: number): { text: string; next: number } {
  const end = bytes.indexOf(0, from);
  if (end < 0) return { text: "", next: bytes.length };
  return { text: latin1Text(bytes.subarray(from, end)), next: end + 1 };
}

/** A part of what lies in ranges. */
function partOf(ranges: readonly ByteRange[], start: number, length: number): ByteRange[] {
  const part: ByteRange[] = [];
  let skip = start;
  let left = length;
  for (const range of ranges) {
    if (left <= 0) break;
    if (skip >= range.length) {
      skip -= range.length;
      continue;
    }
    const taken = Math.min(range.length - skip, left);
    part.push({ at: range.at + skip, length: taken });
    left -= taken;
    skip = 0;
  }
  return part;
}
