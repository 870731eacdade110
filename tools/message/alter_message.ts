/**
 * A message changed while it passes: disclaimers, parts removed or replaced, header fields. Everything else stays byte for
 * byte as it is; memory does not grow with the message.
 */
import { concatBytes, latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { fileNames } from "../../mail/mime/file_name.ts";
import { isType, transferEncodingOf } from "../../mail/mime/part.ts";
import { type MimeEvents, MimeStreamParser, type StreamPart } from "../../mail/mime/stream_parser.ts";
import type { ByteTransform } from "../../mail/mime/transfer_stream.ts";
import { changeField, type HeaderChange, insertField, removeFields } from "./alter_header.ts";
import { Base64Changer, type Disclaimers, HtmlInserter, TextAppender } from "./alter_text.ts";

/** What is to be changed. */
export interface Alterations {
  readonly disclaimers: Disclaimers | undefined;
  /** Parts with such a file name go, or with such a type. */
  readonly remove: PartPattern | undefined;
  readonly replace: { readonly pattern: PartPattern; readonly replacement: Replacement } | undefined;
  readonly insertedField: string | undefined;
  readonly change: HeaderChange | undefined;
  /** Signed messages too. */
  readonly altersSigned: boolean;
  /** Disclaimers go into messages in the message too. */
  readonly intoEmbedded: boolean;
  /** Parts are looked for in messages that a text encloses too, as bounces do. */
  readonly searchesTexts: boolean;
}

/** Which parts are meant. */
export interface PartPattern {
  readonly by: "name" | "type";
  readonly pattern: RegExp;
}

/** What a part is replaced with. */
export interface Replacement {
  /** Header of the new part with its empty line, LF line ends. */
  readonly header: string;
  /** Gives the new content, in pieces, LF line ends. */
  content(take: (bytes: Uint8Array) => void): void;
}

/** Where the changed message goes, and what is told of the changes. */
export interface AlterOutput {
  write(bytes: Uint8Array): void;
  tell(text: string): void;
}

type LineEnd = "\n" | "\r\n";
/** Messages in texts in messages in texts that are looked into. Ours. */
const SEARCH_DEPTH_MAX = 5;
/** Bytes of what may be a header that are held until it is known. Ours. */
const HEADER_HOLD_BYTES_MAX = 64 * 1024;
const LF = 10;
const HEADER_LINE = /^(?:[!-9;-~]+[ \t]*:|[ \t])/;
const TELLING_LINE = /^(?:received: |from: |subject: |date: |content-|boundary=)/i;
const CONTENT_FIELDS = [
  "content-type",
  "content-disposition",
  "content-transfer-encoding",
  "content-md5",
  "content-description",
  "content-id",
];

/** Changes one message. */
export class MessageAlterer {
  readonly #parser: MimeStreamParser;

  constructor(alterations: Alterations, output: AlterOutput, depth = 0) {
    this.#parser = new MimeStreamParser(new AlterEvents(alterations, output, depth));
  }

  push(bytes: Uint8Array): void {
    this.#parser.push(bytes);
  }

  finish(): void {
    this.#parser.finish();
  }
}

class AlterEvents implements MimeEvents {
  readonly #alterations: Alterations;
  readonly #output: AlterOutput;
  #lineEnd: LineEnd = "\n";
  /** A boundary line that is written when the part behind it stays. */
  #boundary: Uint8Array | undefined;
  /** The part that is left out with all that is in it. */
  #skipped: StreamPart | undefined;
  #transform: ByteTransform | undefined;
  #html: HtmlInserter | undefined;
  #hasText = false;
  #hasHtml = false;
  #isSigned = false;
  /** Looks for a message in the text of a part. */
  #search: MessageSearch | undefined;
  readonly #depth: number;

  constructor(alterations: Alterations, output: AlterOutput, depth: number) {
    this.#alterations = alterations;
    this.#output = output;
    this.#depth = depth;
  }

  begin(part: StreamPart): void {
    if (this.#skipped) return;
    if (part.depth === 0) this.#lineEnd = /^[^\n]*\r\n/.test(part.header.text) ? "\r\n" : "\n";
    if (isType(part.contentType, "multipart", "signed") && !this.#alterations.altersSigned) this.#isSigned = true;
    const { remove, replace } = this.#alterations;
    if (!this.#isSigned && remove && matches(part, remove)) return this.#remove(part);
    if (!this.#isSigned && replace && part.kind !== "multipart" && matches(part, replace.pattern)) {
      return this.#replace(part, replace.replacement);
    }
    this.#writeBoundary();
    this.#write(latin1Bytes(this.#headerOf(part)));
    if (part.kind !== "leaf") return;
    this.#transform = this.#transformFor(part);
    this.#search = this.#searchFor(part);
  }

  body(_part: StreamPart, bytes: Uint8Array): void {
    if (this.#skipped) return;
    if (this.#search) this.#search.push(bytes);
    else this.#writeContent(bytes);
  }

  #writeContent(bytes: Uint8Array): void {
    this.#write(this.#transform ? this.#transform.push(bytes) : bytes);
  }

  #searchFor(part: StreamPart): MessageSearch | undefined {
    const { remove, replace, searchesTexts } = this.#alterations;
    if ((!remove && !replace) || !searchesTexts || this.#isSigned || this.#depth >= SEARCH_DEPTH_MAX) return undefined;
    if (!isType(part.contentType, "text", "plain") || !["7bit", "8bit"].includes(transferEncodingOf(part))) {
      return undefined;
    }
    const output = { write: (bytes: Uint8Array) => this.#writeContent(bytes), tell: this.#output.tell };
    const inner = { ...this.#alterations, disclaimers: undefined, insertedField: undefined, change: undefined };
    return new MessageSearch(output, () => new MessageAlterer(inner, output, this.#depth + 1));
  }

  end(part: StreamPart, lineEnd: Uint8Array): void {
    if (this.#skipped) {
      if (part === this.#skipped) this.#skipped = undefined;
      return;
    }
    this.#writeBoundary();
    if (part.kind !== "leaf") return;
    this.#search?.finish();
    this.#search = undefined;
    // a disclaimer ends with a line end itself, which is the boundary's
    if (this.#transform) {
      this.#write(this.#transform.push(lineEnd));
      this.#write(this.#transform.finish());
    } else this.#write(lineEnd);
    this.#transform = undefined;
    if (this.#html?.done) this.#hasHtml = true;
    this.#html = undefined;
  }

  between(_part: StreamPart | undefined, bytes: Uint8Array, kind: "preamble" | "boundary" | "epilogue"): void {
    if (this.#skipped) return;
    this.#writeBoundary();
    if (kind === "boundary") this.#boundary = bytes.slice();
    else this.#write(bytes);
  }

  #write(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#output.write(bytes);
  }

  #writeBoundary(): void {
    const boundary = this.#boundary;
    this.#boundary = undefined;
    if (boundary) this.#write(boundary);
  }

  #headerOf(part: StreamPart): string {
    const { change, insertedField } = this.#alterations;
    let { text } = part.header;
    if (part.depth > 0) return text;
    if (change) text = changeField(text, change);
    return insertedField === undefined ? text : insertField(text, insertedField, this.#lineEnd);
  }

  /** Leaves a part out with the boundary before it; a message as a whole keeps the rest of its header. */
  #remove(part: StreamPart): void {
    this.#output.tell(`removed ${nameOf(part)}`);
    this.#skipped = part;
    if (part.parent?.kind === "multipart") {
      this.#boundary = undefined;
      return;
    }
    this.#writeBoundary();
    this.#write(latin1Bytes(removeFields(this.#headerOf(part), CONTENT_FIELDS)));
  }

  #replace(part: StreamPart, replacement: Replacement): void {
    this.#output.tell(`replaced ${nameOf(part)}`);
    this.#writeBoundary();
    const kept = removeFields(this.#headerOf(part), CONTENT_FIELDS).replace(/(?:^|(?<=\n))\r?\n$/, "");
    this.#write(latin1Bytes(kept + this.#adapted(replacement.header)));
    replacement.content((bytes) => this.#write(this.#lineEnd === "\n" ? bytes : withCrLf(bytes)));
    this.#skipped = part;
  }

  #adapted(text: string): string {
    return text.replaceAll("\n", this.#lineEnd);
  }

  /** What puts a disclaimer into a text; undefined where none belongs. */
  #transformFor(part: StreamPart): ByteTransform | undefined {
    const { disclaimers } = this.#alterations;
    if (!disclaimers || this.#isSigned || !this.#isOwnText(part)) return undefined;
    const encoding = transferEncodingOf(part);
    const inBase64 = encoding === "base64";
    if (inBase64 && !disclaimers.intoBase64) return undefined;
    const how = { encoding, lineEnd: this.#lineEnd, inBase64 };
    if (isType(part.contentType, "text", "html")) {
      const wanted = disclaimers.htmlToo || part.depth === 0;
      if (this.#hasHtml || !wanted || (disclaimers.html ?? disclaimers.plain) === undefined) return undefined;
      this.#html = new HtmlInserter(disclaimers, how);
      return inBase64 ? new Base64Changer(this.#html, this.#lineEnd) : this.#html;
    }
    const disclaimer = inBase64 ? disclaimers.base64 ?? disclaimers.plain : disclaimers.plain;
    if (this.#hasText || disclaimer === undefined) return undefined;
    this.#hasText = true;
    this.#output.tell("added the disclaimer to the text");
    const appender = new TextAppender(disclaimer, how);
    return inBase64 ? new Base64Changer(appender, this.#lineEnd) : appender;
  }

  /** Text that the sender wrote: no file, no report, not in a message that the message encloses. */
  #isOwnText(part: StreamPart): boolean {
    const isText = isType(part.contentType, "text", "plain") || isType(part.contentType, "text", "html");
    if (!isText || fileNames(part.header).length > 0) return false;
    if (/^attachment\b/i.test(part.header.value("content-disposition") ?? "")) return false;
    if (!["7bit", "8bit", "quoted-printable", "base64"].includes(transferEncodingOf(part))) return false;
    for (let outer = part.parent; outer; outer = outer.parent) {
      if (isType(outer.contentType, "multipart", "report")) return false;
      if (outer.kind === "message" && !this.#alterations.intoEmbedded) return false;
    }
    return true;
  }
}

/**
 * Passes text on until, behind an empty line, a header begins: two lines of it that only messages have. From there on the text
 * is a message.
 */
class MessageSearch {
  readonly #output: Pick<AlterOutput, "write">;
  readonly #begin: () => MessageAlterer;
  #message: MessageAlterer | undefined;
  /** What may be a header, and the line that is not here as a whole. */
  #held: Uint8Array = new Uint8Array();
  #mayBegin = true;
  #telling = 0;

  constructor(output: Pick<AlterOutput, "write">, begin: () => MessageAlterer) {
    this.#output = output;
    this.#begin = begin;
  }

  push(piece: Uint8Array): void {
    if (this.#message) return this.#message.push(piece);
    const bytes = concatBytes(this.#held, piece);
    let at = this.#held.lastIndexOf(LF) + 1;
    let sent = 0;
    for (let end = bytes.indexOf(LF, at) + 1; end > 0; end = bytes.indexOf(LF, at) + 1) {
      const line = latin1Text(bytes.subarray(at, Math.min(end, at + HEADER_HOLD_BYTES_MAX)));
      at = end;
      if (this.#mayBegin && HEADER_LINE.test(line)) {
        if (!TELLING_LINE.test(line) || ++this.#telling < 2) continue;
        this.#output.write(bytes.subarray(0, sent));
        this.#message = this.#begin();
        return this.#message.push(bytes.subarray(sent));
      }
      this.#mayBegin = /^\r?\n$/.test(line);
      this.#telling = 0;
      sent = at;
    }
    if (bytes.length - sent > HEADER_HOLD_BYTES_MAX) {
      // no header is so long
      this.#mayBegin = false;
      sent = at;
      if (bytes.length - sent > HEADER_HOLD_BYTES_MAX) sent = bytes.length;
    }
    this.#output.write(bytes.subarray(0, sent));
    this.#held = bytes.slice(sent);
  }

  finish(): void {
    if (this.#message) this.#message.finish();
    else this.#output.write(this.#held);
  }
}

function withCrLf(bytes: Uint8Array): Uint8Array {
  return latin1Bytes(new TextDecoder("latin1").decode(bytes).replaceAll("\n", "\r\n"));
}

function nameOf(part: StreamPart): string {
  return fileNames(part.header)[0]?.text ?? `${part.contentType.type}/${part.contentType.subtype}`;
}

function matches(part: StreamPart, { by, pattern }: PartPattern): boolean {
  if (by === "type") return pattern.test(`${part.contentType.type}/${part.contentType.subtype}`);
  return fileNames(part.header).some(({ text, raw }) => pattern.test(text) || pattern.test(raw));
}
