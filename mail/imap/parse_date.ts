/** Dates of commands: days of SEARCH and the date-time of APPEND [rfc3501 9]. */
import { MONTH_NAMES } from "./format.ts";
import type { Scanner } from "./scanner.ts";

const DAY = /(\d{1,2})-([A-Za-z]{3})-(\d{4})/y;
const DATE_TIME = /^([ \d]\d)-([A-Za-z]{3})-(\d{4}) (\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})$/;

/** A day, quoted or not, as days since 1970; throws Permanent. */
export function parseDay(scanner: Scanner): number {
  const quoted = scanner.take('"');
  const text = scanner.tryMatch(DAY) ?? scanner.fail("the date is broken");
  if (quoted) scanner.expect('"');
  const [day = "", month = "", year = ""] = text.split("-");
  return dayNumber(scanner, { day, month, year });
}

/** A date-time in quotes as milliseconds since 1970; throws Permanent. */
export function parseDateTime(scanner: Scanner): number {
  const found = DATE_TIME.exec(scanner.string());
  if (!found) scanner.fail("the date is broken");
  const [, day = "", month = "", year = "", hour, minute, second, sign, zoneHour, zoneMinute] = found;
  const seconds = Number(hour) * 3600 + Number(minute) * 60 + Number(second);
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) scanner.fail("the time is broken");
  const zoneSeconds = (Number(zoneHour) * 60 + Number(zoneMinute)) * 60 * (sign === "-" ? -1 : 1);
  return dayNumber(scanner, { day: day.trim(), month, year }) * 86_400_000 + (seconds - zoneSeconds) * 1000;
}

function dayNumber(
  scanner: Scanner,
  date: { readonly day: string; readonly month: string; readonly year: string },
): number {
  const month = MONTH_NAMES.findIndex((name) => name.toLowerCase() === date.month.toLowerCase());
  const moment = new Date(0);
  moment.setUTCFullYear(Number(date.year), month, Number(date.day));
  if (month < 0 || moment.getUTCMonth() !== month || moment.getUTCDate() !== Number(date.day)) {
    scanner.fail("there is no such date");
  }
  return Math.floor(moment.getTime() / 86_400_000);
}
