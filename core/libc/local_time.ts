/**
 * Local time as the C library tells it: TZ may also be a POSIX rule (`IST-5:30`), a file, or a zone that counts leap
 * seconds (`right/…`), none of which the runtime's Date knows.
 */
import { libc, LibcError } from "./libc.ts";

/** A struct tm has nine integers in front; the rest is the zone. */
const TM_BYTES = 56;
const EOVERFLOW = 75;

/** A date and time of the local time zone; months from 1. */
export interface LocalTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hours: number;
  readonly minutes: number;
  readonly seconds: number;
}

/** The local time of a moment, in seconds since 1970. Throws LibcError when the year is out of range. */
export function localTimeOf(unixSeconds: number): LocalTime {
  const moment = new Uint8Array(new BigInt64Array([BigInt(unixSeconds)]).buffer);
  const tm = new Int32Array(TM_BYTES / 4);
  if (libc().localtime_r(moment, new Uint8Array(tm.buffer)) === null) throw new LibcError("localtime", EOVERFLOW);
  const [seconds = 0, minutes = 0, hours = 0, day = 0, month = 0, year = 0] = tm;
  return { year: year + 1900, month: month + 1, day, hours, minutes, seconds };
}
