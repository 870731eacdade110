/**
 * Disclaimers put into texts while they pass: behind the text, before the end of the HTML, or into what base64 hides. The
 * text is not changed but for that.
 */
import { concatBytes, latin1Bytes, latin1Text } from "../../core/bytes.ts";
import {
  Base64Decoder,
  Base64Encoder,
  type ByteTransform,
  encodeQuotedPrintable,
} from "../../mail/mime/transfer_stream.ts";

/** The disclaimers of a run, bytes as their files have them. */
export interface Disclaimers {
  readonly plain: Uint8Array | undefined;
  readonly html: Uint8Array | undefined;
  /** For texts in base64 instead of `plain`. */
  readonly base64: Uint8Array | undefined;
  /** HTML texts get one, not only texts in a message that is HTML as a whole. */
  readonly htmlToo: boolean;
  readonly intoBase64: boolean;
  readonly forceForBadHtml: boolean;
}

const LF = 10;
const EMPTY = new Uint8Array();
/** Characters of the longest tag looked for, which may be cut by the end of a piece. */
const TAG_HOLD_BYTES = 8;
const CLOSING_TAG = /<\/(?:body|html)/i;
const HTML_SIGNS = /<br|<font|<a /i;

/** Text with another line end, one at its end. */
function withLineEnds(bytes: Uint8Array, lineEnd: string): string {
  const text = latin1Text(bytes).replace(/\r?\n/g, lineEnd);
  return text === "" || text.endsWith("\n") ? text : text + lineEnd;
}

/** Appends a disclaimer to a text. The line end before a boundary must be pushed as text too. */
export class TextAppender implements ByteTransform {
  readonly #disclaimer: string;
  readonly #lineEnd: string;
  #last = LF;

  /** `encoding`: quoted-printable encodes the disclaimer. */
  constructor(disclaimer: Uint8Array, { encoding, lineEnd }: { encoding: string; lineEnd: "\n" | "\r\n" }) {
    const text = withLineEnds(disclaimer, lineEnd);
    this.#disclaimer = encoding === "quoted-printable" ? encodeQuotedPrintable(latin1Bytes(text), lineEnd) : text;
    this.#lineEnd = lineEnd;
  }

  push(bytes: Uint8Array): Uint8Array {
    this.#last = bytes[bytes.length - 1] ?? this.#last;
    return bytes;
  }

  finish(): Uint8Array {
    return latin1Bytes((this.#last === LF ? "" : this.#lineEnd) + this.#disclaimer);
  }
}

/** Puts a disclaimer before the closing tag of a body or document. */
export class HtmlInserter implements ByteTransform {
  readonly #block: string;
  readonly #lineEnd: string;
  readonly #force: "always" | "if it looks like HTML" | "never";
  #held: Uint8Array = EMPTY;
  #looksLikeHtml = false;
  #done = false;

  constructor(
    disclaimers: Disclaimers,
    how: { readonly encoding: string; readonly lineEnd: "\n" | "\r\n"; readonly inBase64: boolean },
  ) {
    const { plain = EMPTY, html, forceForBadHtml } = disclaimers;
    const { lineEnd, encoding } = how;
    const text = withLineEnds(html ?? plain, lineEnd);
    const block = html === undefined
      ? `<br><pre>${lineEnd}${text}</pre><br>${lineEnd}`
      : `<br>${lineEnd}${text}<br>${lineEnd}`;
    this.#block = encoding === "quoted-printable" ? encodeQuotedPrintable(latin1Bytes(block), lineEnd) : block;
    this.#lineEnd = lineEnd;
    this.#force = forceForBadHtml ? "always" : how.inBase64 ? "if it looks like HTML" : "never";
  }

  /** Whether the disclaimer is in. */
  get done(): boolean {
    return this.#done;
  }

  push(piece: Uint8Array): Uint8Array {
    if (this.#done) return piece;
    const bytes = concatBytes(this.#held, piece);
    const text = latin1Text(bytes);
    const tag = CLOSING_TAG.exec(text);
    this.#looksLikeHtml ||= HTML_SIGNS.test(text);
    if (!tag) {
      const to = Math.max(0, bytes.length - TAG_HOLD_BYTES);
      this.#held = bytes.slice(to);
      return bytes.subarray(0, to);
    }
    this.#done = true;
    this.#held = EMPTY;
    const before = latin1Bytes(`${this.#lineEnd}${this.#block}`);
    return concatBytes(bytes.subarray(0, tag.index), before, bytes.subarray(tag.index));
  }

  finish(): Uint8Array {
    const rest = this.#held;
    this.#held = EMPTY;
    if (this.#done || this.#force === "never" || (this.#force !== "always" && !this.#looksLikeHtml)) return rest;
    this.#done = true;
    const ends = rest.length === 0 || rest[rest.length - 1] === LF;
    return concatBytes(rest, latin1Bytes((ends ? "" : this.#lineEnd) + this.#block));
  }
}

/** Works on what base64 hides. */
export class Base64Changer implements ByteTransform {
  readonly #decoder = new Base64Decoder({ stopsAtPadding: true });
  readonly #encoder: Base64Encoder;
  readonly #inner: ByteTransform;

  constructor(inner: ByteTransform, lineEnd: "\n" | "\r\n") {
    this.#inner = inner;
    this.#encoder = new Base64Encoder({ lineEnd });
  }

  push(bytes: Uint8Array): Uint8Array {
    return this.#encoder.push(this.#inner.push(this.#decoder.push(bytes).slice()));
  }

  finish(): Uint8Array {
    return concatBytes(this.#encoder.push(this.#inner.finish()).slice(), this.#encoder.finish());
  }
}
