/**
 * The row of a message as most are: one part, an ordinary header, line ends that are all LF or all CRLF, at hand as a whole.
 * Made of the bytes in one pass, without a string or an object for each field, since a folder may need ten thousand of them
 * at once. Whatever is not plain gives undefined: then MessageIndexer makes the row, and both must make the same.
 */
import { latin1Text } from "../../core/bytes.ts";
import { Header } from "../header/header.ts";
import { countLineEnds } from "../mime/line_ends.ts";
import { contentTypeOf, isType } from "../mime/part.ts";
import { type LeafTexts, leafTexts } from "./body_structure.ts";
import { ByteWriter, trimmed } from "./byte_writer.ts";
import type { IndexRow } from "./index_row.ts";
import { writePlainAddresses } from "./plain_addresses.ts";

/** Longest header taken, bytes. Ours: an envelope is at most thirteen times as long, and must fit into the buffer. */
const HEADER_BYTES_MAX = 16 * 1024;
const ROW_BYTES_MAX = 320 * 1024;
/** Longest fields, together, that a structure is made of. Ours. */
const CONTENT_BYTES_MAX = 2048;
/** Structures kept. Ours. */
const STRUCTURES_MAX = 512;

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const COLON = 58;
const LETTER_C = 99;

/** Fields of an envelope in its order [rfc3501 7.4.2]. */
const FIELDS = ["date", "subject", "from", "sender", "reply-to", "to", "cc", "bcc", "in-reply-to", "message-id"];
const FROM = 2;
const SENDER = 3;
const REPLY_TO = 4;
const BCC = 7;
const NAMES = FIELDS.map((name) => new TextEncoder().encode(name));
/** Numbers of the fields by length of the name and its first letter. */
const BY_SHAPE = new Int8Array(16 * 32).fill(-1);
for (const [field, name] of NAMES.entries()) BY_SHAPE[name.length * 32 + (name[0]! & 31)] = field;
const CONTENT = new TextEncoder().encode("content-");

/** Where the fields of the header at hand are: value begins and ends; 0 as the end of one that is not there. */
const starts = new Int32Array(FIELDS.length);
const ends = new Int32Array(FIELDS.length);
/** The fields that make the structure, as they are. */
const content = new Uint8Array(CONTENT_BYTES_MAX);
let contentLength = 0;

const out = new ByteWriter(ROW_BYTES_MAX);
/** Texts of structures by the fields they are made of; undefined for those that are not plain. */
const structures = new Map<string, LeafTexts | undefined>();

/** The row; undefined where the message is not plain. Its arrays are used again by the next call. */
export function tryPlainRow(message: Uint8Array): IndexRow | undefined {
  const bodyStart = scanHeader(message);
  if (bodyStart < 0) return undefined;
  const structure = structureOf();
  if (!structure) return undefined;
  out.length = 0;
  if (!writeEnvelope(message)) return undefined;
  const envelopeEnd = out.length;
  const header = countLineEnds(message.subarray(0, bodyStart), 0);
  const body = countLineEnds(message.subarray(bodyStart), LF);
  out.ascii(structure.head);
  out.number(message.length - bodyStart + body.bare);
  if (structure.counted) {
    out.byte(SPACE);
    out.number(body.lines);
  }
  out.ascii(structure.tail);
  return {
    envelope: out.bytes.subarray(0, envelopeEnd),
    bodyStructure: out.bytes.subarray(envelopeEnd, out.length),
    sizeBytes: message.length + header.bare + body.bare,
    headerFileBytes: bodyStart,
  };
}

