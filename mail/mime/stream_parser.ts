/**
 * Takes a message apart while it is read: pieces of any size in, events out, in constant memory however large a part is.
 * For programs that save, change or look into parts; the bytes of all events in order are those of the message. Any bytes
 * are taken; beyond a limit a part counts as content.
 */
import { concatBytes, latin1Text } from "../../core/bytes.ts";
import { Header } from "../header/header.ts";
import { parameterOf } from "./content_type.ts";
import { BOUNDARY_BYTES_MAX, PART_DEPTH_MAX, PART_HEADER_BYTES_MAX, PARTS_MAX } from "./parse.ts";
import { type ContentType, contentTypeOf, isType, type PartKind, transferEncodingOf } from "./part.ts";

/** Bytes of an unfinished line that are held back because a boundary may come of them. */
const LINE_HOLD_BYTES_MAX = 2048;

const LF = 10;
const CR = 13;
const DASH = 45;
const COLON = 58;
const EMPTY = new Uint8Array();

/** A part whose header has been read. */
export interface StreamPart {
  readonly kind: PartKind;
  /** As received, with its empty line where it has one. */
  readonly header: Header;
  readonly contentType: ContentType;
  /** The multipart or message it lies in. */
  readonly parent: StreamPart | undefined;
  /** 0 for the message itself. */
  readonly depth: number;
}

/** What is told while a message is read. Bytes are views of buffers that are used again: copy what is kept. */
export interface MimeEvents {
  /** A part begins; what it consists of follows up to its end. */
  begin(part: StreamPart): void;
  /** Content of a leaf. */
  body(part: StreamPart, bytes: Uint8Array): void;
  /** A part has ended. For a leaf: with the line end before the boundary, which is no content [rfc2046 5.1.1]. */
  end(part: StreamPart, lineEnd: Uint8Array): void;
  /** What belongs to no leaf: text before the first and behind the last boundary of a multipart, and boundary lines. */
  between(part: StreamPart | undefined, bytes: Uint8Array, kind: "preamble" | "boundary" | "epilogue"): void;
}

/** How messages are read. */
export interface StreamOptions {
  /**
   * What is looked for in a part; the parser's own answer is given. A multipart without boundary and a message in base64
   * are leaves to it.
   */
  readonly classify?: (part: Omit<StreamPart, "kind">, kind: PartKind) => PartKind;
  /** A line that is no header line ends a header and is content. Otherwise it is passed over. */
  readonly textEndsHeader?: boolean;
  /** Levels of nesting; default PART_DEPTH_MAX. */
  readonly depthMax?: number;
  /** Parts, above which the rest is no part; default PARTS_MAX. Nothing is kept of a part that has ended. */
  readonly partsMax?: number;
  /** The first part is in a multipart/digest, or is content without a header. */
  readonly start?: "header" | "body";
}

interface OpenPart extends StreamPart {
  /** "" when none is looked for. */
  boundary: string;
  state: "preamble" | "inside" | "epilogue";
}

const NOTHING_HELD = new Uint8Array();

/** Reads one message. */
export class MimeStreamParser {
  readonly #events: MimeEvents;
  readonly #options: StreamOptions;
  readonly #depthMax: number;
  readonly #partsMax: number;
  readonly #open: OpenPart[] = [];
  #partCount = 0;
  #boundaryCount = 0;
  #inHeader = true;
  #header: string[] = [];
  #headerBytes = 0;
  /** Not yet decided on: begins with a line, or with the line end before it. */
  #held: Uint8Array = NOTHING_HELD;
  /** The next byte begins a line, for the content of a leaf or what is between parts. */
  #atLineStart = true;
  #first = true;

  constructor(events: MimeEvents, options: StreamOptions = {}) {
    this.#events = events;
    this.#options = options;
    this.#depthMax = options.depthMax ?? PART_DEPTH_MAX;
    this.#partsMax = options.partsMax ?? PARTS_MAX;
    if (options.start === "body") this.#endHeader();
  }

  /** The next bytes; they may be reused afterwards. */
  push(piece: Uint8Array): void {
    if (piece.length === 0) return;
    const bytes = this.#held.length === 0 ? piece : concatBytes(this.#held, piece);
    this.#held = NOTHING_HELD;
    const at = this.#scan(bytes);
    if (at < bytes.length) this.#held = bytes.slice(at);
  }

