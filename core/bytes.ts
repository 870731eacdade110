/**
 * Bytes and text: the few conversions that every room needs. Envelope addresses, control files and file names are
 * handled as latin1 text: one character a byte, nothing lost.
 */
import { Buffer } from "node:buffer";

/** Before Deno 2.8 Buffer makes text byte by byte: 1700 µs for 64 KB that a decoder makes in 8 (since then 20). */
const BUFFER_IS_SLOW = /^(?:1|2\.[0-7])\./.test(Deno.version.deno);
/** Characters that are made in one call where neither is quick. */
const CHARACTERS = 4096;

const asciiDecoder = new TextDecoder();

/** Text of bytes, one character a byte (ISO 8859-1, not windows-1252: 0x80 to 0x9f stay what they are). */
export function latin1Text(bytes: Uint8Array): string {
  if (BUFFER_IS_SLOW) return latin1TextWithoutBuffer(bytes);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1"); // measured the fastest
}

/** The same as latin1Text, quick on every runtime where the text is ASCII. */
export function latin1TextWithoutBuffer(bytes: Uint8Array): string {
  if (isAscii(bytes)) return asciiDecoder.decode(bytes);
  let text = "";
  for (let at = 0; at < bytes.length; at += CHARACTERS) {
    const piece = bytes.subarray(at, at + CHARACTERS);
    text += isAscii(piece) ? asciiDecoder.decode(piece) : String(Reflect.apply(String.fromCharCode, undefined, piece));
  }
  return text;
}

/** Bytes of latin1 text; characters above 255 lose their upper bits, so check text from outside first. */
export function latin1Bytes(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

const utf8Encoder = new TextEncoder();

/** UTF-8 bytes of text. */
export function utf8Bytes(text: string): Uint8Array<ArrayBuffer> {
  return utf8Encoder.encode(text);
}

/** True when no byte is above 127. */
export function isAscii(bytes: Uint8Array): boolean {
  const head = (4 - (bytes.byteOffset & 3)) & 3;
  let all = 0;
  if (bytes.length <= head) {
    for (const byte of bytes) all |= byte;
    return (all & 0x80) === 0;
  }
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + head, (bytes.length - head) >> 2);
  for (let at = 0; at < words.length; at++) all |= words[at]!;
  if ((all & 0x80808080) !== 0) return false;
  for (let at = 0; at < head; at++) all |= bytes[at]!;
  for (let at = head + words.length * 4; at < bytes.length; at++) all |= bytes[at]!;
  return (all & 0x80) === 0;
}

/** All parts in a row. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** True when both hold the same bytes; not for secrets (it stops at the first difference). */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}
