/**
 * The frame of a journal record and of a segment's header; FORMAT.md beside this describes the bytes. Pure: bytes in,
 * values out. A record counts only when generation, salt and CRC-32C are right, so that neither what an earlier use of
 * the segment left nor what a message's text holds can pass for one.
 */
import { crc32c } from "./crc32c.ts";

/** Groups of records begin at multiples of this, so that no synced page is ever written again. */
export const PAGE_BYTES = 4096;
/** Bytes before the payload of a record. */
export const RECORD_HEADER_BYTES = 40;
/** Records within a group begin at multiples of this. */
export const RECORD_ALIGN_BYTES = 8;
/** "IMJ1", little endian. */
export const RECORD_MAGIC = 0x314a4d49;
/** "IMS1", little endian. */
const SEGMENT_MAGIC = 0x31534d49;
/** Offset of the second copy of a segment's header. */
const SECOND_HEADER_AT = 2048;
const SEGMENT_HEADER_BYTES = 32;
/** Largest generation, so that ids stay exact numbers and of one length. */
export const GENERATION_MAX = 2 ** 28;
/** Largest sequence within a generation. */
export const SEQUENCE_MAX = 2 ** 24 - 1;

/** What a record is about. */
export const RECORD_KIND = { message: 1, large: 2, done: 3, gone: 4 } as const;

/** The kinds as numbers. */
export type RecordKind = typeof RECORD_KIND[keyof typeof RECORD_KIND];

/** One use of a segment: every record of it carries both. */
export interface Generation {
  readonly generation: number;
  /** Random, never shown to anybody. */
  readonly salt: readonly [number, number];
}

/** The frame of a record. */
export interface RecordFrame {
  readonly kind: RecordKind;
  /** Ends its group: the next record begins at the next page. */
  readonly last: boolean;
  /** Counts from 0 in each generation. */
  readonly sequence: number;
  /** Records below this sequence were synced when this one was written: one that is missing was damaged, not cut off. */
  readonly syncedBelow: number;
}

/** A record as it was read. */
export interface ReadRecord extends RecordFrame {
  readonly payloadAt: number;
  readonly payloadBytes: number;
}

/** Bytes a record takes in its group. */
export function recordBytes(payloadBytes: number): number {
  return (RECORD_HEADER_BYTES + payloadBytes + RECORD_ALIGN_BYTES - 1) & -RECORD_ALIGN_BYTES;
}

/** The next page at or after an offset. */
export function pageAlign(at: number): number {
  return Math.ceil(at / PAGE_BYTES) * PAGE_BYTES;
}

/** Writes the header of a record whose payload is at `at` + RECORD_HEADER_BYTES already. */
export function sealRecord(
  target: { readonly bytes: Uint8Array; readonly at: number; readonly payloadBytes: number },
  generation: Generation,
  frame: RecordFrame,
): void {
  const { bytes, at, payloadBytes } = target;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, RECORD_HEADER_BYTES);
  view.setUint32(0, RECORD_MAGIC, true);
  view.setUint32(8, payloadBytes, true);
  view.setUint32(12, frame.kind | (frame.last ? 0x100 : 0), true);
  view.setUint32(16, generation.generation, true);
  view.setUint32(20, frame.sequence, true);
  view.setUint32(24, frame.syncedBelow, true);
  view.setUint32(28, generation.salt[0], true);
  view.setUint32(32, generation.salt[1], true);
  view.setUint32(36, 0, true);
  view.setUint32(4, crc32c(bytes.subarray(at + 8, at + RECORD_HEADER_BYTES + payloadBytes)), true);
}

/** What a record's header claims, when it is one of this generation: how many bytes it takes. Not yet a proof. */
export function tryPeekRecord(view: DataView, at: number, generation: Generation): number | undefined {
  if (at + RECORD_HEADER_BYTES > view.byteLength) return undefined;
  if (view.getUint32(at, true) !== RECORD_MAGIC) return undefined;
  if (view.getUint32(at + 16, true) !== generation.generation) return undefined;
  if (view.getUint32(at + 28, true) !== generation.salt[0]) return undefined;
  if (view.getUint32(at + 32, true) !== generation.salt[1]) return undefined;
  return view.getUint32(at + 8, true);
}