  /** The message has ended: all that is open ends. push must not be called afterwards. */
  finish(): void {
    const rest = this.#held;
    this.#held = NOTHING_HELD;
    if (rest.length > 0) this.#finishWith(rest);
    while (this.#inHeader) this.#endHeader();
    this.#closeDownTo(0, EMPTY);
  }

  #finishWith(rest: Uint8Array): void {
    let at = 0;
    if (!this.#inHeader) {
      // a last boundary may have no line end
      const lineStart = this.#atLineStart ? 0 : lineEndLength(rest, 0);
      if (this.#takeBoundary(rest, { lineStart, lineEnd: rest.length, from: 0 })) return;
      this.#content(rest);
      return;
    }
    while (at < rest.length && this.#inHeader) {
      const lineEnd = rest.indexOf(LF, at) + 1 || rest.length;
      if (this.#takeBoundary(rest, { lineStart: at, lineEnd, from: at })) at = lineEnd;
      else at = this.#headerLine(rest, at, lineEnd);
    }
    if (at < rest.length) this.#content(rest.subarray(at));
  }

  /** Takes what can be decided on; where the rest begins. */
  #scan(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length) {
      const before = at;
      const wasInHeader = this.#inHeader;
      at = wasInHeader ? this.#scanHeader(bytes, at) : this.#scanContent(bytes, at);
      if (at === before && wasInHeader === this.#inHeader) break;
    }
    return at;
  }

  #scanHeader(bytes: Uint8Array, from: number): number {
    let at = from;
    while (this.#inHeader) {
      const lineEnd = bytes.indexOf(LF, at) + 1;
      if (lineEnd === 0) {
        if (this.#headerBytes + bytes.length - at <= PART_HEADER_BYTES_MAX) return at;
        this.#addHeader(bytes, at, bytes.length);
        this.#endHeader();
        this.#atLineStart = false;
        return bytes.length;
      }
      if (this.#takeBoundary(bytes, { lineStart: at, lineEnd, from: at })) at = lineEnd;
      else at = this.#headerLine(bytes, at, lineEnd);
    }
    return at;
  }

  /** Takes a line of a header; where the next begins, the line itself when it is content. */
  #headerLine(bytes: Uint8Array, from: number, to: number): number {
    const isEmpty = from + lineEndLength(bytes, from) === to;
    if (!isEmpty && this.#first && startsWith(bytes, from, "From ")) {
      this.#first = false;
      this.#events.between(undefined, bytes.subarray(from, to), "preamble");
      return to;
    }
    this.#first = false;
    const ends = this.#options.textEndsHeader && !isEmpty && !this.#isHeaderLine(bytes, from, to);
    if (ends || this.#headerBytes > PART_HEADER_BYTES_MAX) {
      this.#endHeader();
      return from;
    }
    this.#addHeader(bytes, from, to);
    if (isEmpty) this.#endHeader();
    return to;
  }

  #isHeaderLine(bytes: Uint8Array, from: number, to: number): boolean {
    if (bytes[from] === 32 || bytes[from] === 9) return this.#headerBytes > 0;
    for (let at = from; at < to; at++) {
      const byte = bytes[at]!;
      if (byte === COLON) return at > from;
      if (byte <= 32 || byte >= 127) return false;
    }
    return false;
  }

