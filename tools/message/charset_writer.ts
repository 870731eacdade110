/** Text of a part turned from its character set into another, piece by piece, for ripmime -x. */
import { Usage } from "../../core/errors.ts";
import type { ByteTransform } from "../../mail/mime/transfer_stream.ts";

const QUESTION_MARK = 63;
const EMPTY = new Uint8Array();

/** Encoders by the name of a set: UTF-8, and every set of one byte a character. */
function encoderOf(charset: string): (text: string) => Uint8Array {
  const decoder = decoderOf(charset);
  if (!decoder) throw new Usage(`unknown character set ${charset}`);
  if (decoder.encoding === "utf-8") return (text) => new TextEncoder().encode(text);
  const bytes = new Map<string, number>();
  for (let byte = 0; byte < 256; byte++) {
    const text = decoder.decode(new Uint8Array([byte]));
    if (text !== "\ufffd" && text.length === 1) bytes.set(text, byte);
  }
  if (bytes.size < 190) throw new Usage(`the character set ${charset} has more than one byte a character`);
  return (text) => Uint8Array.from([...text], (character) => bytes.get(character) ?? QUESTION_MARK);
}

function decoderOf(charset: string): TextDecoder | undefined {
  try {
    return new TextDecoder(charset);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Makes transforms to a character set. Throws Usage when it is not known. */
export class CharsetTarget {
  readonly #encode: (text: string) => Uint8Array;
  readonly #name: string;

  constructor(charset: string) {
    this.#encode = encoderOf(charset);
    this.#name = new TextDecoder(charset).encoding;
  }

  /** The transform from a part's set; undefined when nothing is to be changed, or its set is not known. */
  from(charset: string): ByteTransform | undefined {
    const decoder = decoderOf(charset);
    if (!decoder || decoder.encoding === this.#name) return undefined;
    return {
      push: (bytes) => this.#encode(decoder.decode(bytes, { stream: true })),
      finish: () => {
        const rest = decoder.decode();
        return rest === "" ? EMPTY : this.#encode(rest);
      },
    };
  }
}
