/**
 * `$2a$`, `$2b$`, `$2y$`: bcrypt, by N. Provos and D. Mazières, "A Future-Adaptable Password Scheme" [man crypt.5]. The tables of
 * Blowfish are the digits of pi, which are computed here.
 */
import { Slices } from "./alphabet.ts";

const DIGITS = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const ROUNDS = 16;
const P_WORDS = ROUNDS + 2;
const S_WORDS = 4 * 256;
const PASSWORD_BYTES_MAX = 72;
const SALT_BYTES = 16;
const HASH_BYTES = 23;
const COST_MIN = 4;
const COST_MAX = 31;
/** "OrpheanBeholderScryDoubt", encrypted this many times. */
const TEXT = [0x4f727068, 0x65616e42, 0x65686f6c, 0x64657253, 0x63727944, 0x6f756274];
const TEXT_ROUNDS = 64;
/** Key schedules between looks at the clock. */
const SCHEDULES_OF_SLICE = 8;

let pi: Uint32Array | undefined;

/** The first words of the fraction of pi, by Machin's formula: 16 atan(1/5) - 4 atan(1/239). */
function piWords(): Uint32Array {
  if (pi) return pi;
  const words = P_WORDS + S_WORDS;
  const bits = BigInt(words * 32);
  const guard = 64n;
  const one = 1n << (bits + guard);
  const atan = (inverse: bigint): bigint => {
    let term = one / inverse;
    let sum = term;
    const square = inverse * inverse;
    for (let odd = 3n, sign = -1n; term > 0n; odd += 2n, sign = -sign) {
      term /= square;
      sum += sign * (term / odd);
    }
    return sum;
  };
  let fraction = ((16n * atan(5n) - 4n * atan(239n)) >> guard) & ((1n << bits) - 1n);
  pi = new Uint32Array(words);
  for (let at = words - 1; at >= 0; at--, fraction >>= 32n) pi[at] = Number(fraction & 0xffffffffn);
  return pi;
}

/** Blowfish with its state. */
class Blowfish {
  readonly #p: Uint32Array;
  readonly #s: Uint32Array;
  left = 0;
  right = 0;

  constructor() {
    const words = piWords();
    this.#p = words.slice(0, P_WORDS);
    this.#s = words.slice(P_WORDS);
  }

  /** Encrypts `left` and `right`. */
  encrypt(): void {
    const [p, s] = [this.#p, this.#s];
    let left = this.left;
    let right = this.right;
    for (let round = 0; round < ROUNDS; round += 2) {
      left ^= p[round]!;
      right ^= (s[left >>> 24]! + s[256 + (left >>> 16 & 255)]! ^ s[512 + (left >>> 8 & 255)]!) +
        s[768 + (left & 255)]!;
      right ^= p[round + 1]!;
      left ^= (s[right >>> 24]! + s[256 + (right >>> 16 & 255)]! ^ s[512 + (right >>> 8 & 255)]!) +
        s[768 + (right & 255)]!;
    }
    this.left = (right ^ p[ROUNDS + 1]!) >>> 0;
    this.right = (left ^ p[ROUNDS]!) >>> 0;
  }

  /** The key schedule: mixes the key, and the salt where there is one, into the tables. */
  expand(key: Uint32Array, salt?: Uint32Array): void {
    const [p, s] = [this.#p, this.#s];
    for (let at = 0; at < P_WORDS; at++) p[at] = p[at]! ^ key[at]!;
    this.left = this.right = 0;
    let next = 0;
    for (const table of [p, s]) {
      for (let at = 0; at < table.length; at += 2) {
        if (salt) {
          this.left ^= salt[next]!;
          this.right ^= salt[next + 1]!;
          next = next + 2 & 3;
        }
        this.encrypt();
        table[at] = this.left;
        table[at + 1] = this.right;
      }
    }
  }
}

/** Bytes again and again as big-endian words, as many as the key schedule takes. */
function keyWords(bytes: Uint8Array): Uint32Array {
  const words = new Uint32Array(P_WORDS);
  for (let at = 0, next = 0; at < P_WORDS * 4; at++, next = (next + 1) % bytes.length) {
    words[at >> 2] = words[at >> 2]! << 8 | bytes[next]!;
  }
  return words;
}

/** The hash; undefined when the setting is none of this scheme. */
export async function bcrypt(password: Uint8Array, setting: string): Promise<string | undefined> {
  const [, prefix = "", cost = "", salt = ""] = /^(\$2[aby]\$(\d\d)\$)([./A-Za-z0-9]{22})/.exec(setting) ?? [];
  const log2 = Number(cost);
  if (prefix === "" || log2 < COST_MIN || log2 > COST_MAX) return undefined;
  const saltBytes = decoded(salt);
  const zeroEnded = new Uint8Array(Math.min(PASSWORD_BYTES_MAX, password.length + 1));
  zeroEnded.set(password.subarray(0, zeroEnded.length));
  const key = keyWords(zeroEnded);
  const saltKey = keyWords(saltBytes);
  const blowfish = new Blowfish();
  blowfish.expand(key, saltKey.subarray(0, 4));
  const slices = new Slices();
  for (let round = 0; round < 2 ** log2; round++) {
    blowfish.expand(key);
    blowfish.expand(saltKey);
    if (round % SCHEDULES_OF_SLICE === 0 && slices.due) await slices.pause();
  }
  return `${prefix}${encoded(saltBytes, SALT_BYTES)}${encoded(encryptedText(blowfish), HASH_BYTES)}`;
}

function encryptedText(blowfish: Blowfish): Uint8Array {
  const bytes = new Uint8Array(TEXT.length * 4);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < TEXT.length; at += 2) {
    blowfish.left = TEXT[at]!;
    blowfish.right = TEXT[at + 1]!;
    for (let round = 0; round < TEXT_ROUNDS; round++) blowfish.encrypt();
    view.setUint32(at * 4, blowfish.left);
    view.setUint32(at * 4 + 4, blowfish.right);
  }
  return bytes;
}

function decoded(text: string): Uint8Array {
  const bytes = new Uint8Array(SALT_BYTES);
  let [value, bits, at] = [0, 0, 0];
  for (const character of text) {
    value = value << 6 | DIGITS.indexOf(character);
    bits += 6;
    if (bits >= 8 && at < bytes.length) {
      bits -= 8;
      bytes[at++] = value >> bits & 255;
      value &= (1 << bits) - 1;
    }
  }
  return bytes;
}

function encoded(bytes: Uint8Array, count: number): string {
  let [text, value, bits] = ["", 0, 0];
  for (const byte of bytes.subarray(0, count)) {
    value = value << 8 | byte;
    for (bits += 8; bits >= 6;) {
      bits -= 6;
      text += DIGITS[value >> bits & 63];
    }
    value &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + DIGITS[value << 6 - bits & 63];
}
