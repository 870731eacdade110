/**
 * Content transfer encodings decoded, tolerantly: what is no character of the encoding is skipped [rfc2045 6]. For SEARCH,
 * display and filters; the bytes of a message stay as received.
 */

const BASE64_SKIP = 255;
const BASE64_VALUES = base64Values();

function base64Values(): Uint8Array {
  const values = new Uint8Array(256).fill(BASE64_SKIP);
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (let at = 0; at < alphabet.length; at++) values[alphabet.charCodeAt(at)] = at;
  return values;
}

/** The bytes of base64 text; other characters are skipped, the first `=` ends a group [rfc2045 6.8]. */
export function decodeBase64(text: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(Math.ceil(text.length / 4) * 3);
  let length = 0;
  let bits = 0;
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const value = BASE64_VALUES[text[at]!]!;
    if (value === BASE64_SKIP) {
      if (text[at] === 61) count = 0;
      continue;
    }
    bits = ((bits << 6) | value) & 0xffffff;
    count++;
    if (count === 2) bytes[length++] = bits >> 4;
    else if (count === 3) bytes[length++] = bits >> 2;
    else if (count === 4) {
      bytes[length++] = bits;
      count = 0;
    }
  }
  return bytes.subarray(0, length);
}

/** The bytes of quoted-printable text; what is no escape stays as it is [rfc2045 6.7]. */
export function decodeQuotedPrintable(text: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at]!;
    if (byte !== 61) {
      bytes[length++] = byte;
      continue;
    }
    const high = hexValue(text[at + 1]);
    const low = hexValue(text[at + 2]);
    if (high >= 0 && low >= 0) {
      bytes[length++] = high * 16 + low;
      at += 2;
      continue;
    }
    const lineEnd = softLineEnd(text, at + 1);
    if (lineEnd < 0) bytes[length++] = byte;
    else at = lineEnd;
  }
  return bytes.subarray(0, length);
}

/** Where the line end is that follows `=` and white space; -1 when something else follows. */
function softLineEnd(text: Uint8Array, from: number): number {
  let at = from;
  while (text[at] === 32 || text[at] === 9) at++;
  if (text[at] === 10) return at;
  return text[at] === 13 && text[at + 1] === 10 ? at + 1 : -1;
}

function hexValue(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 48 && byte <= 57) return byte - 48;
  const upper = byte & 0xdf;
  return upper >= 65 && upper <= 70 ? upper - 55 : -1;
}

/** The bytes behind a Content-Transfer-Encoding; unknown ones and 7bit, 8bit, binary: the same bytes. */
export function decodeTransfer(bytes: Uint8Array, encoding: string): Uint8Array {
  switch (encoding.trim().toLowerCase()) {
    case "base64":
      return decodeBase64(bytes);
    case "quoted-printable":
      return decodeQuotedPrintable(bytes);
    default:
      return bytes;
  }
}
