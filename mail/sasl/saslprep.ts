/**
 * SASLprep, the preparation of user names and passwords before they are hashed [rfc4013]: ASCII passes as it is; other
 * text is mapped, NFKC-normalised and refused when it holds what RFC 4013 2.3 prohibits. Bidirectional rules are not
 * applied: they refuse passwords, but never make two that differ equal.
 */

/** Spaces other than U+0020 [rfc3454 C.1.2]. */
const OTHER_SPACES = /[\u00A0\u1680\u2000-\u200A\u202F\u205F\u3000]/g;
/** Mapped to nothing [rfc3454 B.1]. */
const NOTHING = /\u00AD|\u034F|\u1806|[\u180B-\u180D]|[\u200B-\u200D]|\u2060|[\uFE00-\uFE0F]|\uFEFF/g;
/** Controls, private use, non-characters, surrogates, tagging [rfc4013 2.3]. */
const PROHIBITED =
  /[\p{Cc}\p{Co}\p{Cs}]|[\uFFF9-\uFFFD]|[\uFDD0-\uFDEF]|[\u2FF0-\u2FFB]|[\u200E\u200F\u2028\u2029]|[\u202A-\u202E]|[\u206A-\u206F]|[\u{E0001}\u{E0020}-\u{E007F}]/u;

/** The prepared form of `text`; undefined when it holds a prohibited character [rfc4013 2]. */
export function saslprep(text: string): string | undefined {
  if (/^[\x20-\x7E]*$/.test(text)) return text;
  const prepared = text.replace(OTHER_SPACES, " ").replace(NOTHING, "").normalize("NFKC");
  return PROHIBITED.test(prepared) ? undefined : prepared;
}
