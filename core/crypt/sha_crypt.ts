/** `$5$` and `$6$`: rounds of SHA-256 and SHA-512, by U. Drepper's "Unix crypt using SHA-256 and SHA-512" [man crypt.5]. */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { digitsOf, Slices } from "./alphabet.ts";

const ROUNDS = { min: 1000, normal: 5000, max: 999_999_999 } as const;
const SALT_CHARACTERS_MAX = 16;
/** Rounds between looks at the clock. */
const ROUNDS_OF_SLICE = 256;

/** Hash, the order in which its bytes are encoded three at a time, and what is left at the end. */
interface Scheme {
  readonly algorithm: "sha256" | "sha512";
  readonly bytes: number;
  /** First byte of a triple to its second and third. */
  next(triple: number): readonly [number, number, number];
  readonly triples: number;
  readonly rest: { readonly bytes: readonly number[]; readonly digits: number };
}

const SCHEMES: Readonly<Record<string, Scheme>> = {
  "5": {
    algorithm: "sha256",
    bytes: 32,
    // 0 10 20, 21 1 11, 12 22 2 …: the columns turn by one each time
    next: (triple) => turned([triple, triple + 10, triple + 20], triple),
    triples: 10,
    rest: { bytes: [31, 30], digits: 3 },
  },
  "6": {
    algorithm: "sha512",
    bytes: 64,
    // 0 21 42, 22 43 1, 44 2 23 …: the other way round
    next: (triple) => turned([triple, triple + 21, triple + 42], -triple),
    triples: 21,
    rest: { bytes: [63], digits: 2 },
  },
};

function turned([a, b, c]: readonly [number, number, number], by: number): readonly [number, number, number] {
  const turns = ((by % 3) + 3) % 3;
  return turns === 0 ? [a, b, c] : turns === 1 ? [c, a, b] : [b, c, a];
}

/** The hash; undefined when the setting is none of these schemes, or has rounds out of bounds. */
export async function shaCrypt(password: Uint8Array, setting: string): Promise<string | undefined> {
  const [, id = "", count, text = ""] = /^\$([56])\$(?:rounds=(\d{1,10})\$)?([^$]*)/.exec(setting) ?? [];
  const scheme = SCHEMES[id];
  if (!scheme || /[\n:]/.test(text)) return undefined;
  const rounds = count === undefined ? ROUNDS.normal : Number(count);
  if (count !== undefined && (/^0/.test(count) || rounds < ROUNDS.min || rounds > ROUNDS.max)) return undefined;
  const salt = text.slice(0, SALT_CHARACTERS_MAX);
  const hash = await stretched(scheme, { password, salt: Buffer.from(salt, "latin1"), rounds });
  return `$${id}$${count === undefined ? "" : `rounds=${rounds}$`}${salt}$${encoded(scheme, hash)}`;
}

async function stretched(
  { algorithm, bytes }: Scheme,
  { password, salt, rounds }: { readonly password: Uint8Array; readonly salt: Uint8Array; readonly rounds: number },
): Promise<Uint8Array> {
  const sha = (...parts: readonly Uint8Array[]): Uint8Array => {
    const hash = createHash(algorithm);
    for (const part of parts) hash.update(part);
    return hash.digest();
  };
  const other = sha(password, salt, password);
  const parts: Uint8Array[] = [password, salt, repeated(other, password.length)];
  for (let bits = password.length; bits > 0; bits >>= 1) parts.push(bits & 1 ? other.subarray(0, bytes) : password);
  let hash = sha(...parts);
  const p = repeated(sha(...Array<Uint8Array>(password.length).fill(password)), password.length);
  const s = repeated(sha(...Array<Uint8Array>(16 + hash[0]!).fill(salt)), salt.length);
  const slices = new Slices();
  for (let round = 0; round < rounds; round++) {
    const odd = (round & 1) === 1;
    const texts = [odd ? p : hash];
    if (round % 3 !== 0) texts.push(s);
    if (round % 7 !== 0) texts.push(p);
    texts.push(odd ? hash : p);
    hash = sha(...texts);
    if (round % ROUNDS_OF_SLICE === 0 && slices.due) await slices.pause();
  }
  return hash;
}

/** The bytes again and again, cut to a length. */
function repeated(bytes: Uint8Array, length: number): Uint8Array {
  const all = new Uint8Array(length);
  for (let at = 0; at < length; at += bytes.length) all.set(bytes.subarray(0, Math.min(bytes.length, length - at)), at);
  return all;
}

function encoded({ next, triples, rest }: Scheme, hash: Uint8Array): string {
  let text = "";
  for (let triple = 0; triple < triples; triple++) {
    const [a, b, c] = next(triple);
    text += digitsOf(hash[a]! << 16 | hash[b]! << 8 | hash[c]!, 4);
  }
  const last = rest.bytes.reduce((value, at) => value << 8 | hash[at]!, 0);
  return text + digitsOf(last, rest.digits);
}