/** Reads the record at `at`; undefined when there is no whole record of this generation. */
export function tryReadRecord(bytes: Uint8Array, at: number, generation: Generation): ReadRecord | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const payloadBytes = tryPeekRecord(view, at, generation);
  if (payloadBytes === undefined || at + RECORD_HEADER_BYTES + payloadBytes > bytes.length) return undefined;
  const payloadAt = at + RECORD_HEADER_BYTES;
  if (crc32c(bytes.subarray(at + 8, payloadAt + payloadBytes)) !== view.getUint32(at + 4, true)) return undefined;
  const kind = tryKind(view.getUint8(at + 12));
  if (kind === undefined) return undefined;
  return {
    kind,
    last: view.getUint8(at + 13) === 1,
    sequence: view.getUint32(at + 20, true),
    syncedBelow: view.getUint32(at + 24, true),
    payloadAt,
    payloadBytes,
  };
}

function tryKind(value: number): RecordKind | undefined {
  return Object.values(RECORD_KIND).find((kind) => kind === value);
}

/** The first page of a segment. */
export interface SegmentHeader extends Generation {
  /** Generations below this hold nothing that is still needed. */
  readonly base: number;
  /** Set by a clean stop: no generation holds anything that is still needed. */
  readonly closed: boolean;
}

/** The first page's bytes: the header twice, in different sectors. */
export function formatSegmentHeader(header: SegmentHeader): Uint8Array<ArrayBuffer> {
  const page = new Uint8Array(PAGE_BYTES);
  const view = new DataView(page.buffer);
  view.setUint32(0, SEGMENT_MAGIC, true);
  view.setUint32(8, header.generation, true);
  view.setUint32(12, header.base, true);
  view.setUint32(16, header.salt[0], true);
  view.setUint32(20, header.salt[1], true);
  view.setUint32(24, header.closed ? 1 : 0, true);
  view.setUint32(4, crc32c(page.subarray(8, SEGMENT_HEADER_BYTES)), true);
  page.copyWithin(SECOND_HEADER_AT, 0, SEGMENT_HEADER_BYTES);
  return page;
}

/** Reads the first page: the newer of the copies that are whole; undefined when neither is. */
export function tryParseSegmentHeader(page: Uint8Array): SegmentHeader | undefined {
  let found: SegmentHeader | undefined;
  for (const at of [0, SECOND_HEADER_AT]) {
    if (page.length < at + SEGMENT_HEADER_BYTES) continue;
    const copy = page.subarray(at, at + SEGMENT_HEADER_BYTES);
    const view = new DataView(copy.buffer, copy.byteOffset, SEGMENT_HEADER_BYTES);
    if (view.getUint32(0, true) !== SEGMENT_MAGIC || view.getUint32(4, true) !== crc32c(copy.subarray(8))) continue;
    const header: SegmentHeader = {
      generation: view.getUint32(8, true),
      base: view.getUint32(12, true),
      salt: [view.getUint32(16, true), view.getUint32(20, true)],
      closed: (view.getUint32(24, true) & 1) === 1,
    };
    if (!found || header.generation > found.generation || (header.closed && !found.closed)) found = header;
  }
  return found;
}

/**
 * The generation of a segment whose header is lost: that of the first record, where one is whole. Used only for a header
 * page that is neither whole nor empty.
 */
export function tryGuessGeneration(bytes: Uint8Array, at: number): Generation | undefined {
  if (at + RECORD_HEADER_BYTES > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const generation: Generation = {
    generation: view.getUint32(at + 16, true),
    salt: [view.getUint32(at + 28, true), view.getUint32(at + 32, true)],
  };
  return tryReadRecord(bytes, at, generation) ? generation : undefined;
}
