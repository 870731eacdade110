/**
 * Messages as ripmime takes them apart: every part becomes a file, whatever is packed in it too: messages, uuencoded files,
 * TNEF, OLE, MHT. In constant memory: parts are written while the message is read, and read again from their files.
 */
import { latin1Bytes, latin1Text, utf8Bytes } from "../../core/bytes.ts";
import { fileNames } from "../../mail/mime/file_name.ts";
import { charsetOf, isType, transferEncodingOf } from "../../mail/mime/part.ts";
import { type MimeEvents, MimeStreamParser, type StreamPart } from "../../mail/mime/stream_parser.ts";
import { type ByteTransform, IdentityTransform, transferDecoder } from "../../mail/mime/transfer_stream.ts";
import { UuReader } from "../../mail/mime/uuencode.ts";
import type { CharsetTarget } from "./charset_writer.ts";
import { MESSAGE_PARTS_MAX, readPathPieces } from "./message_files.ts";
import { unpackContainer } from "./rip_containers.ts";
import { headerDefects } from "./rip_defects.ts";
import { plainName, type RipNames } from "./rip_names.ts";
import type { RipOptions, RipReport } from "./rip_options.ts";
import type { TargetFile, TargetFolder } from "./target_folder.ts";

/** What all messages of a run share. */
export interface RipWorld {
  readonly folder: TargetFolder;
  readonly names: RipNames;
  readonly options: RipOptions;
  readonly report: RipReport;
  readonly charset: CharsetTarget | undefined;
  readonly headers: TargetFile | undefined;
}

const HEADER_LINES = /^(?:received: |from: |subject: |date: |content-|boundary=)/i;
/** Lines of a file that are looked at to see whether it is a message. */
const LOOK_LINES_MAX = 100;
const LF = 10;

/** Takes a message in pieces. `level` counts messages in messages from 1. */
export class MessageRipper {
  readonly #parser: MimeStreamParser;
  readonly #world: RipWorld;

  constructor(world: RipWorld, level = 1) {
    this.#world = world;
    this.#parser = new MimeStreamParser(new RipEvents(world, level), {
      partsMax: MESSAGE_PARTS_MAX,
      textEndsHeader: !world.options.fixesHeaders,
      // a message that has a name is saved as a file, and then taken apart
      classify: (part, kind) => kind === "message" && fileNames(part.header).length > 0 ? "leaf" : kind,
    });
  }

  push(bytes: Uint8Array): void {
    this.#world.report.checkTime();
    this.#parser.push(bytes);
  }

  finish(): void {
    this.#parser.finish();
  }
}

/** Takes a message apart that is a file in the folder. */
export function ripFile(world: RipWorld, path: string, level: number): void {
  if (level > world.options.recursionMax) return world.report.tooDeep(level);
  const ripper = new MessageRipper(world, level);
  readPathPieces(path, (bytes) => ripper.push(bytes));
  ripper.finish();
}

class RipEvents implements MimeEvents {
  readonly #world: RipWorld;
  readonly #level: number;
  #leaf: LeafWriter | undefined;
  /** The text before the first part of the message's own multipart. */
  #preamble: { readonly part: StreamPart; readonly writer: LeafWriter } | undefined;

  constructor(world: RipWorld, level: number) {
    this.#world = world;
    this.#level = level;
  }

