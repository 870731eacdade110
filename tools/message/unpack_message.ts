/**
 * Messages as munpack takes them apart: text becomes the description of the file that follows, other parts and text with a
 * name become files, pieces of split messages wait in a PartStore until they can be joined.
 */
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { fileNames } from "../../mail/mime/file_name.ts";
import { parameterOf } from "../../mail/mime/content_type.ts";
import { isType } from "../../mail/mime/part.ts";
import { type MimeEvents, MimeStreamParser, type StreamPart } from "../../mail/mime/stream_parser.ts";
import { MESSAGE_PARTS_MAX } from "./message_files.ts";
import { PIECES_MAX } from "./part_store.ts";
import { cleanName } from "./unpack_names.ts";
import { DescriptionSink, FileSink, NO_SINK, type PartSink } from "./unpack_sinks.ts";
import { TextSink, type TextWorld } from "./unpack_text.ts";
import type { PartStore } from "./part_store.ts";

/** Messages in messages of which only a text tells, and joined messages in joined ones. Ours. */
export const MESSAGE_DEPTH_MAX = 20;
/** Bytes of the inner header of a first piece. Ours. */
const INNER_HEAD_BYTES_MAX = 1024 * 1024;
const ENCODING = /^(quoted-printable|7bit|8bit|base64|binary)(?=[\s(]|$)/i;

/** How parts are chosen. */
export interface UnpackOptions {
  /** Text parts become files too. */
  readonly withText: boolean;
}

/** The world of a message: what its texts need, but for how deep it lies. */
export type MessageWorld = Omit<TextWorld, "nested">;

/** Reads one message and writes its parts. */
export class MessageUnpacker implements PartSink {
  readonly #parser: MimeStreamParser;

  constructor(world: MessageWorld, options: UnpackOptions, depth = 0) {
    const nested = () => depth < MESSAGE_DEPTH_MAX ? new MessageUnpacker(world, options, depth + 1) : undefined;
    const events = new UnpackEvents({ ...world, nested }, options);
    this.#parser = new MimeStreamParser(events, {
      partsMax: MESSAGE_PARTS_MAX,
      textEndsHeader: true,
      classify: (part, kind) => {
        // the original knows no encoding of messages
        return kind === "leaf" && isType(part.contentType, "message", "rfc822") ? "message" : kind;
      },
    });
  }

  write(bytes: Uint8Array): void {
    this.#parser.push(bytes);
  }

  end(): void {
    this.#parser.finish();
  }
}

class UnpackEvents implements MimeEvents {
  readonly #world: TextWorld;
  readonly #options: UnpackOptions;
  #sink: PartSink = NO_SINK;

  constructor(world: TextWorld, options: UnpackOptions) {
    this.#world = world;
    this.#options = options;
  }

  begin(part: StreamPart): void {
    this.#sink = part.kind === "leaf" ? this.#sinkFor(part) : NO_SINK;
    const isMultipart = isType(part.contentType, "multipart", "*");
    if (isMultipart && part.kind === "leaf") this.#world.warn("multipart message has no boundary parameter");
    if (part.kind !== "leaf" && encodingOf(part, () => undefined) !== "none") {
      this.#world.warn(`ignoring invalid content encoding on ${typeOf(part)}`);
    }
  }

  body(_part: StreamPart, bytes: Uint8Array): void {
    this.#sink.write(bytes);
  }

  end(part: StreamPart, lineEnd: Uint8Array): void {
    this.#sink.end(lineEnd);
    this.#sink = NO_SINK;
    // a text that no file followed describes nothing
    if (part.kind === "multipart") this.#world.description.forget();
  }

  between(): void {
    // preambles and epilogues are for people
  }

