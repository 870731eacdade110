/**
 * Base64 of a stream: the whole input in lines of a width, or each line of the input by itself. Input comes in parts of
 * any size, output goes out in parts of the same order [rfc4648 4].
 */
import { Buffer } from "node:buffer";
import { concatBytes, latin1Bytes, latin1Text, utf8Bytes } from "../../core/bytes.ts";

const NOTHING = new Uint8Array(0);
const LF = 10;

function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

/** Encodes a stream, the text broken after `width` characters (0: never). */
export class Base64Encoder {
  readonly #width: number;
  #rest: Uint8Array = NOTHING;
  #column = 0;

  constructor(width: number) {
    this.#width = width;
  }

  /** The text of the next bytes, as far as it is certain. */
  push(bytes: Uint8Array): Uint8Array {
    const all = this.#rest.length > 0 ? concatBytes(this.#rest, bytes) : bytes;
    const whole = all.length - all.length % 3;
    this.#rest = all.slice(whole);
    return latin1Bytes(this.#wrap(encode(all.subarray(0, whole))));
  }

  /** The text of what is left, and the last line's end. */
  end(): Uint8Array {
    const text = this.#wrap(encode(this.#rest));
    this.#rest = NOTHING;
    return latin1Bytes(this.#column > 0 && this.#width > 0 ? `${text}\n` : text);
  }

  #wrap(text: string): string {
    if (this.#width === 0) return text;
    const lines: string[] = [];
    let at = 0;
    while (at < text.length) {
      const part = text.slice(at, at + this.#width - this.#column);
      at += part.length;
      this.#column += part.length;
      lines.push(part);
      if (this.#column < this.#width) continue;
      lines.push("\n");
      this.#column = 0;
    }
    return lines.join("");
  }
}

/** Bytes of four characters at the most, padding or not; undefined when they are no base64. */
function decodeGroups(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  return new Uint8Array(Buffer.from(text, "base64"));
}

/** Decodes a stream. Line ends mean nothing; with `ignoreOthers` neither does any other character outside the alphabet. */
export class Base64Decoder {
  readonly #ignored: RegExp;
  #rest = "";
  #wrong = false;

  constructor(options: { readonly ignoreOthers: boolean }) {
    this.#ignored = options.ignoreOthers ? /[^A-Za-z0-9+/=]/g : /\n/g;
  }

  /** True when the input was no base64; what came before has been given out. */
  get wrong(): boolean {
    return this.#wrong;
  }

  /** The bytes of the next text, as far as they are certain. */
  push(bytes: Uint8Array): Uint8Array {
    if (this.#wrong) return NOTHING;
    const text = this.#rest + latin1Text(bytes).replace(this.#ignored, "");
    const whole = text.length - text.length % 4;
    this.#rest = text.slice(whole);
    return this.#decode(text.slice(0, whole));
  }

  /** The bytes of what is left; a last group without its padding is wrong, but its bytes are given. */
  end(): Uint8Array {
    if (this.#rest === "" || this.#wrong) return NOTHING;
    const rest = this.#rest;
    this.#rest = "";
    this.#wrong = true;
    const letters = /^[A-Za-z0-9+/]*/.exec(rest)![0];
    return letters.length > 1 ? new Uint8Array(Buffer.from(letters, "base64")) : NOTHING;
  }

  /** Padding ends a piece; what follows is another (as when encoded files are put in a row). */
  #decode(text: string): Uint8Array {
    const parts: Uint8Array[] = [];
    for (let at = 0; at < text.length;) {
      const padding = text.indexOf("=", at);
      const end = padding < 0 ? text.length : Math.min(text.length, padding - padding % 4 + 4);
      const part = decodeGroups(text.slice(at, end));
      if (!part) {
        this.#wrong = true;
        const letters = /^[A-Za-z0-9+/]*/.exec(text.slice(at, end))![0];
        parts.push(new Uint8Array(Buffer.from(letters.slice(0, letters.length - letters.length % 4), "base64")));
        break;
      }
      parts.push(part);
      at = end;
    }
    return parts.length === 1 ? parts[0]! : concatBytes(...parts);
  }
}

/** What a line becomes; `ended`: there was an LF behind it. */
export type LineConverter = (line: Uint8Array, ended: boolean) => Uint8Array;

/** Each line by itself, the form of qbase64. */
export class LineCoder {
  readonly #convert: LineConverter;
  #rest: Uint8Array = NOTHING;

  constructor(convert: LineConverter) {
    this.#convert = convert;
  }

  /** What the lines become that end in these bytes. */
  push(bytes: Uint8Array): Uint8Array {
    const parts: Uint8Array[] = [];
    let start = 0;
    for (let end = bytes.indexOf(LF); end >= 0; end = bytes.indexOf(LF, start)) {
      const line = bytes.subarray(start, end);
      parts.push(this.#convert(this.#rest.length > 0 ? concatBytes(this.#rest, line) : line, true));
      this.#rest = NOTHING;
      start = end + 1;
    }
    if (start < bytes.length) this.#rest = concatBytes(this.#rest, bytes.subarray(start));
    return concatBytes(...parts);
  }

  /** What a last line without end becomes. */
  end(): Uint8Array {
    return this.#rest.length > 0 ? this.#convert(this.#rest, false) : NOTHING;
  }
}

/** The text of a line with its LF, and a line end. */
export const encodeWithEnd: LineConverter = (line, ended) =>
  utf8Bytes(`${encode(ended ? concatBytes(line, Uint8Array.of(LF)) : line)}\n`);

/** The text of a line without its LF, and a line end. */
export const encodeWithoutEnd: LineConverter = (line) => utf8Bytes(`${encode(line)}\n`);