  begin(part: StreamPart): void {
    const { options, report, headers } = this.#world;
    headers?.write(latin1Bytes(part.header.text));
    if (part.depth === 0 && this.#level === 1 && part.header.find("mime-version")) report.mime();
    for (const defect of headerDefects(part.header)) report.defect(defect);
    if (options.decodes.doubleCr) this.#saveDoubleCr(part);
    const level = this.#levelOf(part);
    if (level > options.recursionMax) {
      if (part.kind === "leaf" || part.kind === "message") report.tooDeep(level);
      return;
    }
    if (part.kind === "leaf") this.#leaf = new LeafWriter(this.#world, part, level);
    else if (part.kind === "multipart" && part.depth === 0) {
      this.#preamble = { part, writer: new LeafWriter(this.#world, part, level, { preamble: true }) };
    }
  }

  body(_part: StreamPart, bytes: Uint8Array): void {
    this.#leaf?.write(bytes);
  }

  end(part: StreamPart, lineEnd: Uint8Array): void {
    if (part === this.#preamble?.part) this.#endPreamble();
    if (part.kind !== "leaf") return;
    this.#leaf?.end(lineEnd);
    this.#leaf = undefined;
  }

  between(part: StreamPart | undefined, bytes: Uint8Array, kind: "preamble" | "boundary" | "epilogue"): void {
    if (part === undefined || part !== this.#preamble?.part) return;
    if (kind === "preamble") this.#preamble.writer.write(bytes);
    else this.#endPreamble();
  }

  #endPreamble(): void {
    this.#preamble?.writer.end(new Uint8Array());
    this.#preamble = undefined;
  }

  /** Messages around the part, this one with it. */
  #levelOf(part: StreamPart): number {
    let level = this.#level;
    for (let outer = part.parent; outer; outer = outer.parent) if (outer.kind === "message") level++;
    return level;
  }

  /** What follows two CRs in a header line is hidden from most readers: it becomes a file. */
  #saveDoubleCr(part: StreamPart): void {
    const { text } = part.header;
    for (let at = text.indexOf("\r\r"), count = 1; at >= 0; at = text.indexOf("\r\r", at + 2)) {
      const { folder } = this.#world;
      while (folder.has(`doubleCR.${count}`)) count++;
      const file = folder.create(`doubleCR.${count}`);
      const end = text.indexOf("\n", at);
      file.write(latin1Bytes(text.slice(at + 2, end < 0 ? text.length : end + 1)));
      file.close();
      if (looksLikeMessage(file.beginning, this.#world.options)) ripFile(this.#world, file.path, this.#level + 1);
    }
  }
}

/** Writes one part to its file, and what is in it to others. */
class LeafWriter {
  readonly #world: RipWorld;
  readonly #part: StreamPart;
  readonly #level: number;
  readonly #type: string;
  readonly #encoding: string;
  readonly #file: TargetFile;
  readonly #names: readonly string[];
  readonly #decoder: ByteTransform;
  readonly #charset: ByteTransform | undefined;
  readonly #uu: UuReader | undefined;
  #uuFile: TargetFile | undefined;
  readonly #uuFiles: TargetFile[] = [];
  readonly #isPreamble: boolean;

  constructor(
    world: RipWorld,
    part: StreamPart,
    level: number,
    { preamble }: { readonly preamble: boolean } = { preamble: false },
  ) {
    const { decodes } = world.options;
    this.#world = world;
    this.#part = part;
    this.#level = level;
    this.#isPreamble = preamble;
    this.#type = `${part.contentType.type}/${part.contentType.subtype}`;
    const encoding = preamble ? "7bit" : transferEncodingOf(part);
    const undone = (encoding === "base64" && decodes.base64) ||
      (encoding === "quoted-printable" && decodes.quotedPrintable) || /^x-uu/.test(encoding) || encoding === "uuencode";
    this.#encoding = undone || encoding === "binary" ? encoding : "text";
    this.#names = preamble ? [] : namesInOrder(part);
    const mode = encoding === "base64" || encoding === "binary" ? 0o600 : 0o666;
    this.#file = this.#create(this.#names[0] ?? "", mode);
    this.#decoder = undone ? transferDecoder(encoding) : new IdentityTransform();
    const isText = isType(part.contentType, "text", "*");
    this.#charset = isText ? world.charset?.from(charsetOf(part.contentType) ?? "us-ascii") : undefined;
    if (this.#isUuencoded || (decodes.uuencode && this.#encoding !== "base64")) this.#uu = this.#uuReader();
  }

  /** The part itself is uuencoded, and not only text with files in it. */
  get #isUuencoded(): boolean {
    return this.#world.options.decodes.uuencode && /^(?:x-)?uu/.test(this.#encoding);
  }

  #create(written: string, mode?: number): TargetFile {
    const name = this.#world.names.nameFor(written, this.#type);
    const { names, options, report } = this.#world;
    if (options.keepsNameless || !names.isNameless(name)) report.file(name, this.#type);
    return this.#world.folder.create(name, {
      overwrite: this.#world.options.overwrite,
      ...(mode === undefined ? {} : { mode }),
    });
  }

  write(bytes: Uint8Array): void {
    this.#take(this.#decoder.push(bytes));
  }

