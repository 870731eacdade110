/**
 * Hashes of system accounts: the shadow file by getspnam(3), through whatever /etc/nsswitch.conf names, and the field of the
 * password file. Only root and the group shadow may read the former.
 */
import { cString, libc } from "./libc.ts";

/** What the shadow file says of an account. Days count from 1970; -1: never. */
export interface ShadowEntry {
  /** crypt(3) hash; with `!` or `*` before it or in its place nobody can log in. */
  readonly hash: string;
  /** The day from which on the account is closed. */
  readonly expiresDay: number;
  /** The last day of the password, the grace after its age with it. */
  readonly passwordEndsDay: number;
}

/** Ages from here on mean: for ever [man shadow.5]. */
const FOREVER_DAYS = 99_999;

/** Fields of an entry in days, -1 where they are empty. */
interface Ages {
  readonly changed: number;
  readonly most: number;
  readonly grace: number;
  readonly expires: number;
}

function entryOf(hash: string, { changed, most, grace, expires }: Ages): ShadowEntry {
  const ages = changed > 0 && most >= 0 && most < FOREVER_DAYS;
  return {
    hash,
    expiresDay: expires > 0 ? expires : -1,
    passwordEndsDay: ages ? changed + most + Math.max(0, grace) : -1,
  };
}

/** Reads a line of the file; undefined when it is not that account's. */
export function parseShadowLine(line: string, name: string): ShadowEntry | undefined {
  const fields = line.split(":");
  if (fields[0] !== name) return undefined;
  const day = (at: number) => /^\d{1,9}$/.test(fields[at] ?? "") ? Number(fields[at]) : -1;
  return entryOf(fields[1] ?? "", { changed: day(2), most: day(4), grace: day(6), expires: day(7) });
}

/** Why an account is closed on a day; undefined when it is not. */
export function shadowRefusal(entry: ShadowEntry, today: number): string | undefined {
  const { expiresDay, passwordEndsDay } = entry;
  if (expiresDay >= 0 && today >= expiresDay) return "the account has expired";
  return passwordEndsDay >= 0 && today > passwordEndsDay ? "the password has expired" : undefined;
}

function textAt(view: Deno.UnsafePointerView, offset: number): string {
  const pointer = view.getPointer(offset);
  return pointer ? new Deno.UnsafePointerView(pointer).getCString() : "";
}

/** The shadow entry of an account; undefined when there is none, or this process may not read it. */
export function shadowByName(name: string): ShadowEntry | undefined {
  const pointer = libc().getspnam(cString(name));
  if (!pointer) return undefined;
  const view = new Deno.UnsafePointerView(pointer); // struct spwd: namp, pwdp, lstchg, min, max, warn, inact, expire
  const day = (offset: number) => Number(view.getBigInt64(offset));
  return entryOf(textAt(view, 8), { changed: day(16), most: day(32), grace: day(48), expires: day(56) });
}

/** The second field of the password file, mostly `x`; undefined when there is no such account. */
export function passwordFieldByName(name: string): string | undefined {
  const pointer = libc().getpwnam(cString(name));
  return pointer ? textAt(new Deno.UnsafePointerView(pointer), 8) : undefined;
}
