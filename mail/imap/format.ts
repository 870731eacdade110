/**
 * IMAP data as text: strings, flag lists, dates, sets, mailbox names [rfc3501 9]. Text is latin1, one character a byte, to be
 * made bytes once for many rows.
 */
import { latin1Bytes, utf8Bytes } from "../../core/bytes.ts";
import { FLAG_BITS, KEYWORD_BIT_FIRST, KEYWORDS_MAX } from "./backend.ts";

/** Text that a quoted string may hold without escapes, and with them. */
// deno-lint-ignore no-control-regex -- NUL, CR and LF are what it is about
const QUOTABLE = /^[\x01-\x09\x0b\x0c\x0e-!#-[\]-\x7f]*$/;
// deno-lint-ignore no-control-regex -- NUL, CR and LF are what it is about
const ESCAPABLE = /^[\x01-\x09\x0b\x0c\x0e-\x7f]*$/;
// deno-lint-ignore no-control-regex -- the ASCII range
const ASCII = /^[\x00-\x7f]*$/;

/** Longest quoted string sent, characters; a longer one is a literal. Ours: clients have line limits. */
const QUOTED_CHARS_MAX = 4096;

/** Bytes of latin1 text; fast where it is ASCII, as nearly always. */
export function textBytes(text: string): Uint8Array<ArrayBuffer> {
  return ASCII.test(text) ? utf8Bytes(text) : latin1Bytes(text);
}

/** A string: quoted where it can be, else a literal. NUL bytes, which neither can hold, go. */
export function formatString(text: string): string {
  if (text.length <= QUOTED_CHARS_MAX) {
    if (QUOTABLE.test(text)) return `"${text}"`;
    if (ESCAPABLE.test(text)) return `"${text.replace(/["\\]/g, "\\$&")}"`;
  }
  const bytes = text.includes("\0") ? text.replaceAll("\0", "") : text;
  return `{${bytes.length}}\r\n${bytes}`;
}

/** A string, or NIL for undefined. */
export function formatNstring(text: string | undefined): string {
  return text === undefined ? "NIL" : formatString(text);
}

/** A mailbox name, or another astring: an atom where it can be. */
export function formatAstring(text: string): string {
  return /^[A-Za-z0-9.\-_\/&+,=@!#$:;<>?^`|~\]']+$/.test(text) && text.toUpperCase() !== "NIL"
    ? text
    : formatString(text);
}

/** System flags by bit number. */
const SYSTEM_FLAGS = ["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"] as const;

/** The flag list of a flag word, without parentheses; keywords of unknown bits are left out. */
export function formatFlags(flags: number, keywords: readonly string[]): string {
  let text = "";
  for (let bit = 0; flags >> bit !== 0 && bit < KEYWORD_BIT_FIRST + KEYWORDS_MAX; bit++) {
    if ((flags & (1 << bit)) === 0) continue;
    const name = bit < KEYWORD_BIT_FIRST ? SYSTEM_FLAGS[bit] : keywords[bit - KEYWORD_BIT_FIRST];
    if (name !== undefined) text += text === "" ? name : ` ${name}`;
  }
  return text;
}

/** The bit of a system flag, without regard to case; undefined for another. */
export function systemFlagBit(name: string): number | undefined {
  switch (name.toLowerCase()) {
    case "\\seen":
      return FLAG_BITS.seen;
    case "\\answered":
      return FLAG_BITS.answered;
    case "\\flagged":
      return FLAG_BITS.flagged;
    case "\\deleted":
      return FLAG_BITS.deleted;
    case "\\draft":
      return FLAG_BITS.draft;
    default:
      return undefined;
  }
}

/** The names of the months [rfc3501 9]. */
export const MONTH_NAMES = [
  "Jan",
  "Feb",
  "Mar",
  "Apr",
  "May",
  "Jun",
  "Jul",
  "Aug",
  "Sep",
  "Oct",
  "Nov",
  "Dec",
] as const;

let lastDay = NaN;
let lastDayText = "";
const DAY_MS = 86_400_000;

/** INTERNALDATE in UTC: `"17-Jul-1996 02:44:25 +0000"`, with its quotes. */
export function formatInternalDate(atMs: number): string {
  const day = Math.floor(atMs / DAY_MS);
  if (day !== lastDay) {
    const date = new Date(day * DAY_MS);
    const month = MONTH_NAMES[date.getUTCMonth()];
    const year = String(date.getUTCFullYear()).padStart(4, "0");
    lastDayText = `"${String(date.getUTCDate()).padStart(2, " ")}-${month}-${year} `;
    lastDay = day;
  }
  const seconds = Math.floor((atMs - day * DAY_MS) / 1000);
  const hour = Math.floor(seconds / 3600);
  const minute = Math.floor(seconds / 60) % 60;
  return `${lastDayText}${two(hour)}:${two(minute)}:${two(seconds % 60)} +0000"`;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

/** A set of ascending numbers: `1:3,7`. */
export function formatSet(numbers: ArrayLike<number>): string {
  let text = "";
  for (let at = 0; at < numbers.length;) {
    const first = numbers[at]!;
    let last = first;
    while (++at < numbers.length && numbers[at] === last + 1) last++;
    text += `${text === "" ? "" : ","}${first === last ? first : `${first}:${last}`}`;
  }
  return text;
}
