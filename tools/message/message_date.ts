/**
 * Dates as the 822 programs read them: day, month, year, time and zone as written, and the moment that it is. The zone
 * must be there and known, by number or by one of the names of old [rfc822 5] and those in use beside them.
 */
import { type Token, tokensOf } from "./tokens.ts";

/** A date as written. The month counts from 1; the offset is minutes east of Greenwich. */
export interface WrittenDate {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly offset: number;
}

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAY_NAMES = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTH_NAMES = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MINUTE_MS = 60_000;
/** Minutes east of Greenwich by the names that are known. */
const ZONES: ReadonlyMap<string, number> = new Map([
  ["ut", 0],
  ["gmt", 0],
  ["bst", 60],
  ["cdt", -300],
  ["cet", 60],
  ["cst", -360],
  ["edt", -240],
  ["eet", 120],
  ["est", -300],
  ["hkt", 480],
  ["ist", 120],
  ["jst", 540],
  ["mdt", -360],
  ["met", 60],
  ["metdst", 120],
  ["mst", -420],
  ["pdt", -420],
  ["pst", -480],
]);

/** The date behind the last `,` or `;` of a value without line ends; undefined when there is none. */
export function parseWrittenDate(value: string): WrittenDate | undefined {
  const tokens = tokensOf(value);
  let from = tokens.length;
  while (from > 0 && !isSpecial(tokens[from - 1]!, ",;")) from--;
  return new DateReader().read(tokens.slice(from));
}

function isSpecial(token: Token, characters: string): boolean {
  return token.kind === "special" && characters.includes(token.text);
}

/** What comes next of `29 Aug 1996 14 : 04 : 52 CDT DST`. */
type Expected = "day" | "month" | "year" | "hour" | "colon" | "minute" | "colon or zone" | "second" | "zone" | "dst";

class DateReader {
  #expected: Expected = "day";
  #day = 0;
  #month = 0;
  #year = 0;
  #hour = 0;
  #minute = 0;
  #second = 0;
  #offset: number | undefined;

  read(tokens: readonly Token[]): WrittenDate | undefined {
    for (const token of tokens) {
      if (isSpecial(token, ":")) {
        if (this.#expected === "colon") this.#expected = "minute";
        else if (this.#expected === "colon or zone") this.#expected = "second";
      } else if (token.kind === "word" && !this.#take(token.text)) return undefined;
    }
    if (this.#offset === undefined) return undefined;
    return {
      year: this.#year,
      month: this.#month,
      day: this.#day,
      hour: this.#hour,
      minute: this.#minute,
      second: this.#second,
      offset: this.#offset,
    };
  }

  #take(word: string): boolean {
    const number = /^[+-]?\d{1,9}$/.test(word) ? Number(word) : undefined;
    if (this.#expected === "month") return this.#takeMonth(word);
    if (this.#expected === "zone" || this.#expected === "colon or zone") return this.#takeZone(word, number);
    if (this.#expected === "dst") {
      if (word.toLowerCase() === "dst") this.#offset = (this.#offset ?? 0) + 60;
      return true;
    }
    return number !== undefined && this.#takeNumber(number);
  }

  #takeNumber(number: number): boolean {
    switch (this.#expected) {
      case "day":
        this.#day = number;
        this.#expected = "month";
        return true;
      case "year":
        this.#year = number < 50 ? number + 2000 : number < 999 ? number + 1900 : number;
        this.#expected = "hour";
        return true;
      case "hour":
        this.#hour = number;
        this.#expected = "colon";
        return true;
      case "minute":
        this.#minute = number;
        this.#expected = "colon or zone";
        return true;
      case "second":
        this.#second = number;
        this.#expected = "zone";
        return true;
      default:
        return false;
    }
  }

  #takeMonth(word: string): boolean {
    this.#month = MONTHS.indexOf(word.toLowerCase()) + 1;
    this.#expected = "year";
    return this.#month > 0;
  }

  #takeZone(word: string, number: number | undefined): boolean {
    this.#expected = "dst";
    if (number === undefined) this.#offset = ZONES.get(word.toLowerCase());
    else this.#offset = Math.trunc(number / 100) * 60 + number % 100;
    return this.#offset !== undefined;
  }
}

/** The moment, milliseconds since 1970. */
export function momentOf(date: WrittenDate): number {
  const utc = new Date(0);
  utc.setUTCFullYear(date.year, date.month - 1, date.day);
  utc.setUTCHours(date.hour, date.minute, date.second);
  return utc.getTime() - date.offset * MINUTE_MS;
}

/** `2020-06-25 08:00:09 -0400`, in the zone that was written. */
export function isoDate(date: WrittenDate): string {
  const minutes = Math.abs(date.offset);
  const zone = `${date.offset < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`;
  const day = `${String(date.year).padStart(4, "0")}-${two(date.month)}-${two(date.day)}`;
  return `${day} ${two(date.hour)}:${two(date.minute)}:${two(date.second)} ${zone}`;
}

/** The same moment in Greenwich, as isoDate writes it. */
export function isoUtc(atMs: number): string {
  const date = new Date(atMs);
  return isoDate({
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    offset: 0,
  });
}

/** As isoDate without the zone, in the zone of TZ. */
export function isoLocal(atMs: number): string {
  const date = new Date(atMs);
  const day = `${String(date.getFullYear()).padStart(4, "0")}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** As ctime(3) writes it, in the zone of TZ: `Thu Jun 25 12:00:09 2020`. */
export function ctimeText(atMs: number): string {
  const date = new Date(atMs);
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const day = String(date.getDate()).padStart(2, " ");
  return `${DAY_NAMES[date.getDay()]} ${MONTH_NAMES[date.getMonth()]} ${day} ${clock} ${date.getFullYear()}`;
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}
