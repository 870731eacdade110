/**
 * Flag words of the IMAP session and the letters of Maildir file names [spec formats 5]: D draft, F flagged, R replied,
 * S seen, T trashed. Other letters (P, and small ones of other servers) are kept where they are.
 */
import { FLAG_BITS, KEYWORD_BIT_FIRST } from "../../mail/imap/backend.ts";

/** Bits of all system flags. */
export const SYSTEM_BITS = (1 << KEYWORD_BIT_FIRST) - 1;

const PAIRS: readonly (readonly [letter: string, bit: number])[] = [
  ["D", FLAG_BITS.draft],
  ["F", FLAG_BITS.flagged],
  ["R", FLAG_BITS.answered],
  ["S", FLAG_BITS.seen],
  ["T", FLAG_BITS.deleted],
];

const BIT_BY_CODE = new Uint32Array(128);
for (const [letter, bit] of PAIRS) BIT_BY_CODE[letter.charCodeAt(0)] = bit;

/** The system flags that the letters at the end of `name`, from `at` on, stand for. */
export function flagsOfLetters(name: string, at: number): number {
  let word = 0;
  for (let index = at; index < name.length; index++) word |= BIT_BY_CODE[name.charCodeAt(index) & 127]!;
  return word;
}

/** The letters for a flag word, with those of `old` that stand for none of its flags; in order. */
export function lettersOfFlags(word: number, old: string): string {
  let letters = "";
  for (const [letter, bit] of PAIRS) if (word & bit) letters += letter;
  let foreign = "";
  for (const letter of old) if (BIT_BY_CODE[letter.charCodeAt(0) & 127] === 0) foreign += letter;
  return foreign === "" ? letters : [...new Set(letters + foreign)].sort().join("");
}