  #addHeader(bytes: Uint8Array, from: number, to: number): void {
    this.#headerBytes += to - from;
    this.#header.push(latin1Text(bytes.subarray(from, to)));
  }

  #endHeader(): void {
    const parent = this.#open.at(-1);
    const header = new Header(this.#header.length === 1 ? this.#header[0]! : this.#header.join(""));
    const inDigest = parent !== undefined && isType(parent.contentType, "multipart", "digest");
    const contentType = contentTypeOf(header, { inDigest });
    const seen = { header, contentType, parent, depth: this.#open.length };
    this.#header = [];
    this.#headerBytes = 0;
    this.#inHeader = false;
    this.#atLineStart = true;
    this.#first = false;
    this.#partCount++;
    const boundary = boundaryOf(contentType);
    const limited = this.#open.length >= this.#depthMax || this.#partCount >= this.#partsMax;
    const natural = limited ? "leaf" : naturalKind(seen, boundary);
    const kind = limited ? "leaf" : this.#options.classify?.(seen, natural) ?? natural;
    const part: OpenPart = { ...seen, kind, boundary: kind === "multipart" ? boundary : "", state: "preamble" };
    if (part.boundary !== "") this.#boundaryCount++;
    this.#open.push(part);
    this.#events.begin(part);
    if (kind === "message") this.#inHeader = true;
  }

  #scanContent(bytes: Uint8Array, from: number): number {
    if (this.#boundaryCount === 0) {
      this.#content(from === 0 ? bytes : bytes.subarray(from));
      return bytes.length;
    }
    // `lineEndAt` is where the line end before the line begins: it is content only when no boundary follows
    let lineEndAt = from;
    let lineStart = this.#atLineStart ? from : nextLine(bytes, from);
    if (!this.#atLineStart && lineStart > 0) lineEndAt = lineEndBefore(bytes, lineStart, from);
    while (lineStart > 0 || this.#atLineStart) {
      if (bytes[lineStart] === DASH && (bytes[lineStart + 1] === DASH || lineStart + 1 === bytes.length)) {
        const lineEnd = bytes.indexOf(LF, lineStart) + 1;
        if (lineEnd === 0 && bytes.length - lineStart < LINE_HOLD_BYTES_MAX) return this.#hold(bytes, from, lineEndAt);
        if (lineEnd > 0 && this.#takeBoundary(bytes, { lineStart, lineEnd, from, lineEndAt })) return lineEnd;
      } else if (lineStart === bytes.length) return this.#hold(bytes, from, lineEndAt);
      this.#atLineStart = false;
      lineStart = nextLine(bytes, lineStart);
      if (lineStart > 0) lineEndAt = lineEndBefore(bytes, lineStart, from);
    }
    return this.#hold(bytes, from, bytes[bytes.length - 1] === CR ? bytes.length - 1 : bytes.length);
  }

  /** Gives out content up to `to`; the rest is held. */
  #hold(bytes: Uint8Array, from: number, to: number): number {
    if (to > from) {
      this.#content(bytes.subarray(from, to));
      this.#atLineStart = false;
    }
    return to;
  }

  /** Content of the innermost part, or what stands between parts. */
  #content(bytes: Uint8Array): void {
    const part = this.#open.at(-1)!;
    if (part.kind === "leaf") this.#events.body(part, bytes);
    else this.#events.between(part, bytes, part.state === "epilogue" ? "epilogue" : "preamble");
  }

  /**
   * Takes the line when it is a boundary of an open multipart: gives out the content before it, ends the parts in it and
   * begins the next.
   */
  #takeBoundary(
    bytes: Uint8Array,
    line: { lineStart: number; lineEnd: number; from: number; lineEndAt?: number },
  ): boolean {
    const { lineStart, lineEnd, from, lineEndAt = from } = line;
    if (this.#boundaryCount === 0 || bytes[lineStart] !== DASH || bytes[lineStart + 1] !== DASH) return false;
    const text = bytes.subarray(lineStart + 2, lineEnd);
    for (let depth = this.#open.length - 1; depth >= 0; depth--) {
      const part = this.#open[depth]!;
      if (part.boundary === "") continue;
      const match = matchBoundary(text, part.boundary);
      if (match === undefined) continue;
      while (this.#inHeader) this.#endHeader();
      if (lineEndAt > from) this.#content(bytes.subarray(from, lineEndAt));
      const before = bytes.subarray(lineEndAt, lineStart);
      if (this.#open.at(-1)!.kind !== "leaf" && before.length > 0) this.#content(before);
      this.#closeDownTo(depth + 1, before);
      this.#events.between(part, bytes.subarray(lineStart, lineEnd), "boundary");
      this.#atLineStart = true;
      if (match === "opening" && this.#partCount < this.#partsMax) {
        part.state = "inside";
        this.#inHeader = true;
      } else {
        part.state = "epilogue";
        this.#forgetBoundary(part);
      }
      return true;
    }
    return false;
  }

  #forgetBoundary(part: OpenPart): void {
    if (part.boundary === "") return;
    part.boundary = "";
    this.#boundaryCount--;
  }

  #closeDownTo(depth: number, lineEnd: Uint8Array): void {
    while (this.#open.length > depth) {
      const part = this.#open.pop()!;
      this.#forgetBoundary(part);
      this.#events.end(part, part.kind === "leaf" ? lineEnd : EMPTY);
    }
  }
}

function boundaryOf(contentType: ContentType): string {
  const boundary = parameterOf({ value: "", parameters: contentType.parameters }, "boundary")?.trimEnd() ?? "";
  return boundary.length > BOUNDARY_BYTES_MAX ? "" : boundary;
}

function naturalKind(part: Omit<StreamPart, "kind">, boundary: string): PartKind {
  if (isType(part.contentType, "multipart", "*")) return boundary === "" ? "leaf" : "multipart";
  const isMessage = isType(part.contentType, "message", "rfc822") || isType(part.contentType, "message", "global");
  if (!isMessage) return "leaf";
  const encoding = transferEncodingOf(part);
  return encoding === "base64" || encoding === "quoted-printable" ? "leaf" : "message";
}

/** Where the line behind the one at `from` begins; 0 when it is not here. */
function nextLine(bytes: Uint8Array, from: number): number {
  return bytes.indexOf(LF, from) + 1;
}

/** Where the line end begins that stands before `lineStart`, not before `from`. */
function lineEndBefore(bytes: Uint8Array, lineStart: number, from: number): number {
  return lineStart - 2 >= from && bytes[lineStart - 2] === CR ? lineStart - 2 : lineStart - 1;
}

/** Length of the line end at `at`: 0 when there is none. */
function lineEndLength(bytes: Uint8Array, at: number): number {
  if (bytes[at] === LF) return 1;
  return bytes[at] === CR && bytes[at + 1] === LF ? 2 : 0;
}

function startsWith(bytes: Uint8Array, from: number, text: string): boolean {
  for (let at = 0; at < text.length; at++) if (bytes[from + at] !== text.charCodeAt(at)) return false;
  return true;
}

/** Whether a line behind its `--` is that boundary; white space may follow [rfc2046 5.1.1]. */
function matchBoundary(line: Uint8Array, boundary: string): "opening" | "closing" | undefined {
  if (line.length < boundary.length || !startsWith(line, 0, boundary)) return undefined;
  const next = line[boundary.length];
  if (next === DASH && line[boundary.length + 1] === DASH) return "closing";
  return next === undefined || next === LF || next === CR || next === 32 || next === 9 ? "opening" : undefined;
}
