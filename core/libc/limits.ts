/**
 * Soft resource limits of this process. The runtime that our programs run in reserves gigabytes of address space that it
 * never uses, starts threads, and raises the limit on open files by itself; so those limits that would end a program of
 * ours, or that it would lose, are handed on in a variable and set where a program that is not ours is started.
 */
import { checked, ERRNO, errno, libc, LibcError } from "./libc.ts";

/** Numbers of the kernel's limits by softlimit's letters [man softlimit.8]; the same on x86-64 and aarch64. */
export const LIMIT_RESOURCES = { a: 9, c: 4, d: 2, f: 1, l: 8, o: 7, p: 6, q: 12, r: 5, s: 3, t: 0 } as const;

/** The letter of a limit. */
export type LimitLetter = keyof typeof LIMIT_RESOURCES;

/** Soft limits: a number, or "=" for the hard limit. */
export type Limits = ReadonlyMap<LimitLetter, bigint | "=">;

/** Limits that wait for a program that is not ours: `a=3000000,o==`. */
export const PENDING_LIMITS_VARIABLE = "INDIMAIL_SOFTLIMIT";

/** No limit: the kernel's RLIM_INFINITY. */
export const UNLIMITED = 0xffff_ffff_ffff_ffffn;

/** What a program of ours would not survive, or would undo. */
const PENDING_LETTERS: ReadonlySet<LimitLetter> = new Set<LimitLetter>(["a", "d", "l", "o", "p", "s"]);
const ESRCH = 3;

/** True when that is the letter of a limit. */
export function isLimitLetter(letter: string): letter is LimitLetter {
  return Object.hasOwn(LIMIT_RESOURCES, letter);
}

/** Limits as the variable has them. */
export function formatLimits(limits: Limits): string {
  return [...limits].map(([letter, value]) => `${letter}=${value}`).join(",");
}

/** The reverse of formatLimits; what is malformed is left out. */
export function parseLimits(text: string): Map<LimitLetter, bigint | "="> {
  const limits = new Map<LimitLetter, bigint | "=">();
  for (const [, letter = "", value = ""] of text.matchAll(/(\w)=(=|\d{1,20})(?=,|$)/g)) {
    if (isLimitLetter(letter)) limits.set(letter, value === "=" ? "=" : BigInt(value));
  }
  return limits;
}

/** An environment and the limits to be set for the program that gets it. */
export interface LimitedEnvironment {
  readonly env: Readonly<Record<string, string>>;
  readonly limits: Limits;
}

/** Takes the limits that wait out of an environment; for a program of ours those that it cannot bear stay in it. */
export function takePendingLimits(
  env: Readonly<Record<string, string>>,
  options: { readonly own: boolean },
): LimitedEnvironment {
  const text = env[PENDING_LIMITS_VARIABLE];
  if (text === undefined) return { env, limits: new Map() };
  const { [PENDING_LIMITS_VARIABLE]: _, ...rest } = env;
  const all = parseLimits(text);
  if (!options.own) return { env: rest, limits: all };
  const waiting = new Map([...all].filter(([letter]) => PENDING_LETTERS.has(letter)));
  const limits = new Map([...all].filter(([letter]) => !PENDING_LETTERS.has(letter)));
  return { env: waiting.size > 0 ? { ...rest, [PENDING_LIMITS_VARIABLE]: formatLimits(waiting) } : rest, limits };
}

/**
 * Sets limits for a process (0: this one); a number above the hard limit becomes it, UNLIMITED raises the hard one where
 * that may be done. Another process that is gone already, or has become another user, is no error. Throws LibcError.
 */
export function setLimits(limits: Limits, pid = 0): void {
  if (limits.size === 0) return;
  const pair = new BigUint64Array(2);
  const bytes = new Uint8Array(pair.buffer);
  for (const [letter, value] of limits) {
    if (libc().prlimit(pid, LIMIT_RESOURCES[letter], null, bytes) !== 0) return refused(letter, pid);
    if (value === UNLIMITED && pair[1] !== UNLIMITED) {
      const none = new Uint8Array(new BigUint64Array([UNLIMITED, UNLIMITED]).buffer);
      if (libc().prlimit(pid, LIMIT_RESOURCES[letter], none, null) === 0) continue;
    }
    pair[0] = value === "=" || value > pair[1]! ? pair[1]! : value;
    if (libc().prlimit(pid, LIMIT_RESOURCES[letter], bytes, null) !== 0) return refused(letter, pid);
  }
}

function refused(letter: LimitLetter, pid: number): void {
  const code = errno();
  if (pid === 0 || code !== ESRCH && code !== ERRNO.perm) throw new LibcError(`limit -${letter}`, code);
}

/** The soft limit of this process. */
export function softLimit(letter: LimitLetter): bigint {
  const pair = new BigUint64Array(2);
  checked(libc().prlimit(0, LIMIT_RESOURCES[letter], null, new Uint8Array(pair.buffer)), `limit ${letter}`);
  return pair[0]!;
}
