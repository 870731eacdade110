/**
 * crypt(3) of libcrypt: hashes of stored passwords ($1$ $5$ $6$ $2b$ $y$ and DES). A `$6$` hash takes 1.5 ms, during which
 * the thread does nothing else. Opened at the first call; a host without the library gets the JavaScript of core/crypt.
 */
import { cString } from "./libc.ts";

const SYMBOLS = {
  crypt_rn: { parameters: ["buffer", "buffer", "buffer", "i32"], result: "pointer" },
  crypt_rn_background: {
    name: "crypt_rn",
    parameters: ["buffer", "buffer", "buffer", "i32"],
    result: "pointer",
    nonblocking: true,
  },
} as const;
/** sizeof(struct crypt_data) of libxcrypt. */
const CRYPT_DATA_BYTES = 32768;
/** Longest password given to crypt, in bytes (CRYPT_MAX_PASSPHRASE_SIZE of libxcrypt). */
export const CRYPT_PASSWORD_BYTES_MAX = 511;

/** The library that Linux distributions have; the old glibc one has the same name. */
const LIBRARY = "libcrypt.so.1";

let opened: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined;
const state = new Uint8Array(CRYPT_DATA_BYTES);

/** The library; opened by the first call, or earlier (before the permission is given up, at the top of a test file). */
export function libcrypt(): Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] {
  return opened ??= Deno.dlopen(LIBRARY, SYMBOLS).symbols;
}

/**
 * The hash of `password` (hashed as its UTF-8 bytes) with `setting`, a salt or a whole stored hash; undefined when the
 * setting is not one that libcrypt knows, or the password is too long or holds a NUL.
 */
export function crypt(password: string, setting: string): string | undefined {
  if (password.includes("\0") || setting.includes("\0")) return undefined;
  const secret = cString(password);
  if (secret.length - 1 > CRYPT_PASSWORD_BYTES_MAX) return undefined;
  const result = libcrypt().crypt_rn(secret, cString(setting), state, state.length);
  const hash = result ? new Deno.UnsafePointerView(result).getCString() : undefined;
  state.fill(0);
  secret.fill(0);
  return hash === undefined || hash.startsWith("*") ? undefined : hash;
}

/** A crypt(3) that lets others run meanwhile: the contract of `crypt`. */
export type BackgroundCrypt = (password: string, setting: string) => Promise<string | undefined>;

let chosen: Promise<BackgroundCrypt> | undefined;

/**
 * As `crypt`, on another thread, or without the library in slices of this one: the caller limits how many run at once (each
 * holds 32 KB, a `$y$` in JavaScript 16 MB).
 */
export async function cryptInBackground(password: string, setting: string): Promise<string | undefined> {
  chosen ??= backgroundCrypt(hasLibcrypt());
  return await (await chosen)(password, setting);
}

/** libcrypt's, or that of core/crypt. */
export async function backgroundCrypt(byLibrary: boolean): Promise<BackgroundCrypt> {
  return byLibrary ? cryptOnThread : (await import("../crypt/crypt.ts")).cryptInJavaScript;
}

/** Whether the library is there. Throws what forbids to open it. */
export function hasLibcrypt(library = LIBRARY): boolean {
  if (library === LIBRARY && opened) return true;
  try {
    const found = Deno.dlopen(library, SYMBOLS);
    if (library === LIBRARY) opened = found.symbols;
    else found.close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return false;
  }
}

async function cryptOnThread(password: string, setting: string): Promise<string | undefined> {
  if (password.includes("\0") || setting.includes("\0")) return undefined;
  const secret = cString(password);
  if (secret.length - 1 > CRYPT_PASSWORD_BYTES_MAX) return undefined;
  const [salt, ownState] = [cString(setting), new Uint8Array(CRYPT_DATA_BYTES)];
  const result = await libcrypt().crypt_rn_background(secret, salt, ownState, ownState.length);
  const hash = result ? new Deno.UnsafePointerView(result).getCString() : undefined;
  ownState.fill(0);
  secret.fill(0);
  return hash === undefined || hash.startsWith("*") ? undefined : hash;
}
