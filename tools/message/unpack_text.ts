/**
 * Text at the top of a message as munpack sees it: it may hold a file in uuencode or yEnc, a piece of one, or a MIME message whose
 * header got lost. Read line by line; a line longer than LINE_BYTES_MAX counts as several.
 */
import { concatBytes, latin1Text } from "../../core/bytes.ts";
import { decodeUuLine, isUuLine, parseUuBegin, UuReader } from "../../mail/mime/uuencode.ts";
import { parseYencBegin, type YencBegin, YencReader } from "../../mail/mime/yenc.ts";
import type { PartStore } from "./part_store.ts";
import type { TargetFile } from "./target_folder.ts";
import { cleanName } from "./unpack_names.ts";
import { newFile, type PartSink, type UnpackWorld } from "./unpack_sinks.ts";
import { pieceOfLine, pieceOfSubject, type UuPiece } from "./uu_subject.ts";

const LINE_BYTES_MAX = 1024;
const LF = 10;
const BOUNDARY_LINE = /^--([-A-Za-z0-9'()+_,./:=?# ]{0,69}[-A-Za-z0-9'()+_,./:=?#])\s*$/;
const FIELD = /^[!-9;-~]+:/;
/** Characters of a whole line of uuencode with its LF. */
const WHOLE_LINE_CHARS = 62;
const TYPES: ReadonlyMap<string, string> = new Map([
  ["gif", "image/gif"],
  ["jpg", "image/jpeg"],
  ["jpeg", "image/jpeg"],
  ["mpg", "video/mpeg"],
  ["mpeg", "video/mpeg"],
]);

/** What the scanner needs beside the world of all sinks. */
export interface TextWorld extends UnpackWorld {
  readonly replacement: string;
  openStore(id: string): PartStore;
  /** A sink for a message whose header begins with the next bytes; undefined when messages nest too deep. */
  nested(): PartSink | undefined;
}

/** The scanner of one text. */
export class TextSink implements PartSink {
  readonly #world: TextWorld;
  #line: Uint8Array = new Uint8Array();
  #piece: UuPiece | undefined;
  /** A boundary line that becomes one when a header follows. */
  #boundary: string | undefined;
  /** Takes all that follows. */
  #rest: PartSink | undefined;

  constructor(world: TextWorld, subject: string) {
    this.#world = world;
    this.#piece = pieceOfSubject(subject);
  }

  write(bytes: Uint8Array): void {
    let from = 0;
    while (from < bytes.length) {
      if (this.#rest) return this.#rest.write(from === 0 ? bytes : bytes.subarray(from));
      const end = bytes.indexOf(LF, from) + 1 || bytes.length;
      const line = concatBytes(this.#line, bytes.subarray(from, end));
      from = end;
      if (line[line.length - 1] !== LF && line.length < LINE_BYTES_MAX) this.#line = line;
      else this.#takeLine(line);
    }
  }

  end(): void {
    if (this.#line.length > 0 && !this.#rest) this.#takeLine(this.#line);
    this.#rest?.end();
  }

  #takeLine(bytes: Uint8Array): void {
    this.#line = new Uint8Array();
    const line = latin1Text(bytes);
    if (this.#piece?.number === 0) return this.#save(bytes, this.#piece);
    const boundary = this.#boundary;
    this.#boundary = undefined;
    if (boundary !== undefined && FIELD.test(line)) {
      return this.#nest(`Content-Type: multipart/mixed; boundary="${boundary}"\n\n--${boundary}\n`, bytes);
    }
    const yenc = parseYencBegin(line);
    if (yenc) return this.#takeYenc(bytes, yenc);
    if (parseUuBegin(line)) return this.#piece ? this.#save(bytes, this.#piece) : this.#decode(bytes);
    const announced = pieceOfLine(line);
    if (announced) return this.#save(undefined, announced);
    if (this.#piece && this.#piece.count > 0 && isDataStart(line)) return this.#save(bytes, this.#piece);
    if (/^content-[!-9;-~]*:/i.test(line)) return this.#nest("", bytes);
    this.#boundary = BOUNDARY_LINE.exec(line)?.[1];
    this.#takeField(line);
  }

  #takeYenc(line: Uint8Array, { name, part, total }: YencBegin): void {
    this.#rest = part === 0
      ? new YencSink(this.#world)
      : new PieceSink(this.#world, { name, number: part, count: total, encoding: "yenc" });
    this.#rest.write(line);
  }

  /** X-File-Name, X-Part and X-Part-Total tell what a subject may not. */
  #takeField(line: string): void {
    const match = /^x-(file-name|part|part-total): *(\S+)/i.exec(line);
    if (!match) return;
    const before = this.#piece ?? { name: "", number: 1, count: 0 };
    const value = match[2]!;
    const field = match[1]!.toLowerCase();
    if (field === "file-name") this.#piece = { ...before, name: value };
    else if (Number(value) > 0 && field === "part") this.#piece = { ...before, number: Number(value) };
    else if (Number(value) > 0) this.#piece = { ...before, count: Number(value) };
  }

  #nest(before: string, line: Uint8Array): void {
    const nested = this.#world.nested();
    if (!nested) return;
    nested.write(new TextEncoder().encode(before));
    nested.write(line);
    this.#rest = nested;
  }

  #decode(line: Uint8Array): void {
    this.#rest = new UuSink(this.#world);
    this.#rest.write(line);
  }

  /** All that follows is a piece of a file. */
  #save(line: Uint8Array | undefined, piece: UuPiece): void {
    this.#rest = new PieceSink(this.#world, piece);
    if (line) this.#rest.write(line);
  }
}

function isDataStart(line: string): boolean {
  return line.startsWith("BEGIN") || line.startsWith("--- BEGIN ---") ||
    (line[0] === "M" && line.length === WHOLE_LINE_CHARS);
}

/** Files that lie in one text from begin to end. */
class UuSink implements PartSink {
  readonly #world: TextWorld;
  readonly #reader: UuReader;
  #file: TargetFile | undefined;

  constructor(world: TextWorld) {
    this.#world = world;
    this.#reader = new UuReader((event) => {
      if (event.kind === "begin") this.#file = uuFile(this.#world, event.begin.name);
      else if (event.kind === "bytes") this.#file?.write(event.bytes);
      else {
        this.#file?.close();
        this.#file = undefined;
      }
    });
  }

  write(bytes: Uint8Array): void {
    this.#reader.push(bytes);
  }

  end(): void {
    if (this.#file) this.#world.warn(`${this.#file.name} ends too early`);
    this.#reader.finish();
  }
}

function uuFile(world: TextWorld, name: string): TargetFile {
  const type = TYPES.get(/\.([^.]*)$/.exec(name)?.[1]?.toLowerCase() ?? "") ?? "application/octet-stream";
  return newFile(world, cleanName(name.split(/\s/, 1)[0]!, world.replacement), type);
}

/** A file in yEnc, in one text or in several that come one after the other. */
class YencSink implements PartSink {
  readonly #reader: YencReader;
  #file: TargetFile | undefined;

  constructor(world: TextWorld) {
    let last = true;
    this.#reader = new YencReader((event) => {
      if (event.kind === "begin") {
        const { name, part, total } = event.begin;
        if (part <= 1) this.#close();
        this.#file ??= uuFile(world, name);
        last = part === total;
      } else if (event.kind === "bytes") this.#file?.write(event.bytes);
      else {
        if (event.problem !== undefined) world.warn(`${this.#file?.name}: ${event.problem}`);
        if (last) this.#close();
      }
    });
  }

  write(bytes: Uint8Array): void {
    this.#reader.push(bytes);
  }

  end(): void {
    this.#reader.finish();
    this.#close();
  }

  #close(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}

/** A piece of a file and how it is encoded; uuencode unless told. */
type Piece = UuPiece & { readonly encoding?: "yenc" };

/** A piece of a file, kept until all are there. */
class PieceSink implements PartSink {
  readonly #world: TextWorld;
  readonly #store: PartStore;
  readonly #piece: Piece;
  readonly #file: TargetFile;
  /** Where an `end` line may begin that is not here as a whole. */
  #tail = "\n";
  #hasEnd = false;

  constructor(world: TextWorld, piece: Piece) {
    const name = cleanName(piece.name, world.replacement).replaceAll("/", "") || "unknown";
    world.say(`Saving part ${piece.number} ${piece.count > 0 ? `of ${piece.count} ` : ""}${name}`);
    this.#world = world;
    this.#piece = piece;
    this.#store = world.openStore(name);
    this.#file = this.#store.folder.create(String(piece.number), { overwrite: true, mode: 0o600 });
  }

  write(bytes: Uint8Array): void {
    this.#file.write(bytes);
    const text = this.#tail + latin1Text(bytes);
    this.#hasEnd ||= /\nend\r?\n/.test(text);
    this.#tail = text.slice(-6);
  }

  end(): void {
    if (!this.#tail.endsWith("\n")) this.#file.write(new Uint8Array([LF]));
    this.#file.close();
    if (this.#piece.count > 0) this.#store.count = this.#piece.count;
    else if (this.#hasEnd || /\nend\r?$/.test(this.#tail)) this.#store.count = this.#piece.number;
    const count = this.#store.count;
    if (count > 0 && this.#store.isComplete(count)) this.#join(count);
  }

  #join(count: number): void {
    // piece 0 is text about the file
    if (this.#store.folder.has("0")) this.#store.read(0, (bytes) => this.#world.description.write(bytes));
    if (this.#piece.encoding === "yenc") {
      const joined = new YencSink(this.#world);
      for (let number = 1; number <= count; number++) this.#store.read(number, (bytes) => joined.write(bytes));
      joined.end();
      return this.#store.remove();
    }
    const joiner = new PieceJoiner(this.#world);
    for (let number = 1; number <= count; number++) this.#store.read(number, (bytes) => joiner.push(bytes));
    joiner.finish();
    this.#store.remove();
  }
}

/** Joins pieces, which have other text around their data: only whole lines, and the last before the end, are data. */
class PieceJoiner {
  readonly #world: TextWorld;
  #line: Uint8Array = new Uint8Array();
  #file: TargetFile | undefined;
  #lineChars = 0;
  /** A short line, which is data when an empty one and the end follow. */
  #short: Uint8Array | undefined;
  #beforeEnd = false;
  #ended = false;

  constructor(world: TextWorld) {
    this.#world = world;
  }

  push(bytes: Uint8Array): void {
    let from = 0;
    while (from < bytes.length) {
      const end = bytes.indexOf(LF, from) + 1 || bytes.length;
      const line = concatBytes(this.#line, bytes.subarray(from, end));
      from = end;
      this.#line = new Uint8Array();
      if (line[line.length - 1] !== LF && line.length < LINE_BYTES_MAX) this.#line = line;
      else if (!this.#ended) this.#take(line, latin1Text(line).trimEnd());
    }
  }

  finish(): void {
    if (this.#file && !this.#ended) this.#world.warn(`${this.#file.name} ends too early`);
    this.#file?.close();
  }

  #take(line: Uint8Array, text: string): void {
    if (!this.#file) {
      const begin = parseUuBegin(text);
      if (begin) this.#file = uuFile(this.#world, begin.name);
      return;
    }
    if (text === "end" && this.#beforeEnd) {
      if (this.#short) this.#file.write(decodeUuLine(this.#short));
      this.#ended = true;
    } else if (text === "" || text === "`") this.#beforeEnd = true;
    else if (text[0] === "M" && isUuLine(text) && (this.#lineChars === 0 || text.length === this.#lineChars)) {
      this.#lineChars = text.length;
      this.#file.write(decodeUuLine(line));
      this.#short = undefined;
      this.#beforeEnd = false;
    } else {
      this.#short = isUuLine(text) ? line : undefined;
      this.#beforeEnd = false;
    }
  }
}
