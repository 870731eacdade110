/** The order of an index: by alphabet, or by chance. */
import type { TextRange } from "./index_file.ts";

function isAlphanumeric(byte: number): boolean {
  const letter = byte | 32;
  return (byte >= 48 && byte <= 57) || (letter >= 97 && letter <= 122);
}

/** What a text is sorted by: its bytes from the first letter or digit on. */
function sortKey(bytes: Uint8Array, range: TextRange, ignoreCase: boolean): string {
  let start = range.start;
  while (start < range.end && !isAlphanumeric(bytes[start]!)) start++;
  const key = String.fromCharCode(...bytes.subarray(start, Math.min(range.end, start + KEY_BYTES_MAX)));
  return ignoreCase ? key.replace(/[A-Z]/g, (letter) => letter.toLowerCase()) : key;
}

/** Bytes that decide about the order. */
const KEY_BYTES_MAX = 4096;

/** Texts by the alphabet; those that are the same there keep their order. */
export function orderTexts(
  bytes: Uint8Array,
  texts: readonly TextRange[],
  options: { readonly ignoreCase: boolean },
): TextRange[] {
  const keyed = texts.map((text) => ({ text, key: sortKey(bytes, text, options.ignoreCase) }));
  return keyed.sort((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : 0).map(({ text }) => text);
}

/** A whole number from 0 to below `limit`, by chance. */
export function randomBelow(limit: number): number {
  const [number = 0] = crypto.getRandomValues(new Uint32Array(1));
  return Math.floor(number / 2 ** 32 * limit);
}

/** In any order, each as likely. */
export function shuffle<T>(items: readonly T[]): T[] {
  const result = [...items];
  for (let at = result.length - 1; at > 0; at--) {
    const other = randomBelow(at + 1);
    [result[at], result[other]] = [result[other]!, result[at]!];
  }
  return result;
}
