/**
 * Sections of a message: which bytes BODY[2.1.HEADER] means [rfc3501 6.4.5]. A message is parsed at most once a FETCH, and only
 * where a part or the structure is asked for; one that is too large for memory is read in pieces.
 */
import { concatBytes, latin1Bytes } from "../../core/bytes.ts";
import { Header, headerEnd } from "../header/header.ts";
import { MimeParser, parseMime } from "../mime/parse.ts";
import { isType, type MimePart } from "../mime/part.ts";
import type { ImapMessage } from "./backend.ts";
import type { Section, SectionKind } from "./parse_fetch.ts";

/** Bytes from `from` to before `to` of a message. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/** Largest header of which fields are picked, bytes; of a larger one those in its beginning are. Ours. */
export const HEADER_BYTES_MAX = 1024 * 1024;

const CRLF = latin1Bytes("\r\n");

/** The part that a path means; undefined when there is none. */
export function findPart(root: MimePart, path: readonly number[]): MimePart | undefined {
  let part = path.length > 0 ? partOfMessage(root, path[0]!) : root;
  for (const number of path.slice(1)) {
    if (part && isType(part.contentType, "multipart", "*")) part = partOfMultipart(part, number);
    else part = part?.kind === "message" ? partOfMessage(part.children[0]!, number) : undefined;
  }
  return part;
}

/** A message that is no multipart has one part: its body. */
function partOfMessage(message: MimePart, number: number): MimePart | undefined {
  if (isType(message.contentType, "multipart", "*")) return partOfMultipart(message, number);
  return number === 1 ? message : undefined;
}

/** A multipart in which no part is found has one, its body, as its structure says (body_structure.ts). */
function partOfMultipart(part: MimePart, number: number): MimePart | undefined {
  return part.children[number - 1] ?? (part.children.length === 0 && number === 1 ? part : undefined);
}

/** The bytes of a section; undefined when the message has no such part. For header fields: those of the whole header. */
export function sectionRange(root: MimePart, section: Section): ByteRange | undefined {
  const part = findPart(root, section.path);
  if (!part) return undefined;
  const inMessage = section.path.length === 0 ? part : part.kind === "message" ? part.children[0] : undefined;
  switch (section.kind) {
    case "all":
      return section.path.length === 0 ? { from: 0, to: part.end } : { from: part.bodyStart, to: part.end };
    case "mime":
      return { from: part.start, to: part.bodyStart };
    case "text":
      return inMessage && { from: inMessage.bodyStart, to: inMessage.end };
    default:
      return inMessage && { from: inMessage.start, to: inMessage.bodyStart };
  }
}

/** The fields of a header that a section picks, and an empty line. */
export function pickFields(header: Uint8Array, section: Section): Uint8Array {
  const parsed = new Header(header);
  const wanted = section.kind === "fields";
  let text = "";
  for (const field of parsed.fields) {
    if (section.fields.includes(field.name) === wanted) text += parsed.rawOf(field);
  }
  return latin1Bytes(text.endsWith("\n") || text === "" ? `${text}\r\n` : `${text}\r\n\r\n`);
}

/** Whether a section picks fields of a header. */
export function isFields(kind: SectionKind): boolean {
  return kind === "fields" || kind === "fields-not";
}

/** Whether a section needs no more than the message's own header. */
export function isOwnHeader(section: Section): boolean {
  return section.path.length === 0 && (section.kind === "header" || isFields(section.kind));
}

/** A message that sections are cut from. */
export class SectionSource {
  readonly message: ImapMessage;
  #root: MimePart | undefined;

  constructor(message: ImapMessage) {
    this.message = message;
  }

  /** Its structure. */
  async root(): Promise<MimePart> {
    if (this.#root) return this.#root;
    const { whole, sizeBytes } = this.message;
    if (whole) return this.#root = parseMime(whole);
    const parser = new MimeParser();
    for await (const piece of this.message.pieces(0, sizeBytes)) parser.push(piece);
    return this.#root = parser.finish();
  }

  /** The bytes that a section means, or for picked fields of the header they are in. */
  async range(section: Section): Promise<ByteRange | undefined> {
    const { whole, sizeBytes } = this.message;
    if (section.path.length === 0) {
      if (section.kind === "all") return { from: 0, to: sizeBytes };
      if (whole) {
        const end = headerEnd(whole);
        return section.kind === "text" ? { from: end, to: sizeBytes } : { from: 0, to: end };
      }
    }
    return sectionRange(await this.root(), section);
  }

  /** Bytes of a range, all at once; only for ranges that fit into memory. */
  async bytes(range: ByteRange): Promise<Uint8Array> {
    const { whole } = this.message;
    if (whole) return whole.subarray(range.from, range.to);
    const pieces: Uint8Array[] = [];
    for await (const piece of this.message.pieces(range.from, range.to)) pieces.push(piece.slice());
    return concatBytes(...pieces);
  }

  /** The fields that a section picks; undefined when the message has no such part. */
  async fields(section: Section): Promise<Uint8Array | undefined> {
    const range = await this.range(section);
    if (!range) return undefined;
    const to = Math.min(range.to, range.from + HEADER_BYTES_MAX);
    return range.to === range.from ? CRLF : pickFields(await this.bytes({ from: range.from, to }), section);
  }
}
