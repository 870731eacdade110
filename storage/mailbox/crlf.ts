/**
 * Messages lie on disk with LF line ends (sometimes CRLF) and are sent with CRLF: conversion and counting, on whole arrays
 * and on streams in pieces. Only a LF without a CR before it changes; every other byte stays.
 */
import { countLineEnds } from "../../mail/mime/line_ends.ts";

const CR = 13;
const LF = 10;

/** Counts the LFs that have no CR before them; `before` is the byte before the first. */
export function countBareLf(bytes: Uint8Array, before: number): number {
  return countLineEnds(bytes, before).bare;
}

/** The bytes with CRLF line ends: the same array when nothing changes. `before` is the byte before the first. */
export function toCrlf(bytes: Uint8Array, before = 0): Uint8Array {
  const bare = countBareLf(bytes, before);
  if (bare === 0) return bytes;
  const out = new Uint8Array(bytes.length + bare);
  out.set(bytes);
  // from the end towards the beginning within one array, byte by byte: faster than a copy for each line
  for (let at = bytes.length - 1, to = out.length - 1; to > at; at--) {
    const byte = out[at]!;
    out[to--] = byte;
    if (byte === LF && (at === 0 ? before : out[at - 1]) !== CR) out[to--] = CR;
  }
  return out;
}

/** CRLF becomes LF, in pieces: for what a client sends and a Maildir keeps. */
export class CrlfToLf {
  #heldCr = false;

  /** The next bytes; the result is a new array. */
  push(bytes: Uint8Array): Uint8Array {
    const out = new Uint8Array(bytes.length + 1);
    let to = 0;
    let from = 0;
    if (this.#heldCr && bytes.length > 0) {
      if (bytes[0] !== LF) out[to++] = CR;
      this.#heldCr = false;
    }
    for (let at = bytes.indexOf(CR); at >= 0; at = bytes.indexOf(CR, at + 1)) {
      if (at + 1 < bytes.length && bytes[at + 1] !== LF) continue;
      out.set(bytes.subarray(from, at), to);
      to += at - from;
      from = at + 1;
      if (at + 1 === bytes.length) this.#heldCr = true;
    }
    out.set(bytes.subarray(from), to);
    return out.subarray(0, to + bytes.length - from);
  }

  /** What was held back: a CR at the very end. */
  finish(): Uint8Array {
    const held = this.#heldCr;
    this.#heldCr = false;
    return held ? Uint8Array.of(CR) : new Uint8Array();
  }
}

/** Where the header ends: the offset behind its empty line, in bytes with LF or CRLF line ends; -1 when it does not. */
export function headerEnd(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (at === 0 || (at === 1 && bytes[0] === CR)) return at + 1;
    if (bytes[at + 1] === LF) return at + 2;
    if (bytes[at + 1] === CR && bytes[at + 2] === LF) return at + 3;
  }
  return -1;
}
