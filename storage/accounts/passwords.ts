/**
 * Stored passwords: hashing by scheme and checking, off the event loop [spec formats 12] [man vpasswd.9]. A check of an
 * unknown user costs what a wrong password costs.
 */
import { Buffer } from "node:buffer";
import { randomBytes, timingSafeEqual } from "node:crypto";
import { cryptInBackground } from "../../core/libc/crypt.ts";
import { Permanent, Temporary } from "../../core/errors.ts";
import { shown } from "./names.ts";

/** Hash schemes by the names that options and control files have. */
export type HashScheme = "DES" | "MD5" | "SHA-256" | "SHA-512" | "YESCRYPT" | "BCRYPT";

/** When nothing else is asked for. */
export const HASH_SCHEME_DEFAULT: HashScheme = "SHA-512";

/** Names and numbers taken by option -h, hash_method and PASSWORD_HASH [man vpasswd.9]. */
const SCHEMES: Readonly<Record<string, HashScheme>> = {
  DES: "DES",
  MD5: "MD5",
  "SHA-256": "SHA-256",
  "SHA-512": "SHA-512",
  SHA256: "SHA-256",
  SHA512: "SHA-512",
  YESCRYPT: "YESCRYPT",
  BCRYPT: "BCRYPT",
  "0": "DES",
  "1": "MD5",
  "2": "SHA-256",
  "3": "SHA-512",
  "4": "YESCRYPT",
};

/** Hashes computed at once, and waiting; above it a check is refused for now, so that a flood piles nothing up. */
const RUNNING_MAX = 4;
const WAITING_MAX = 512;

const SALT_CHARACTERS = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/** bcrypt's 2^10 rounds and yescrypt's default cost, as libxcrypt makes them [man crypt.5]. */
const BCRYPT_PREFIX = "$2b$10$";
const YESCRYPT_PREFIX = "$y$j9T$";

/** The scheme of a name or number, in any case; undefined for none. */
export function parseHashScheme(name: string): HashScheme | undefined {
  return SCHEMES[name.trim().toUpperCase()];
}

/**
 * The scheme that holds: the option, then PASSWORD_HASH, then hash_method of the domain and of the system. Throws
 * Permanent naming a value that is no scheme.
 */
export function chooseHashScheme(...names: readonly (string | undefined)[]): HashScheme {
  const name = names.find((one) => one !== undefined && one.trim() !== "");
  if (name === undefined) return HASH_SCHEME_DEFAULT;
  const scheme = parseHashScheme(name);
  if (!scheme) throw new Permanent(`${shown(name)} is not a password hash: DES, MD5, SHA-256, SHA-512 or YESCRYPT`);
  return scheme;
}

function saltText(characters: number): string {
  let text = "";
  for (const byte of randomBytes(characters)) text += SALT_CHARACTERS[byte & 63];
  return text;
}

/** The last character of bcrypt's 22 holds two bits only, that of yescrypt's 22 four. */
function settingOf(scheme: HashScheme, salt?: string): string {
  switch (scheme) {
    case "DES":
      return salt ?? saltText(2);
    case "MD5":
      return `$1$${salt ?? saltText(8)}`;
    case "SHA-256":
      return `$5$${salt ?? saltText(16)}`;
    case "SHA-512":
      return `$6$${salt ?? saltText(16)}`;
    case "BCRYPT":
      return `${BCRYPT_PREFIX}${salt ?? `${saltText(21)}.`}`;
    case "YESCRYPT":
      return `${YESCRYPT_PREFIX}${salt ?? `${saltText(21)}.`}`;
  }
}

let running = 0;
const waiting: (() => void)[] = [];

/** crypt(3), at most RUNNING_MAX at once. Throws Temporary when WAITING_MAX wait already. */
async function limitedCrypt(password: string, setting: string): Promise<string | undefined> {
  if (running < RUNNING_MAX) running++;
  else {
    if (waiting.length >= WAITING_MAX) throw new Temporary("too many password checks at once");
    await new Promise<void>((resolve) => waiting.push(resolve));
  }
  try {
    return await cryptInBackground(password, setting);
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running--;
  }
}

/**
 * The stored form of a password, with a random salt unless one is given. Throws Permanent when it cannot be hashed (too
 * long, holds a NUL), or the salt is none.
 */
export async function hashPassword(
  password: string,
  scheme: HashScheme = HASH_SCHEME_DEFAULT,
  salt?: string,
): Promise<string> {
  if (salt !== undefined && !/^[./0-9A-Za-z]{2,22}$/.test(salt)) {
    throw new Permanent(`${shown(salt)} is not a salt: 2 to 22 characters of [./0-9A-Za-z]`);
  }
  const hash = await limitedCrypt(password, settingOf(scheme, salt));
  if (hash === undefined) throw new Permanent(`the password cannot be hashed with ${scheme}: is it too long?`);
  return hash;
}

/** crypt(3) with a setting of the caller's, or a whole hash; undefined when it is none, or the password is unfit. */
export async function cryptPassword(password: string, setting: string): Promise<string | undefined> {
  return await limitedCrypt(password, setting);
}

/** The traditional hash, and that of BSDi. */
const DES_HASH = /^(?:[./0-9A-Za-z]{13}|_[./0-9A-Za-z]{19})$/;

/** Whether a text is a hash of a scheme that can be checked here, by its look. */
export function isKnownHash(text: string): boolean {
  return /^\$(?:1|2[abxy]|5|6|y|7|gy)\$.{8,}/.test(text) || DES_HASH.test(text);
}

/**
 * Whether a stored password is a hash rather than clear text: anything that looks like one of crypt(5), known here or not. Were it
 * compared as clear text, whoever reads the hash could log in with it.
 */
export function isHashed(stored: string): boolean {
  return /^\$[0-9a-z]{1,12}[$,]/.test(stored) || DES_HASH.test(stored);
}

/** A `$6$` hash of nothing anyone knows: what the password of an unknown user is checked against. */
const NOBODY =
  "$6$indimail.nobody.$JzMbsVAAl8zMJ4SBJXi3cJL7gJtJmzQ1KWlz6TzDpPFrnsfh1kL7dW.m8DV2Jv0Ek5WMlGSFhBNnyUqXkEqWc1";

/**
 * Whether `password` is the stored one; `stored` undefined (no such user) costs the same and is false. Compared in
 * constant time.
 */
export async function verifyPassword(password: string, stored: string | undefined): Promise<boolean> {
  if (stored === undefined || stored === "") {
    await limitedCrypt(password, NOBODY);
    return false;
  }
  if (!isHashed(stored)) {
    await limitedCrypt(password, NOBODY);
    return sameText(password, stored);
  }
  const hash = await limitedCrypt(password, stored);
  return hash !== undefined && sameText(hash, stored);
}

/** Whether two texts are equal; the time does not tell where they differ. */
export function sameText(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left, "utf8"), Buffer.from(right, "utf8")];
  if (a.length === b.length) return timingSafeEqual(a, b);
  timingSafeEqual(a, a);
  return false;
}

/** A random password of letters and digits that are hard to mistake (option -r). */
export function randomPassword(characters: number): string {
  const letters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
  let text = "";
  while (text.length < characters) {
    const byte = randomBytes(1)[0]!;
    if (byte < 256 - 256 % letters.length) text += letters[byte % letters.length];
  }
  return text;
}
