/** The traditional hash of 13 characters: 25 times DES (FIPS 46-3) with a salted expansion [man crypt.5]. */
import { DIGITS } from "./alphabet.ts";

const ENCRYPTIONS = 25;
const ROUNDS = 16;
const PASSWORD_BYTES_MAX = 8;

/** Rows of a table of the standard, as they are printed there: numbers of bits, counted from 1. */
function table(text: string): readonly number[] {
  return text.trim().split(/\s+/).map((number) => Number(number) - 1);
}

const KEY_CHOICE_1 = table(`57 49 41 33 25 17 9 1 58 50 42 34 26 18 10 2 59 51 43 35 27 19 11 3 60 52 44 36
  63 55 47 39 31 23 15 7 62 54 46 38 30 22 14 6 61 53 45 37 29 21 13 5 28 20 12 4`);
const KEY_CHOICE_2 = table(`14 17 11 24 1 5 3 28 15 6 21 10 23 19 12 4 26 8 16 7 27 20 13 2
  41 52 31 37 47 55 30 40 51 45 33 48 44 49 39 56 34 53 46 42 50 36 29 32`);
const KEY_SHIFTS = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1];
const EXPANSION = table(`32 1 2 3 4 5 4 5 6 7 8 9 8 9 10 11 12 13 12 13 14 15 16 17
  16 17 18 19 20 21 20 21 22 23 24 25 24 25 26 27 28 29 28 29 30 31 32 1`);
const PERMUTATION = table("16 7 20 21 29 12 28 17 1 15 23 26 5 18 31 10 2 8 24 14 32 27 3 9 19 13 30 6 22 11 4 25");
const FINAL = table(`40 8 48 16 56 24 64 32 39 7 47 15 55 23 63 31 38 6 46 14 54 22 62 30 37 5 45 13 53 21 61 29
  36 4 44 12 52 20 60 28 35 3 43 11 51 19 59 27 34 2 42 10 50 18 58 26 33 1 41 9 49 17 57 25`);
/** The eight S boxes, four rows of sixteen each, as hexadecimal digits. */
const BOXES = [
  "e4d12fb83a6c5907 0f74e2d1a6cb9538 41e8d62bfc973a50 fc8249175b3ea06d",
  "f18e6b34972dc05a 3d47f28ec01a69b5 0e7ba4d158c6932f d8a13f42b67c05e9",
  "a09e63f51dc7b428 d709346a285ecbf1 d6498f30b12c5ae7 1ad069874fe3b52c",
  "7de3069a1285bc4f d8b56f03472c1ae9 a690cb7df13e5284 3f06a1d8945bc72e",
  "2c417ab6853fd0e9 eb2c47d150fa3986 421bad78f9c5630e b8c71e2d6f09a453",
  "c1af92680d34e75b af427c9561de0b38 9ef528c3704a1db6 432c95fabe17608d",
  "4b2ef08d3c975a61 d0b7491ae35c2f86 14bdc37eaf680592 6bd814a7950fe23c",
  "d2846fb1a93e50c7 1fd8a374c56b0e92 7b419ce206adf358 21e74a8dfc90356b",
];

let boxes: readonly Uint8Array[] | undefined;

/** The boxes by their six bits of input: the outer two choose the row. */
function boxTables(): readonly Uint8Array[] {
  return boxes ??= BOXES.map((text) => {
    const digits = text.replaceAll(" ", "");
    return Uint8Array.from({ length: 64 }, (_, input) => {
      const row = (input >> 4 & 2) | (input & 1);
      return parseInt(digits[row * 16 + (input >> 1 & 15)]!, 16);
    });
  });
}

/** The hash; undefined when the setting does not begin with two characters of the alphabet. */
export function desCrypt(password: Uint8Array, setting: string): string | undefined {
  const salt = setting.slice(0, 2);
  if (!/^[./0-9A-Za-z]{2}$/.test(salt)) return undefined;
  const saltBits = DIGITS.indexOf(salt[0]!) | DIGITS.indexOf(salt[1]!) << 6;
  const expansion = saltedExpansion(saltBits);
  const keys = roundKeys(password);
  let left = new Uint8Array(32);
  let right = new Uint8Array(32);
  for (let time = 0; time < ENCRYPTIONS; time++) {
    for (let round = 0; round < ROUNDS; round++) {
      const mixed = roundOutput(right, expansion, keys[round]!);
      for (let bit = 0; bit < 32; bit++) mixed[bit] = mixed[bit]! ^ left[bit]!;
      left = right;
      right = mixed;
    }
    [left, right] = [right, left]; // the last round does not exchange them
  }
  const both = new Uint8Array(64);
  both.set(left);
  both.set(right, 32);
  return salt + encoded(FINAL.map((bit) => both[bit]!));
}

/** A bit of the salt exchanges a bit of the expansion's first half with that of its second. */
function saltedExpansion(saltBits: number): readonly number[] {
  const expansion = [...EXPANSION];
  for (let bit = 0; bit < 12; bit++) {
    if ((saltBits >> bit & 1) === 0) continue;
    [expansion[bit], expansion[bit + 24]] = [expansion[bit + 24]!, expansion[bit]!];
  }
  return expansion;
}

/** The keys of the rounds: seven bits of each character of the password. */
function roundKeys(password: Uint8Array): readonly Uint8Array[] {
  const bits = new Uint8Array(64);
  for (let at = 0; at < Math.min(PASSWORD_BYTES_MAX, password.length); at++) {
    for (let bit = 0; bit < 7; bit++) bits[at * 8 + bit] = password[at]! >> 6 - bit & 1;
  }
  let halves = KEY_CHOICE_1.map((bit) => bits[bit]!);
  return KEY_SHIFTS.map((shift) => {
    const [c, d] = [halves.slice(0, 28), halves.slice(28)];
    halves = [...c.slice(shift), ...c.slice(0, shift), ...d.slice(shift), ...d.slice(0, shift)];
    return Uint8Array.from(KEY_CHOICE_2, (bit) => halves[bit]!);
  });
}

function roundOutput(right: Uint8Array, expansion: readonly number[], key: Uint8Array): Uint8Array<ArrayBuffer> {
  const substituted = new Uint8Array(32);
  for (const [box, values] of boxTables().entries()) {
    let input = 0;
    for (let bit = box * 6; bit < box * 6 + 6; bit++) input = input << 1 | right[expansion[bit]!]! ^ key[bit]!;
    const output = values[input]!;
    for (let bit = 0; bit < 4; bit++) substituted[box * 4 + bit] = output >> 3 - bit & 1;
  }
  return Uint8Array.from(PERMUTATION, (bit) => substituted[bit]!);
}

/** 64 bits as eleven digits of six, two zero bits at the end. */
function encoded(bits: readonly number[]): string {
  let text = "";
  for (let at = 0; at < 66; at += 6) {
    let value = 0;
    for (let bit = at; bit < at + 6; bit++) value = value << 1 | (bits[bit] ?? 0);
    text += DIGITS[value];
  }
  return text;
}
