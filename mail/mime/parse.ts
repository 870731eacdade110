/**
 * Finds the structure of a message in one pass, in pieces of any size: for the mailbox index (while a file is read), for IMAP
 * sections and for filters. Only headers are kept in memory. Any bytes are taken; beyond a limit a part counts as content.
 */
import { latin1Text } from "../../core/bytes.ts";
import { Header, headerEnd } from "../header/header.ts";
import { parameterOf } from "./content_type.ts";
import { countLineEnds } from "./line_ends.ts";
import { type ContentType, contentTypeOf, isType, type MimePart, type PartKind } from "./part.ts";

/** Levels of nesting. Ours, as Dovecot's: a message in a multipart counts two. */
export const PART_DEPTH_MAX = 100;
/** Parts of a message. Ours, as Dovecot's. */
export const PARTS_MAX = 10_000;
/** Bytes of one part's header that are looked at. Ours. */
export const PART_HEADER_BYTES_MAX = 1024 * 1024;
/** Bytes of a line's beginning that are held until the next piece comes: longer than any boundary line. */
const LINE_HOLD_BYTES_MAX = 2048;
/** Longest boundary taken, bytes; the RFC has 70 [rfc2046 5.1.1]. */
export const BOUNDARY_BYTES_MAX = 1000;

const LF = 10;
const CR = 13;
const DASH = 45;
const EMPTY = new Uint8Array();
const EMPTY_HEADER = new Header("");

class Node implements MimePart {
  kind: PartKind = "leaf";
  header = EMPTY_HEADER;
  contentType: ContentType = contentTypeOf(EMPTY_HEADER, { inDigest: false });
  bodyStart = 0;
  end = 0;
  bodyLines = 0;
  headerFileBytes = 0;
  readonly children: Node[] = [];
  /** The boundary that is looked for; "" for none, or after the closing one. */
  boundary = "";
  /** Line ends before the body. */
  linesBefore = 0;

  constructor(readonly start: number, readonly fileStart: number, readonly inDigest: boolean) {}
}

/** The structure of a whole message. */
export function parseMime(message: Uint8Array): MimePart {
  const parser = new MimeParser();
  parser.push(message);
  return parser.finish();
}

/** Parses a message piece by piece. */
export class MimeParser {
  readonly #root = new Node(0, 0, false);
  /** From the message down to the part that is being read. */
  #open: Node[] = [this.#root];
  #partCount = 1;
  #boundaryCount = 0;
  #inHeader = true;
  #headerText: string[] = [];
  #headerBytes = 0;
  /** The lines of the header in the piece at hand, not yet made text: one range, so that a header is decoded at once. */
  #headerSource: Uint8Array = EMPTY;
  #headerFrom = 0;
  #headerTo = 0;
  #held: Uint8Array = EMPTY;
  #atLineStart = true;
  #lastWasCr = false;
  #fileOffset = 0;
  #bareLineEnds = 0;
  #lines = 0;

