/**
 * Which file, and which piece of it, a message with uuencoded data has: from its Subject or from a line of its text, in the
 * forms that people and programs used. Text is latin1.
 */

/** A piece of a file. `count` is 0 when it is not known. */
export interface UuPiece {
  readonly name: string;
  readonly number: number;
  readonly count: number;
}

/** Characters of a subject that are looked at. Ours. */
const SUBJECT_CHARS_MAX = 1000;
const NAME = /[A-Za-z0-9_][-A-Za-z0-9+&_.]*/g;

/** The piece that a Subject tells; undefined when it tells none. Piece 0 is a description. */
export function pieceOfSubject(subject: string): UuPiece | undefined {
  const text = subject.slice(0, SUBJECT_CHARS_MAX).replace(/^[ \t-]*(?:repost[ \t:-]*)?/i, "");
  if (/^re:/i.test(text)) return undefined;
  const name = nameIn(text);
  const numbers = name === undefined ? undefined : numbersIn(text.slice(name.end));
  if (name === undefined || !numbers) return undefined;
  const [number, count] = numbers;
  return count === 0 || number > count ? undefined : { name: name.text, number, count };
}

/** The first word that may be a file's name; one with a dot rather than one without. */
function nameIn(text: string): { text: string; end: number } | undefined {
  let first: { text: string; end: number } | undefined;
  NAME.lastIndex = 0;
  for (let match = NAME.exec(text); match; match = NAME.exec(text)) {
    const end = match.index + match[0].length;
    if (/^v\d/.test(match[0]) && text[end] === ":") continue;
    const hasDot = /\.(?!\d*$)|[^\d.]\.|^\./.test(match[0].replace(/\.+$/, ""));
    if (hasDot) return { text: match[0], end: first?.end ?? end };
    first ??= { text: match[0], end };
  }
  return first;
}

/** Number and count in `1/6`, `1 of 6`, `part 1`, `6 parts`. */
function numbersIn(text: string): readonly [number: number, count: number] | undefined {
  const both = /(\d{1,6}) ?(?:\/|o(?=\d)|-?of)\D{0,20}(\d{1,6})/.exec(text);
  if (both) return [Number(both[1]), Number(both[2])];
  const number = /part(?!s)\D{0,20}(\d{1,6})/i.exec(text);
  const count = /(\d{1,6})\D{0,20}parts/i.exec(text);
  return number && count ? [Number(number[1]), Number(count[1])] : undefined;
}

const LINES: readonly (readonly [RegExp, "name first" | "numbers first"])[] = [
  [/^section (\d{1,6}) of .*? of file (\S+) /, "numbers first"],
  [/^section (\d{1,6})\/(\d{1,6})\s+file (\S+) /, "numbers first"],
  [/^POST V\S* (\S+) \(Part (\d{1,6})\/(\d{1,6})\)/, "name first"],
  [/^File: (\S+) -- part (\d{1,6}) of (\d{1,6}) -- /, "name first"],
  [/^\[Section: (\d{1,6})\/(\d{1,6})\s+File: (\S+) /, "numbers first"],
  [/^\[(\S+) .*- part (\d{1,6}) of (\d{1,6})\]/, "name first"],
];

/** The piece that a line of text announces; undefined when it announces none. */
export function pieceOfLine(line: string): UuPiece | undefined {
  for (const [pattern, order] of LINES) {
    const match = pattern.exec(line);
    if (!match) continue;
    const [, first = "", second = "", third = ""] = match;
    const [name, number, count] = order === "name first"
      ? [first, second, third]
      : third === ""
      ? [second, first, "0"]
      : [third, first, second];
    const piece = { name, number: Number(number), count: Number(count) };
    return piece.number > 0 && (piece.count === 0 || piece.number <= piece.count) ? piece : undefined;
  }
  return undefined;
}
