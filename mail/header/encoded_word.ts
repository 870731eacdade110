/**
 * Encoded words of headers decoded to text, for SEARCH and for what shows a subject [rfc2047]. Unknown character sets and
 * broken words stay as they are; bytes above 127 outside of words are taken as UTF-8 where they are valid.
 */
import { concatBytes, latin1Bytes } from "../../core/bytes.ts";
import { decodeCharset, decodeUtf8OrLatin1 } from "../mime/charset.ts";
import { decodeBase64, decodeQuotedPrintable } from "../mime/transfer.ts";

/** Longest encoded word looked at, characters. The RFC says 75; some senders ignore it [rfc2047 2]. */
export const ENCODED_WORD_CHARS_MAX = 4096;

const WORD = /=\?([^?\s]{1,64})\?([bBqQ])\?([^?]{0,4096})\?=/g;

/** The text of an unfolded latin1 header value. */
export function decodeHeaderText(value: string): string {
  if (!value.includes("=?")) return decodeUtf8OrLatin1(value);
  let text = "";
  let end = 0;
  let pending: { charset: string; bytes: Uint8Array[] } | undefined;
  const flush = () => {
    if (pending) text += decodeCharset(concatBytes(...pending.bytes), pending.charset) ?? "";
    pending = undefined;
  };
  WORD.lastIndex = 0;
  for (let word = WORD.exec(value); word; word = WORD.exec(value)) {
    const [all, charsetAndLanguage = "", encoding = "", content = ""] = word;
    const charset = charsetAndLanguage.split("*")[0]!.toLowerCase();
    const bytes = encoding.toLowerCase() === "b"
      ? decodeBase64(latin1Bytes(content))
      : decodeQuotedPrintable(latin1Bytes(content.replaceAll("_", " ")));
    const between = value.slice(end, word.index);
    // white space between two words goes; a character may be split between words of one charset [rfc2047 6.2]
    const joins = pending !== undefined && between.trim() === "";
    if (!joins || pending?.charset !== charset) flush();
    if (!joins) text += decodeUtf8OrLatin1(between);
    if (decodeCharset(bytes, charset) === undefined) text += all;
    else if (pending) pending.bytes.push(bytes);
    else pending = { charset, bytes: [bytes] };
    end = word.index + all.length;
  }
  flush();
  return text + decodeUtf8OrLatin1(value.slice(end));
}