  /** The next bytes; they may be reused afterwards. */
  push(bytes: Uint8Array): void {
    let at = 0;
    if (this.#held.length > 0) {
      const lineEnd = bytes.indexOf(LF) + 1;
      const take = lineEnd > 0 ? lineEnd : bytes.length;
      const line = new Uint8Array(this.#held.length + take);
      line.set(this.#held);
      line.set(bytes.subarray(0, take), this.#held.length);
      this.#held = EMPTY;
      this.#scan(line);
      at = take;
    }
    if (at < bytes.length) this.#scan(at === 0 ? bytes : bytes.subarray(at));
    this.#takeHeaderText();
  }

  /** The structure; push must not be called afterwards. */
  finish(): MimePart {
    if (this.#held.length > 0) {
      const rest = this.#held;
      this.#held = EMPTY;
      if (!this.#isBoundaryLine(rest, 0, rest.length)) this.#fragment(rest, 0, rest.length);
    }
    if (this.#inHeader) this.#endHeader();
    this.#closeDownTo(0, this.#offset, this.#lines);
    return this.#root;
  }

  /** Network bytes so far. */
  get #offset(): number {
    return this.#fileOffset + this.#bareLineEnds;
  }

  #scan(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (!this.#inHeader && this.#boundaryCount === 0) return this.#countRest(bytes, at);
      const behind = this.#inHeader ? this.#tryHeader(bytes, at) : -1;
      if (behind > 0) {
        at = behind;
        continue;
      }
      const lineEnd = bytes.indexOf(LF, at) + 1;
      if (lineEnd === 0) {
        const rest = bytes.length - at;
        if (this.#atLineStart && rest < LINE_HOLD_BYTES_MAX) this.#held = bytes.slice(at);
        else this.#fragment(bytes, at, bytes.length);
        return;
      }
      if (!this.#atLineStart || !this.#isBoundaryLine(bytes, at, lineEnd)) this.#fragment(bytes, at, lineEnd);
      at = lineEnd;
    }
  }

  /** No boundary is looked for: only lines are counted. */
  #countRest(bytes: Uint8Array, from: number): void {
    this.#pass(from === 0 ? bytes : bytes.subarray(from));
  }

  /** Passes over bytes, counting lines. */
  #pass(bytes: Uint8Array): void {
    const { lines, bare } = countLineEnds(bytes, this.#lastWasCr ? CR : 0);
    const last = bytes[bytes.length - 1];
    this.#lines += lines;
    this.#bareLineEnds += bare;
    this.#fileOffset += bytes.length;
    this.#lastWasCr = last === CR;
    this.#atLineStart = last === LF;
  }

  /** Takes a header that is here as a whole and in which no boundary can be; where it ends, or -1. */
  #tryHeader(bytes: Uint8Array, from: number): number {
    if (this.#boundaryCount > 0 || !this.#atLineStart || this.#headerTo > 0 || this.#headerText.length > 0) return -1;
    const rest = from === 0 ? bytes : bytes.subarray(from);
    const length = headerEnd(rest);
    if (length === rest.length) return -1;
    this.#pass(rest.subarray(0, length));
    this.#headerSource = rest;
    this.#headerTo = length;
    this.#endHeader();
    return from + length;
  }

  /** A line or a piece of one that is no boundary. */
  #fragment(bytes: Uint8Array, from: number, to: number): void {
    const ends = bytes[to - 1] === LF;
    const hasCr = to - from > 1 ? bytes[to - 2] === CR : this.#lastWasCr;
    const empty = ends && this.#atLineStart && (to - from === 1 || (to - from === 2 && hasCr));
    this.#fileOffset += to - from;
    if (ends) {
      this.#lines++;
      if (!hasCr) this.#bareLineEnds++;
    }
    this.#lastWasCr = bytes[to - 1] === CR;
    this.#atLineStart = ends;
    if (!this.#inHeader) return;
    if (this.#headerSource !== bytes || this.#headerTo !== from) {
      this.#takeHeaderText();
      this.#headerSource = bytes;
      this.#headerFrom = from;
    }
    this.#headerTo = to;
    if (empty) this.#endHeader();
  }

  #takeHeaderText(): void {
    if (this.#headerTo > this.#headerFrom && this.#headerBytes < PART_HEADER_BYTES_MAX) {
      this.#headerBytes += this.#headerTo - this.#headerFrom;
      this.#headerText.push(latin1Slice(this.#headerSource, this.#headerFrom, this.#headerTo));
    }
    this.#headerSource = EMPTY;
    this.#headerFrom = this.#headerTo = 0;
  }

  #endHeader(): void {
    const node = this.#open[this.#open.length - 1]!;
    this.#takeHeaderText();
    node.header = new Header(this.#headerText.length === 1 ? this.#headerText[0]! : this.#headerText.join(""));
    node.bodyStart = this.#offset;
    node.headerFileBytes = this.#fileOffset - node.fileStart;
    node.linesBefore = this.#lines;
    node.contentType = contentTypeOf(node.header, { inDigest: node.inDigest });
    this.#headerText = [];
    this.#headerBytes = 0;
    this.#inHeader = false;
    if (this.#open.length >= PART_DEPTH_MAX || this.#partCount >= PARTS_MAX) return;
    if (isType(node.contentType, "multipart", "*")) {
      const boundary = parameterOf({ value: "", parameters: node.contentType.parameters }, "boundary")?.trimEnd() ?? "";
      if (boundary === "" || boundary.length > BOUNDARY_BYTES_MAX) return;
      node.kind = "multipart";
      node.boundary = boundary;
      this.#boundaryCount++;
    } else if (isType(node.contentType, "message", "rfc822")) {
      node.kind = "message";
      this.#begin(node, { inDigest: false });
    }
  }

  #begin(parent: Node, options: { readonly inDigest: boolean }): void {
    const child = new Node(this.#offset, this.#fileOffset, options.inDigest);
    parent.children.push(child);
    this.#open.push(child);
    this.#partCount++;
    this.#inHeader = true;
  }

  /** Takes a boundary line of an open multipart: ends the parts in it, begins the next. */
  #isBoundaryLine(bytes: Uint8Array, from: number, to: number): boolean {
    if (this.#boundaryCount === 0 || bytes[from] !== DASH || bytes[from + 1] !== DASH) return false;
    for (let depth = this.#open.length - 1; depth >= 0; depth--) {
      const node = this.#open[depth]!;
      if (node.boundary === "") continue;
      const match = matchBoundary(bytes.subarray(from + 2, to), node.boundary);
      if (match === undefined) continue;
      if (this.#inHeader) this.#endHeaderAtBoundary();
      // the open parts below may have changed by ending a header, so the node is looked up again by depth
      const lineStart = this.#offset;
      this.#closeDownTo(depth + 1, lineStart - 2, this.#lines - 1);
      this.#passLine(bytes, from, to);
      if (match === "closing" || this.#partCount >= PARTS_MAX) this.#forgetBoundary(node);
      else this.#begin(node, { inDigest: isType(node.contentType, "multipart", "digest") });
      return true;
    }
    return false;
  }

  /** A boundary where a header was read: the part has no body. */
  #endHeaderAtBoundary(): void {
    while (this.#inHeader) this.#endHeader();
  }

  #passLine(bytes: Uint8Array, from: number, to: number): void {
    this.#fileOffset += to - from;
    this.#atLineStart = bytes[to - 1] === LF;
    this.#lastWasCr = bytes[to - 1] === CR;
    if (!this.#atLineStart) return;
    this.#lines++;
    if (to - from < 2 || bytes[to - 2] !== CR) this.#bareLineEnds++;
  }

  #forgetBoundary(node: Node): void {
    if (node.boundary === "") return;
    node.boundary = "";
    this.#boundaryCount--;
  }

  /** Ends the open parts from that depth on. */
  #closeDownTo(depth: number, end: number, lines: number): void {
    while (this.#open.length > depth) {
      const node = this.#open.pop()!;
      this.#forgetBoundary(node);
      node.end = Math.max(end, node.bodyStart);
      node.bodyLines = Math.max(lines - node.linesBefore, 0);
    }
  }
}

/** Whether a line behind its `--` is that boundary [rfc2046 5.1.1]; white space may follow. */
function matchBoundary(line: Uint8Array, boundary: string): "opening" | "closing" | undefined {
  if (line.length < boundary.length) return undefined;
  for (let at = 0; at < boundary.length; at++) if (line[at] !== boundary.charCodeAt(at)) return undefined;
  const next = line[boundary.length];
  if (next === DASH && line[boundary.length + 1] === DASH) return "closing";
  return next === undefined || next === LF || next === CR || next === 32 || next === 9 ? "opening" : undefined;
}

/** latin1 text of a range. */
function latin1Slice(bytes: Uint8Array, from: number, to: number): string {
  return latin1Text(bytes.subarray(from, to));
}
