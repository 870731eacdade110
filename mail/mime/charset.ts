/**
 * Character sets of mail: bytes to text through the decoders of the platform (the WHATWG list, which has all that mail
 * really uses). For SEARCH and display only; nothing is ever rewritten with it.
 */
import { latin1Bytes } from "../../core/bytes.ts";

/** Decoders kept; names come from mail, so their number is limited. */
const DECODERS_MAX = 64;

const decoders = new Map<string, TextDecoder | undefined>();
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of bytes; undefined for an unknown character set. Broken characters become U+FFFD. */
export function decodeCharset(bytes: Uint8Array, charset: string): string | undefined {
  return decoderOf(charset.toLowerCase())?.decode(bytes);
}

function decoderOf(charset: string): TextDecoder | undefined {
  if (decoders.has(charset)) return decoders.get(charset);
  if (decoders.size >= DECODERS_MAX) decoders.clear();
  let decoder: TextDecoder | undefined;
  try {
    decoder = new TextDecoder(charset === "" ? "us-ascii" : charset);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  decoders.set(charset, decoder);
  return decoder;
}

/** Text of latin1 text that may hold UTF-8 bytes: UTF-8 where it is valid, else as it is. */
export function decodeUtf8OrLatin1(text: string): string {
  // deno-lint-ignore no-control-regex -- the ASCII range
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  try {
    return strictUtf8.decode(latin1Bytes(text));
  } catch (error) {
    if (error instanceof TypeError) return text;
    throw error;
  }
}