  /** `lineEnd` stands before the boundary: text keeps it, as the original does. */
  end(lineEnd: Uint8Array): void {
    if (this.#encoding !== "base64" && this.#encoding !== "binary") this.write(lineEnd);
    this.#take(this.#decoder.finish());
    if (this.#charset) this.#file.write(this.#charset.finish());
    this.#uu?.finish();
    this.#file.close();
    this.#link();
    for (const file of [this.#file, ...this.#uuFiles]) this.#unpack(file);
  }

  #take(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#uu?.push(bytes);
    if (!this.#isUuencoded) this.#file.write(this.#charset ? this.#charset.push(bytes) : bytes);
  }

  #uuReader(): UuReader {
    let isFirst = this.#isUuencoded;
    return new UuReader((event) => {
      if (event.kind === "bytes") this.#uuFile?.write(event.bytes);
      else if (event.kind === "begin") {
        this.#uuFile = isFirst ? this.#file : this.#create(plainName(event.begin.name, this.#world.options));
        isFirst = false;
      } else if (this.#uuFile !== this.#file) {
        this.#uuFile?.close();
        if (this.#uuFile) this.#uuFiles.push(this.#uuFile);
        this.#uuFile = undefined;
      } else this.#uuFile = undefined;
    });
  }

  /** Every further name of the part is another name of the file. */
  #link(): void {
    const { options, folder, report } = this.#world;
    if (!options.links) return;
    for (const written of this.#names.slice(1)) {
      const name = plainName(written, options);
      if (name !== "" && name !== this.#file.name && folder.link(this.#file.name, name)) report.file(name, this.#type);
    }
  }

  /** Takes apart what a file is that was made of the part. */
  #unpack({ name, path, beginning }: TargetFile): void {
    if (this.#isPreamble) return;
    const { options } = this.#world;
    const isMht = options.decodes.mht && name.includes(".mht");
    const isMessage = isType(this.#part.contentType, "message", "rfc822");
    if (isMht || isMessage || looksLikeMessage(beginning, options)) ripFile(this.#world, path, this.#level + 1);
    else unpackContainer(this.#world, path, beginning);
  }
}

/** The names of a part in the order of its header. */
function namesInOrder(part: StreamPart): readonly string[] {
  const typeAt = part.header.find("content-type")?.start ?? Infinity;
  const typeFirst = typeAt < (part.header.find("content-disposition")?.start ?? Infinity);
  const names = fileNames(part.header);
  const first = names.filter(({ source }) => (source === "type") === typeFirst);
  const others = names.filter(({ source }) => (source === "type") !== typeFirst);
  return [...new Set([...first, ...others].map(({ text }) => text))];
}

/** Whether two lines near the beginning of a file are header fields: of a message, or of one that a text encloses. */
function looksLikeMessage(beginning: Uint8Array, options: RipOptions): boolean {
  let found = 0;
  for (const line of latin1Text(beginning).split("\n", LOOK_LINES_MAX)) {
    if (!options.decodes.bounces && (line === "" || line === "\r")) return false;
    if (HEADER_LINES.test(line) && ++found === 2) return true;
  }
  return false;
}

/** Splits an mbox file at its From_ lines and takes its messages apart. */
export class MailboxRipper {
  readonly #world: RipWorld;
  #message: MessageRipper | undefined;
  #line: Uint8Array = new Uint8Array();
  #afterEmpty = true;

  constructor(world: RipWorld) {
    this.#world = world;
  }

  push(bytes: Uint8Array): void {
    const text = this.#line.length === 0 ? bytes : joined(this.#line, bytes);
    this.#line = new Uint8Array();
    let sent = 0;
    let at = 0;
    for (;;) {
      const end = text.indexOf(LF, at) + 1;
      if (end === 0) break;
      if (this.#afterEmpty && isFromLine(text, at)) {
        this.#send(text.subarray(sent, at));
        this.#message?.finish();
        this.#message = new MessageRipper(this.#world);
        sent = end;
      }
      this.#afterEmpty = end - at === 1 || (end - at === 2 && text[at] === 13);
      at = end;
    }
    this.#send(text.subarray(sent, at));
    this.#line = text.slice(at);
  }

  finish(): void {
    this.#send(this.#line);
    this.#message?.finish();
  }

  #send(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#message ??= new MessageRipper(this.#world);
    this.#message.push(bytes);
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}

const FROM = utf8Bytes("From ");

function isFromLine(text: Uint8Array, at: number): boolean {
  return FROM.every((byte, index) => text[at + index] === byte);
}