  #sinkFor(part: StreamPart): PartSink {
    const { contentType } = part;
    if (isType(contentType, "multipart", "*")) return NO_SINK;
    if (isType(contentType, "message", "partial")) return this.#partial(part);
    if (isType(contentType, "message", "*")) return NO_SINK;
    const encoding = encodingOf(part, (text) => this.#world.warn(text));
    const suggested = fileNames(part.header)[0]?.text;
    const isText = isType(contentType, "text", "*");
    const isNamed = suggested !== undefined;
    if (isText && !isNamed && encoding === "none" && isTopLevel(part)) {
      return new TextSink(this.#world, part.header.value("subject") ?? "");
    }
    const inAppleDouble = part.parent !== undefined && isType(part.parent.contentType, "multipart", "appledouble");
    const form = { encoding, isText };
    if (isText && !isNamed && !this.#options.withText && !inAppleDouble) return new DescriptionSink(this.#world, form);
    return new FileSink(this.#world, {
      name: cleanName(suggested ?? "", this.#world.replacement),
      type: typeOf(part),
      form,
      md5: part.header.value("content-md5"),
    });
  }

  #partial(part: StreamPart): PartSink {
    const parameter = (name: string) => parameterOf({ value: "", parameters: part.contentType.parameters }, name);
    const id = parameter("id");
    const number = parameter("number");
    const total = parameter("total");
    const refuse = (text: string) => {
      this.#world.warn(`partial message ${text}`);
      return NO_SINK;
    };
    if (id === undefined) return refuse("has no id parameter");
    if (number === undefined) return refuse("doesn't have number parameter");
    if (total !== undefined && !isCount(total)) return refuse("has invalid number of parts");
    const store = this.#world.openStore(id);
    const count = total === undefined ? store.count : Number(total);
    if (!isCount(number) || (count > 0 && Number(number) > count)) return refuse("has invalid number");
    this.#world.say(`Saving part ${number} ${count > 0 ? `of ${count} ` : ""}${id}`);
    if (count > 0) store.count = count;
    return new PartialSink({ world: this.#world, store, number: Number(number), outer: part.header.text });
  }
}

function isCount(text: string): boolean {
  return /^\d{1,6}$/.test(text) && Number(text) > 0 && Number(text) <= PIECES_MAX;
}

function typeOf({ contentType }: StreamPart): string {
  return `${contentType.type}/${contentType.subtype}`;
}

/** True when no multipart is around the part. */
function isTopLevel(part: StreamPart): boolean {
  for (let outer = part.parent; outer; outer = outer.parent) if (outer.kind === "multipart") return false;
  return true;
}

function encodingOf(part: StreamPart, warn: (text: string) => void): "none" | "base64" | "quoted-printable" {
  const value = part.header.value("content-transfer-encoding");
  if (value === undefined) return "none";
  const name = ENCODING.exec(value.replace(/^(?:\s|\([^()]*\))+/, ""))?.[1]?.toLowerCase();
  if (name === undefined) warn("ignoring unknown content transfer encoding");
  return name === "base64" || name === "quoted-printable" ? name : "none";
}

/** A piece of a split message. */
class PartialSink implements PartSink {
  readonly #world: TextWorld;
  readonly #store: PartStore;
  readonly #file: ReturnType<PartStore["folder"]["create"]>;
  /** The header of the message in the first piece, until it is here as a whole. */
  #innerHead: string | undefined;
  readonly #outer: string;

  constructor(
    piece: { readonly world: TextWorld; readonly store: PartStore; readonly number: number; readonly outer: string },
  ) {
    this.#world = piece.world;
    this.#store = piece.store;
    this.#outer = piece.outer;
    this.#innerHead = piece.number === 1 ? "" : undefined;
    this.#file = piece.store.folder.create(String(piece.number), { overwrite: true, mode: 0o600 });
  }

  write(bytes: Uint8Array): void {
    if (this.#innerHead === undefined) return this.#file.write(bytes);
    this.#innerHead += latin1Text(bytes);
    if (/^\r?\n|\n\r?\n/.test(this.#innerHead) || this.#innerHead.length > INNER_HEAD_BYTES_MAX) this.#writeHead();
  }

  end(lineEnd = new Uint8Array()): void {
    if (this.#innerHead !== undefined) this.#writeHead();
    this.#file.write(lineEnd);
    this.#file.close();
    const count = this.#store.count;
    if (count === 0 || !this.#store.isComplete(count)) return;
    const joined = this.#world.nested();
    if (joined) {
      for (let number = 1; number <= count; number++) this.#store.read(number, (bytes) => joined.write(bytes));
      joined.end();
    } else this.#world.warn(`message ${this.#store.id} is not unpacked: too many messages in messages`);
    this.#store.remove();
  }

  /** The header of the whole: the outer one's fields, but those that the inner one has to tell [rfc2046 5.2.2.1]. */
  #writeHead(): void {
    const text = this.#innerHead ?? "";
    this.#innerHead = undefined;
    const end = /^\r?\n|\n\r?\n/.exec(text);
    const headLength = end ? end.index + end[0].length : text.length;
    const inner = fieldTexts(text.slice(0, headLength)).filter((field) => INNER_FIELD.test(field));
    const outer = fieldTexts(this.#outer).filter((field) => !INNER_FIELD.test(field));
    this.#file.write(latin1Bytes(`${outer.join("")}${inner.join("")}\n${text.slice(headLength)}`));
  }
}

const INNER_FIELD = /^(?:content-|message-id:|subject:|encrypted:|mime-version:)/i;

/** The fields of a header with their line ends. */
function fieldTexts(header: string): string[] {
  return header.split(/(?<=\n)(?![ \t])/).filter((field) => /^[!-9;-~]+:/.test(field));
}
