/**
 * `$y$`: yescrypt, by A. Peslyak, "yescrypt - scalable KDF and password hashing scheme", which extends scrypt [rfc7914] [man
 * crypt.5]. One thread, no ROM; the settings that libcrypt makes and kin. A hash takes 16 MB by default.
 */
import { Buffer } from "node:buffer";
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { DIGITS, Slices } from "./alphabet.ts";
import { Mixer } from "./yescrypt_mixer.ts";

/** Flags: read-write, and the one flavour of it that is defined (six rounds, gather 4, simple 2, boxes of 12 KB). */
const READ_WRITE = 2;
const FLAVOUR = 0xb6;
/** Of the setting's first number: flavours begin here, four flags a step. */
const FLAVOUR_STEP_BITS = 2;
const HASH_BYTES = 32;
const SALT_BYTES_MAX = 64;
/** Memory that a setting may ask for, bytes; libcrypt's strongest takes 1 GB, which a fallback need not. */
const MEMORY_BYTES_MAX = 256 * 1024 * 1024;
/** From here on a cheap hash goes before the real one. */
const PREHASH = { n: 0x100, nr: 0x20000, shift: 6 } as const;

/** What a setting says. */
interface Parameters {
  readonly prefix: string;
  readonly n: number;
  readonly r: number;
  readonly t: number;
  readonly salt: Uint8Array;
}

/** The hash; undefined when the setting is none of this scheme, or one that this cannot do (p, ROM, other flavours). */
export async function yescrypt(password: Uint8Array, setting: string): Promise<string | undefined> {
  const parameters = parseSetting(setting);
  if (!parameters) return undefined;
  const { prefix, n, r, t, salt } = parameters;
  let secret = password;
  if (n >= PREHASH.n && n * r >= PREHASH.nr) {
    secret = await derived(secret, salt, { n: n >> PREHASH.shift, r, t: 0, prehash: true });
  }
  return `${prefix}$${encoded(await derived(secret, salt, { n, r, t, prehash: false }))}`;
}

/** Reads digits of variable length: the first tells how many follow. */
class NumberReader {
  readonly #text: string;
  at: number;

  constructor(text: string, at: number) {
    this.#text = text;
    this.at = at;
  }

  /** The next number; undefined when there is none. */
  next(min: number): number | undefined {
    let first = this.#digit();
    if (first === undefined) return undefined;
    let [value, start, end, more, bits] = [min, 0, 47, 0, 0];
    while (first > end) {
      value += (end + 1 - start) * 2 ** bits;
      start = end + 1;
      end = start + Math.floor((62 - end) / 2);
      more++;
      bits += 6;
    }
    value += (first - start) * 2 ** bits;
    for (; more > 0; more--) {
      first = this.#digit();
      if (first === undefined) return undefined;
      bits -= 6;
      value += first * 2 ** bits;
    }
    return value;
  }

  #digit(): number | undefined {
    const value = this.at < this.#text.length ? DIGITS.indexOf(this.#text[this.at]!) : -1;
    this.at++;
    return value < 0 ? undefined : value;
  }
}

function parseSetting(setting: string): Parameters | undefined {
  if (!setting.startsWith("$y$")) return undefined;
  const reader = new NumberReader(setting, 3);
  const [flavour, log2, r] = [reader.next(0), reader.next(1), reader.next(1)];
  if (flavour === undefined || log2 === undefined || r === undefined) return undefined;
  const flags = flavour < READ_WRITE ? flavour : READ_WRITE + (flavour - READ_WRITE << FLAVOUR_STEP_BITS);
  if (flags !== FLAVOUR || log2 > 30) return undefined;
  let t = 0;
  if (setting[reader.at] !== "$") {
    if (reader.next(1) !== 2) return undefined; // more than t: lanes, upgrades, a ROM
    t = reader.next(1) ?? 0;
  }
  if (setting[reader.at] !== "$" || 2 ** log2 * r * 128 > MEMORY_BYTES_MAX || 2 ** log2 < 4) return undefined;
  const end = setting.indexOf("$", reader.at + 1);
  const prefix = end < 0 ? setting : setting.slice(0, end);
  const salt = decoded(prefix.slice(reader.at + 1));
  return salt && { prefix, n: 2 ** log2, r, t, salt };
}

/** One pass of the key derivation. */
async function derived(
  password: Uint8Array,
  salt: Uint8Array,
  cost: { readonly n: number; readonly r: number; readonly t: number; readonly prehash: boolean },
): Promise<Uint8Array> {
  const { n, r, t, prehash } = cost;
  const named = hmac(Buffer.from(prehash ? "yescrypt-prehash" : "yescrypt"), password);
  const mixer = new Mixer(new Uint8Array(pbkdf2Sync(named, salt, 1, 128 * r, "sha256")), { n, r });
  const first = mixer.bytes.slice(0, HASH_BYTES);
  mixer.fillBoxes();
  const secret = hmac(mixer.bytes.slice(-64), first);
  await mixer.mix(t, new Slices());
  const key = new Uint8Array(pbkdf2Sync(secret, mixer.bytes, 1, HASH_BYTES, "sha256"));
  if (prehash) return key;
  const client = hmac(key, Buffer.from("Client Key"));
  return createHash("sha256").update(client).digest();
}

function hmac(key: Uint8Array, text: Uint8Array): Uint8Array {
  return createHmac("sha256", key).update(text).digest();
}

/** Three bytes as four digits, the lowest bits first. */
function encoded(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const count = Math.min(3, bytes.length - at);
    let value = 0;
    for (let byte = 0; byte < count; byte++) value |= bytes[at + byte]! << byte * 8;
    for (let bits = 0; bits < count * 8; bits += 6) text += DIGITS[value >> bits & 63];
  }
  return text;
}

/** The reverse; undefined for other characters, or bits that are left over. */
function decoded(text: string): Uint8Array | undefined {
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at += 4) {
    const group = text.slice(at, at + 4);
    let value = 0;
    for (let digit = 0; digit < group.length; digit++) {
      const bits = DIGITS.indexOf(group[digit]!);
      if (bits < 0) return undefined;
      value |= bits << digit * 6;
    }
    const count = Math.floor(group.length * 6 / 8);
    if (count === 0 || value >> count * 8 !== 0) return undefined;
    for (let byte = 0; byte < count; byte++) bytes.push(value >> byte * 8 & 255);
  }
  return bytes.length <= SALT_BYTES_MAX ? Uint8Array.from(bytes) : undefined;
}
