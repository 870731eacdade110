/**
 * Files in TNEF, the format of winmail.dat: a row of attributes of which some begin an attachment, name it, or are its bytes.
 * Pure; garbage ends the reading, what was found until then counts. Only names and places are kept in memory.
 * The format is Microsoft's MS-OXTNEF 2.1.
 */
import { latin1Text } from "../../core/bytes.ts";
import type { ByteRange, ContainedFile, RandomReader } from "./random_reader.ts";

const SIGNATURE = 0x223e9f78;
const HEADER_BYTES = 6;
const ATTRIBUTE_HEADER_BYTES = 9;
const CHECKSUM_BYTES = 2;
const ATTACH_DATA = 0x800f;
const ATTACH_TITLE = 0x8010;
const ATTACHMENT_BEGINS = 0x9002;
const ATTACHMENT_PROPERTIES = 0x9005;
const LONG_NAME_PROPERTY = 0x3707;
const STRING8 = 0x001e;
const UNICODE = 0x001f;
/** Attachments and attributes above which the rest is not looked at; bytes of names and of properties. Ours. */
const ATTACHMENTS_MAX = 1000;
const ATTRIBUTES_MAX = 100_000;
const NAME_BYTES_MAX = 1024;
const PROPERTIES_BYTES_MAX = 1024 * 1024;

/** Whether a file is TNEF. */
export function isTnef(reader: RandomReader): boolean {
  return number32(reader, 0) === SIGNATURE;
}

function number32(reader: RandomReader, at: number): number {
  const bytes = reader.read(at, 4);
  return bytes.length < 4 ? -1 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
}

/** The attachments, those without bytes left out; a name that is missing is "". */
export function tnefFiles(reader: RandomReader): readonly ContainedFile[] {
  if (!isTnef(reader)) return [];
  const files: { name: string; data: ByteRange | undefined }[] = [];
  let at = HEADER_BYTES;
  for (let count = 0; count < ATTRIBUTES_MAX && files.length <= ATTACHMENTS_MAX; count++) {
    const header = reader.read(at, ATTRIBUTE_HEADER_BYTES);
    if (header.length < ATTRIBUTE_HEADER_BYTES) break;
    const view = new DataView(header.buffer, header.byteOffset);
    const id = view.getUint16(1, true);
    const length = view.getUint32(5, true);
    const start = at + ATTRIBUTE_HEADER_BYTES;
    if (start + length > reader.size) break;
    const file = files.at(-1);
    if (id === ATTACHMENT_BEGINS) files.push({ name: "", data: undefined });
    else if (id === ATTACH_TITLE && file && file.name === "") file.name = textAt(reader, start, length);
    else if (id === ATTACH_DATA && file) file.data = { at: start, length };
    else if (id === ATTACHMENT_PROPERTIES && file) file.name = longName(reader, start, length) ?? file.name;
    at = start + length + CHECKSUM_BYTES;
  }
  return files.flatMap(({ name, data }) => data ? [{ name, ranges: [data] }] : []);
}

/** Text up to its NUL. */
function textAt(reader: RandomReader, at: number, length: number): string {
  return latin1Text(reader.read(at, Math.min(length, NAME_BYTES_MAX))).replace(/\0[^]*$/, "");
}

/** The long file name among an attachment's properties. */
function longName(reader: RandomReader, at: number, length: number): string | undefined {
  const bytes = reader.read(at, Math.min(length, PROPERTIES_BYTES_MAX));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // a property has its type, its id, for strings a count of 1 and a length, then text padded to four bytes
  for (let from = 4; from + 12 <= bytes.length; from += 4) {
    const type = view.getUint16(from, true);
    if (view.getUint16(from + 2, true) !== LONG_NAME_PROPERTY || (type !== STRING8 && type !== UNICODE)) continue;
    const size = view.getUint32(from + 8, true);
    const end = from + 12 + size;
    if (view.getUint32(from + 4, true) !== 1 || size > NAME_BYTES_MAX || end > bytes.length) continue;
    const text = bytes.subarray(from + 12, end);
    const name = type === UNICODE ? new TextDecoder("utf-16le").decode(text) : latin1Text(text);
    return name.replace(/\0[^]*$/, "");
  }
  return undefined;
}
