/**
 * Dates of mail: writing and reading the form of RFC 5322, and the form qmail writes. Years 1900 to 9999; a two-digit
 * year and the zone names of RFC 822 are read as RFC 5322 says. Times are milliseconds since 1970, zones minutes east.
 */

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] as const;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;
const MINUTE_MS = 60_000;
/** Characters of a date field above which it is not looked at. */
const DATE_CHARS_MAX = 256;

/** A date as it was written: the moment, and the zone it was given in. */
export interface MailDate {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  /** Minutes east of Greenwich. */
  readonly zoneMinutes: number;
}

/**
 * The date as `Thu, 25 Jun 2020 08:00:09 +0000` in the zone given, minutes east of Greenwich [rfc5322 3.3].
 */
export function formatDate(atMs: number, zoneMinutes = 0): string {
  const local = new Date(atMs + zoneMinutes * MINUTE_MS);
  return `${DAYS[local.getUTCDay()]}, ${local.getUTCDate()} ${clockText(local)} ${formatZone(zoneMinutes)}`;
}

/** The date as qmail writes it, in GMT: `26 Sep 1995 04:46:54 -0000` [man qmail-header.5]. */
export function formatQmailDate(atMs: number): string {
  const date = new Date(atMs);
  return `${date.getUTCDate()} ${clockText(date)} -0000`;
}

function clockText(date: Date): string {
  const clock = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
  return `${MONTHS[date.getUTCMonth()]} ${String(date.getUTCFullYear()).padStart(4, "0")} ${clock}`;
}

/** The zone as `+0530`, of minutes east of Greenwich. */
export function formatZone(zoneMinutes: number): string {
  const minutes = Math.abs(zoneMinutes);
  return `${zoneMinutes < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`;
}

function two(number: number): string {
  return number < 10 ? `0${number}` : `${number}`;
}

const DATE =
  /^(?:[a-z]{3,9}\s*,?\s*)?(\d{1,2})[\s-]+([a-z]{3,9})[\s-]+(\d{2,4})\s+(\d{1,2})\s*:\s*(\d{2})(?:\s*:\s*(\d{2}))?(.*)$/;
/** Minutes east of the zone names of RFC 822; all others count as unknown, that is GMT [rfc5322 4.3]. */
const ZONES: ReadonlyMap<string, number> = new Map([
  ["edt", -240],
  ["est", -300],
  ["cdt", -300],
  ["cst", -360],
  ["mdt", -360],
  ["mst", -420],
  ["pdt", -420],
  ["pst", -480],
]);

/**
 * The date in a field's text: the form of RFC 5322 with its obsolete forms and comments, day name optional. Undefined
 * when there is none in it [rfc5322 3.3, 4.3].
 */
export function tryParseDate(text: string): MailDate | undefined {
  if (text.length > DATE_CHARS_MAX) return undefined;
  const match = DATE.exec(stripComments(text).trim().toLowerCase());
  if (!match) return undefined;
  const month = MONTHS.findIndex((name) => match[2]!.startsWith(name.toLowerCase()));
  const day = Number(match[1]);
  const hour = Number(match[4]);
  const minute = Number(match[5]);
  const second = Number(match[6] ?? 0);
  if (month < 0 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return undefined;
  const zoneMinutes = parseZone(match[7]!.trim());
  const utc = Date.UTC(fullYear(match[3]!), month, day, hour, minute, second);
  return { atMs: utc - zoneMinutes * MINUTE_MS, zoneMinutes };
}

function fullYear(digits: string): number {
  const year = Number(digits);
  if (digits.length === 4) return year;
  return digits.length === 2 && year < 50 ? 2000 + year : 1900 + year;
}

function parseZone(text: string): number {
  const numeric = /^([+-])(\d{2}):?([0-5]\d)/.exec(text);
  if (!numeric) return ZONES.get(text.slice(0, 3)) ?? 0;
  const minutes = Number(numeric[2]) * 60 + Number(numeric[3]);
  return numeric[1] === "-" && minutes > 0 ? -minutes : minutes;
}

function stripComments(text: string): string {
  if (!text.includes("(")) return text;
  let depth = 0;
  let kept = "";
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (char === "\\" && depth > 0) at++;
    else if (char === "(") depth++;
    else if (char === ")" && depth > 0) depth--;
    else if (depth === 0) kept += char;
  }
  return kept;
}
