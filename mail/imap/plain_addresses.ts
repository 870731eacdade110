/**
 * Address lists as most are, turned into rows of an ENVELOPE byte by byte: `"Name" <a@b>`, `Name Word <a@b>`, `<a@b>` and
 * `a@b`, with commas between. Everything else is left to the parser of mail/address, whose result this must equal.
 */
import { type ByteWriter, QUOTED_BYTES_MAX, type ValueRange } from "./byte_writer.ts";

const SPACE = 32;
const LF = 10;
const CR = 13;
const QUOTE = 34;
const COMMA = 44;
const LESS = 60;
const GREATER = 62;
const AT = 64;
const BACKSLASH = 92;

/** Bytes of words, and of domains, by their codes. */
const WORD = 1;
const DOMAIN = 2;
const KINDS = new Uint8Array(256);
for (let code = 33; code < 127; code++) {
  const character = String.fromCharCode(code);
  if (!'()<>@,;:\\"[]'.includes(character)) KINDS[code] = WORD;
  if (/[A-Za-z0-9.-]/.test(character)) KINDS[code] = WORD | DOMAIN;
}

/** Unfolds lists of more than one line. */
const unfolded = new Uint8Array(16 * 1024);
/** Longest list looked at, bytes. Ours. */
const LIST_BYTES_MAX = unfolded.length;

/** Writes the parenthesised list of a value, NIL when it is empty; false when something in it is not plain. */
export function writePlainAddresses(out: ByteWriter, source: Uint8Array, range: ValueRange): boolean {
  if (range.from === range.to) {
    out.ascii("NIL");
    return true;
  }
  if (range.to - range.from > LIST_BYTES_MAX) return false;
  const line = source.subarray(range.from, range.to).includes(LF) ? unfold(source, range) : source;
  let at = line === source ? range.from : 0;
  const to = line === source ? range.to : line.length;
  out.byte(40);
  while (at < to) {
    at = writeAddress(out, line, { from: at, to });
    if (at < 0) return false;
    while (at < to && line[at] === SPACE) at++;
    if (at === to) break;
    if (line[at++] !== COMMA) return false;
    while (at < to && line[at] === SPACE) at++;
  }
  out.byte(41);
  return true;
}

function unfold(source: Uint8Array, range: ValueRange): Uint8Array {
  let length = 0;
  for (let at = range.from; at < range.to; at++) {
    const byte = source[at]!;
    if (byte !== LF && (byte !== CR || source[at + 1] !== LF)) unfolded[length++] = byte;
  }
  return unfolded.subarray(0, length);
}

/** Writes one address; the place behind it, or -1 when it is not plain. */
function writeAddress(out: ByteWriter, line: Uint8Array, range: ValueRange): number {
  const { from, to } = range;
  const first = line[from]!;
  out.byte(40);
  if (first === LESS) {
    out.ascii("NIL");
    return writeMailbox(out, line, { from: from + 1, to }, GREATER);
  }
  let at = first === QUOTE ? quotedEnd(line, from, to) : wordEnd(line, from, to);
  if (at <= from || at - from > QUOTED_BYTES_MAX) return -1;
  if (first === QUOTE) {
    out.copy(line, from, at);
    if (line[at] !== SPACE || line[at + 1] !== LESS || at + 1 >= to) return -1;
    return writeMailbox(out, line, { from: at + 2, to }, GREATER);
  }
  if (at < to && line[at] === AT) {
    out.ascii("NIL");
    return writeMailbox(out, line, range, 0);
  }
  while (at + 1 < to && line[at] === SPACE && line[at + 1] !== LESS) {
    const end = wordEnd(line, at + 1, to);
    if (end === at + 1) return -1;
    at = end;
  }
  if (at + 1 >= to || line[at] !== SPACE || at - from > QUOTED_BYTES_MAX) return -1;
  out.byte(QUOTE);
  out.copy(line, from, at);
  out.byte(QUOTE);
  return writeMailbox(out, line, { from: at + 2, to }, GREATER);
}

/** Writes route, local part and domain, and the end of the row; `close` is the byte that must follow, 0 for none. */
function writeMailbox(out: ByteWriter, line: Uint8Array, range: ValueRange, close: number): number {
  const { from, to } = range;
  const localEnd = wordEnd(line, from, to);
  if (localEnd === from || localEnd >= to || line[localEnd] !== AT) return -1;
  let at = localEnd + 1;
  while (at < to && (KINDS[line[at]!]! & DOMAIN) !== 0) at++;
  if (at === localEnd + 1 || at - from > QUOTED_BYTES_MAX) return -1;
  out.ascii(' NIL "');
  out.copy(line, from, localEnd);
  out.ascii('" "');
  out.copy(line, localEnd + 1, at);
  out.ascii('")');
  if (close === 0) return at;
  return at < to && line[at] === close ? at + 1 : -1;
}

function wordEnd(line: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && KINDS[line[at]!] !== 0) at++;
  return at;
}

/** Behind the quote that ends the string, -1 where it is empty or has escapes or bytes that are not plain. */
function quotedEnd(line: Uint8Array, from: number, to: number): number {
  for (let at = from + 1; at < to; at++) {
    const byte = line[at]!;
    if (byte === QUOTE) return at > from + 1 ? at + 1 : -1;
    if (byte < SPACE || byte > 126 || byte === BACKSLASH) return -1;
  }
  return -1;
}
