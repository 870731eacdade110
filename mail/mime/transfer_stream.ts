/**
 * Transfer encodings undone and made piece by piece, in constant memory: pieces of any size give the same bytes as the whole
 * at once. Tolerant as transfer.ts: what is no character of the encoding is skipped or stays [rfc2045 6].
 */
import { concatBytes } from "../../core/bytes.ts";

const EMPTY = new Uint8Array();
const SKIP = 255;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64_CHARACTERS = Uint8Array.from(ALPHABET, (character) => character.charCodeAt(0));
const BASE64_VALUES = base64Values();
const LF = 10;
const CR = 13;
const EQUALS = 61;
/** Blanks between `=` and a line end that are waited for; beyond it the `=` stands for itself. Ours. */
const SOFT_BLANKS_MAX = 1024;

function base64Values(): Uint8Array {
  const values = new Uint8Array(256).fill(SKIP);
  for (let at = 0; at < BASE64_CHARACTERS.length; at++) values[BASE64_CHARACTERS[at]!] = at;
  return values;
}

/** Changes bytes piece by piece. What is returned may be a view of a buffer that the next call uses again. */
export interface ByteTransform {
  push(bytes: Uint8Array): Uint8Array;
  /** What is left at the end. */
  finish(): Uint8Array;
}

/** Leaves bytes as they are. */
export class IdentityTransform implements ByteTransform {
  push(bytes: Uint8Array): Uint8Array {
    return bytes;
  }

  finish(): Uint8Array {
    return EMPTY;
  }
}

/** Undoes base64 [rfc2045 6.8]. `stopsAtPadding`: the first `=` ends the data; otherwise only its group. */
export class Base64Decoder implements ByteTransform {
  readonly #stopsAtPadding: boolean;
  #bits = 0;
  #count = 0;
  #stopped = false;
  #out = new Uint8Array(0);

  constructor(options: { readonly stopsAtPadding?: boolean } = {}) {
    this.#stopsAtPadding = options.stopsAtPadding ?? false;
  }