/** Finds the fields; gives the place behind the empty line, -1 where the header is not plain. */
function scanHeader(bytes: Uint8Array): number {
  starts.fill(0);
  ends.fill(0);
  contentLength = 0;
  const limit = Math.min(bytes.length, HEADER_BYTES_MAX);
  let at = 0;
  while (at < limit) {
    const first = bytes[at]!;
    if (first === LF) return at + 1;
    if (first === CR && bytes[at + 1] === LF) return at + 2;
    let colon = at;
    while (colon < limit && bytes[colon]! !== COLON) {
      if (bytes[colon]! <= SPACE || bytes[colon]! > 126) return -1;
      colon++;
    }
    const end = fieldEnd(bytes, colon, limit);
    if (end < 0 || colon === at || !takeField(bytes, { from: at, colon, to: end })) return -1;
    at = end;
  }
  return -1;
}

/** Behind the last line end of a field, -1 where it is beyond `limit`. */
function fieldEnd(bytes: Uint8Array, from: number, limit: number): number {
  for (let at = from; at < limit; at++) {
    if (bytes[at] !== LF) continue;
    const next = bytes[at + 1];
    if (next !== SPACE && next !== TAB) return at + 1;
  }
  return -1;
}

/** Notes a field; false where it makes the header not plain. */
function takeField(
  bytes: Uint8Array,
  place: { readonly from: number; readonly colon: number; readonly to: number },
): boolean {
  const { from, colon, to } = place;
  const length = colon - from;
  const letter = bytes[from]! | 32;
  const field = length < 16 ? BY_SHAPE[length * 32 + (letter & 31)]! : -1;
  if (field >= 0 && startsWith(bytes, from, NAMES[field]!)) {
    if (ends[field] !== 0) return field < FROM || field > BCC; // addresses are joined, of the others the first counts
    starts[field] = colon + 1;
    ends[field] = to;
  } else if (letter === LETTER_C && length > CONTENT.length && startsWith(bytes, from, CONTENT)) {
    if (contentLength + to - from > CONTENT_BYTES_MAX) return false;
    for (let at = from; at < to; at++) content[contentLength++] = bytes[at]!;
  }
  return true;
}

function startsWith(bytes: Uint8Array, from: number, lowerCase: Uint8Array): boolean {
  for (let at = 0; at < lowerCase.length; at++) {
    const byte = bytes[from + at]!;
    if ((byte >= 65 && byte <= 90 ? byte | 32 : byte) !== lowerCase[at]) return false;
  }
  return true;
}

function writeEnvelope(bytes: Uint8Array): boolean {
  let fromStart = 0;
  let fromEnd = 0;
  out.byte(40);
  for (let field = 0; field < FIELDS.length; field++) {
    if (field > 0) out.byte(SPACE);
    const start = out.length;
    const isAddress = field >= FROM && field <= BCC;
    const range = trimmed(bytes, starts[field]!, ends[field]!);
    if ((field === SENDER || field === REPLY_TO) && range.from >= range.to) out.copy(out.bytes, fromStart, fromEnd);
    else if (ends[field] === 0) out.ascii("NIL");
    else if (!(isAddress ? writePlainAddresses(out, bytes, range) : out.quotedValue(bytes, range))) return false;
    if (field !== FROM) continue;
    fromStart = start;
    fromEnd = out.length;
  }
  out.byte(41);
  return true;
}

/** The texts around the numbers of the structure; undefined where it has parts. */
function structureOf(): LeafTexts | undefined {
  const key = latin1Text(content.subarray(0, contentLength));
  if (structures.has(key)) return structures.get(key);
  if (structures.size >= STRUCTURES_MAX) structures.clear();
  const header = new Header(key);
  const contentType = contentTypeOf(header, { inDigest: false });
  const plain = !isType(contentType, "multipart", "*") && !isType(contentType, "message", "rfc822");
  const texts = plain ? leafTexts({ header, contentType }, { extended: true }) : undefined;
  // what is no ASCII text, or long, is left to the general way
  // deno-lint-ignore no-control-regex -- the ASCII range
  const made = texts && /^[\x00-\x7f]*$/.test(texts.head + texts.tail) ? texts : undefined;
  structures.set(key, made);
  return made;
}