  push(text: Uint8Array): Uint8Array {
    if (this.#stopped) return EMPTY;
    const room = Math.ceil(text.length / 4) * 3 + 3;
    if (this.#out.length < room) this.#out = new Uint8Array(room);
    const out = this.#out;
    const values = BASE64_VALUES;
    let length = 0;
    let bits = this.#bits;
    let count = this.#count;
    for (let at = 0; at < text.length;) {
      if (count === 0) {
        // whole groups at once
        while (at + 4 <= text.length) {
          const a = values[text[at]!]!;
          const b = values[text[at + 1]!]!;
          const c = values[text[at + 2]!]!;
          const d = values[text[at + 3]!]!;
          if ((a | b | c | d) > 63) break;
          out[length++] = (a << 2) | (b >> 4);
          out[length++] = (b << 4) | (c >> 2);
          out[length++] = (c << 6) | d;
          at += 4;
        }
        if (at === text.length) break;
      }
      const byte = text[at++]!;
      const value = values[byte]!;
      if (value === SKIP) {
        if (byte !== EQUALS) continue;
        if (this.#stopsAtPadding) {
          this.#stopped = true;
          break;
        }
        count = 0;
        continue;
      }
      bits = ((bits << 6) | value) & 0xffffff;
      count++;
      if (count === 2) out[length++] = bits >> 4;
      else if (count === 3) out[length++] = bits >> 2;
      else if (count === 4) {
        out[length++] = bits;
        count = 0;
      }
    }
    this.#bits = bits;
    this.#count = count;
    return out.subarray(0, length);
  }

  /** True when the data did not end with a whole group. */
  get unfinished(): boolean {
    return this.#count !== 0 && !this.#stopped;
  }

  finish(): Uint8Array {
    return EMPTY;
  }
}

/** Undoes quoted-printable [rfc2045 6.7]. */
export class QuotedPrintableDecoder implements ByteTransform {
  readonly #dropsEncodedCr: boolean;
  #held: Uint8Array = EMPTY;

  /** `dropsEncodedCr`: leaves out what `=0D` stands for, as programs do that write text files. */
  constructor(options: { readonly dropsEncodedCr?: boolean } = {}) {
    this.#dropsEncodedCr = options.dropsEncodedCr ?? false;
  }

  push(piece: Uint8Array): Uint8Array {
    if (piece.length === 0) return EMPTY;
    const text = this.#held.length === 0 ? piece : concatBytes(this.#held, piece);
    const first = text.indexOf(EQUALS);
    if (first < 0) {
      this.#held = EMPTY;
      return text;
    }
    const hold = unfinishedFrom(text);
    this.#held = hold < text.length ? text.slice(hold) : EMPTY;
    return decodeEscapes(text.subarray(0, hold), { first, dropsCr: this.#dropsEncodedCr });
  }

  finish(): Uint8Array {
    const rest = this.#held;
    this.#held = EMPTY;
    return rest;
  }
}

/** Where the last escape begins that is not here as a whole; the length when there is none. */
function unfinishedFrom(text: Uint8Array): number {
  const equals = text.lastIndexOf(EQUALS);
  if (equals < 0 || text.length - equals > SOFT_BLANKS_MAX) return text.length;
  let at = equals + 1;
  if (at < text.length && hexValue(text[at]!) >= 0) return at + 1 < text.length ? text.length : equals;
  while (at < text.length && (text[at] === 32 || text[at] === 9)) at++;
  if (at === text.length) return equals;
  return text[at] === CR && at + 1 === text.length ? equals : text.length;
}

function decodeEscapes(
  text: Uint8Array,
  { first, dropsCr }: { readonly first: number; readonly dropsCr: boolean },
): Uint8Array {
  const out = new Uint8Array(text.length);
  out.set(text.subarray(0, first));
  let length = Math.min(first, text.length);
  for (let at = first; at < text.length; at++) {
    const byte = text[at]!;
    if (byte !== EQUALS) {
      out[length++] = byte;
      continue;
    }
    const high = at + 2 < text.length ? hexValue(text[at + 1]!) : -1;
    const low = high >= 0 ? hexValue(text[at + 2]!) : -1;
    if (low >= 0) {
      const decoded = high * 16 + low;
      if (!dropsCr || decoded !== CR) out[length++] = decoded;
      at += 2;
      continue;
    }
    const lineEnd = softLineEnd(text, at + 1);
    if (lineEnd < 0) out[length++] = byte;
    else at = lineEnd;
  }
  return out.subarray(0, length);
}

function softLineEnd(text: Uint8Array, from: number): number {
  let at = from;
  while (at - from < SOFT_BLANKS_MAX && (text[at] === 32 || text[at] === 9)) at++;
  if (text[at] === LF) return at;
  return text[at] === CR && text[at + 1] === LF ? at + 1 : -1;
}

function hexValue(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const upper = byte & 0xdf;
  return upper >= 65 && upper <= 70 ? upper - 55 : -1;
}

/** The transform that undoes a Content-Transfer-Encoding in lower case; others and 7bit, 8bit, binary: none. */
export function transferDecoder(encoding: string): ByteTransform {
  if (encoding === "base64") return new Base64Decoder();
  return encoding === "quoted-printable" ? new QuotedPrintableDecoder() : new IdentityTransform();
}

/** Makes base64 in lines [rfc2045 6.8]. */
export class Base64Encoder implements ByteTransform {
  readonly #lineBytes: number;
  readonly #lineEnd: string;
  #held: Uint8Array = EMPTY;
  #out = new Uint8Array(0);

  /** Characters of a line: a multiple of 4, at most 76. */
  constructor(options: { readonly lineChars?: number; readonly lineEnd?: "\n" | "\r\n" } = {}) {
    this.#lineBytes = (options.lineChars ?? 76) / 4 * 3;
    this.#lineEnd = options.lineEnd ?? "\n";
  }

  push(piece: Uint8Array): Uint8Array {
    const bytes = this.#held.length === 0 ? piece : concatBytes(this.#held, piece);
    const whole = bytes.length - bytes.length % this.#lineBytes;
    this.#held = bytes.slice(whole);
    return this.#lines(bytes, whole);
  }

  finish(): Uint8Array {
    const rest = this.#held;
    this.#held = EMPTY;
    return this.#lines(rest, rest.length);
  }

  #lines(bytes: Uint8Array, end: number): Uint8Array {
    const lines = Math.ceil(end / this.#lineBytes);
    const room = Math.ceil(end / 3) * 4 + lines * this.#lineEnd.length;
    if (this.#out.length < room) this.#out = new Uint8Array(room);
    const out = this.#out;
    let to = 0;
    for (let from = 0; from < end; from += this.#lineBytes) {
      to = encodeGroups(bytes, { from, end: Math.min(from + this.#lineBytes, end) }, { out, to });
      for (let at = 0; at < this.#lineEnd.length; at++) out[to++] = this.#lineEnd.charCodeAt(at);
    }
    return out.subarray(0, to);
  }
}

/** Writes the base64 of a range; where it ends. */
function encodeGroups(
  bytes: Uint8Array,
  range: { readonly from: number; readonly end: number },
  target: { readonly out: Uint8Array; readonly to: number },
): number {
  const { out } = target;
  let { to } = target;
  let at = range.from;
  for (; at + 2 < range.end; at += 3) {
    const bits = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
    out[to++] = BASE64_CHARACTERS[bits >> 18]!;
    out[to++] = BASE64_CHARACTERS[(bits >> 12) & 63]!;
    out[to++] = BASE64_CHARACTERS[(bits >> 6) & 63]!;
    out[to++] = BASE64_CHARACTERS[bits & 63]!;
  }
  if (at === range.end) return to;
  const hasTwo = at + 1 < range.end;
  const bits = (bytes[at]! << 16) | (hasTwo ? bytes[at + 1]! << 8 : 0);
  out[to++] = BASE64_CHARACTERS[bits >> 18]!;
  out[to++] = BASE64_CHARACTERS[(bits >> 12) & 63]!;
  out[to++] = hasTwo ? BASE64_CHARACTERS[(bits >> 6) & 63]! : EQUALS;
  out[to++] = EQUALS;
  return to;
}

/** Quoted-printable text of bytes, lines of at most 76 characters [rfc2045 6.7]. Line ends stay as they are. */
export function encodeQuotedPrintable(bytes: Uint8Array, lineEnd: "\n" | "\r\n" = "\n"): string {
  let text = "";
  let column = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === LF || (byte === CR && bytes[at + 1] === LF)) {
      text += lineEnd;
      if (byte === CR) at++;
      column = 0;
      continue;
    }
    const next = bytes[at + 1];
    const endsLine = next === undefined || next === LF || (next === CR && bytes[at + 2] === LF);
    const isBlank = byte === 32 || byte === 9;
    const plain = (byte > 32 && byte < 127 && byte !== EQUALS) || (isBlank && !endsLine);
    const word = plain ? String.fromCharCode(byte) : `=${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    if (column + word.length > (endsLine ? 76 : 75)) {
      text += `=${lineEnd}`;
      column = 0;
    }
    text += word;
    column += word.length;
  }
  return text;
}
