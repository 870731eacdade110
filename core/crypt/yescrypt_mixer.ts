/**
 * The mixing of yescrypt: blocks of memory filled and read at places that the data itself chooses [rfc7914 5], by a function that
 * looks numbers up in boxes which it changes (pwxform). Words are kept in the order in which Salsa20 takes them by columns.
 */
import type { Slices } from "./alphabet.ts";

/** Rounds, lanes, and pairs of words of a lane, of pwxform. */
const ROUNDS = 6;
const GATHER = 4;
const SIMPLE = 2;
/** Words of one of the three boxes, and which bits of a word choose a place in it. */
const BOX_WORDS = 1024;
const BOX_MASK = 4080;
/** Pairs of words in a box. */
const BOX_PAIRS = 512;
/** Blocks of 128 bytes in the boxes. */
const BOX_BLOCKS = 96;
/** Block mixings between looks at the clock. */
const MIXINGS_OF_SLICE = 16;

/** Salsa20 of 16 words, which stand by columns; `rounds` is even. */
function salsa20(words: Uint32Array, at: number, rounds: number): void {
  const x = new Uint32Array(16);
  for (let i = 0; i < 16; i++) x[i * 5 & 15] = words[at + i]!;
  const turn = (to: number, a: number, b: number, bits: number) => {
    const sum = x[a]! + x[b]! | 0;
    x[to] = x[to]! ^ (sum << bits | sum >>> 32 - bits);
  };
  const quarter = (a: number, b: number, c: number, d: number) => {
    turn(b, a, d, 7);
    turn(c, b, a, 9);
    turn(d, c, b, 13);
    turn(a, d, c, 18);
  };
  for (let round = 0; round < rounds; round += 2) {
    quarter(0, 4, 8, 12);
    quarter(5, 9, 13, 1);
    quarter(10, 14, 2, 6);
    quarter(15, 3, 7, 11);
    quarter(0, 1, 2, 3);
    quarter(5, 6, 7, 4);
    quarter(10, 11, 8, 9);
    quarter(15, 12, 13, 14);
  }
  for (let i = 0; i < 16; i++) words[at + i] = words[at + i]! + x[i * 5 & 15]!;
}

/** The block of one hash, and the boxes and the memory that it is mixed with. */
export class Mixer {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #n: number;
  readonly #r: number;
  readonly #boxes = new Uint32Array(3 * BOX_WORDS);
  /** Where the first, second and third box are; they change their roles. */
  #s0 = 2 * BOX_WORDS;
  #s1 = BOX_WORDS;
  #s2 = 0;
  /** The pair of the third box that is written next. */
  #next = 0;

  /** Mixes `bytes`, 128 for each of `r`, with `n` copies of them. */
  constructor(bytes: Uint8Array, { n, r }: { readonly n: number; readonly r: number }) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#n = n;
    this.#r = r;
  }

  /** Fills the boxes by scrypt's mixing of the first 128 bytes. */
  fillBoxes(): void {
    const x = this.#load(1);
    const y = new Uint32Array(32);
    for (let block = 0; block < BOX_BLOCKS; block++) {
      this.#boxes.set(x, block * 32);
      for (let i = 0; i < 16; i++) y[i] = x[i]! ^ x[16 + i]!;
      salsa20(y, 0, 8);
      for (let i = 0; i < 16; i++) y[16 + i] = x[16 + i]! ^ y[i]!;
      salsa20(y, 16, 8);
      x.set(y);
    }
    this.#store(x, 1);
  }

  /** Fills the memory and mixes; `t` is the time parameter. */
  async mix(t: number, slices: Slices): Promise<void> {
    const [n, words] = [this.#n, this.#r * 32];
    const memory = new Uint32Array(n * words);
    const x = this.#load(this.#r);
    for (let i = 0; i < n; i++) {
      memory.set(x, i * words);
      if (i > 1) {
        const power = 2 ** (31 - Math.clz32(i));
        mixIn(x, memory, ((integerify(x) & power - 1) + i - power) * words);
      }
      this.#mixBlock(x);
      if (i % MIXINGS_OF_SLICE === 0 && slices.due) await slices.pause();
    }
    const { all, changing } = loops(n, t);
    for (let i = 0; i < all; i++) {
      const at = (integerify(x) & n - 1) * words;
      mixIn(x, memory, at);
      if (i < changing) memory.set(x, at);
      this.#mixBlock(x);
      if (i % MIXINGS_OF_SLICE === 0 && slices.due) await slices.pause();
    }
    this.#store(x, this.#r);
  }

  #load(r: number): Uint32Array {
    const words = new Uint32Array(r * 32);
    for (let at = 0; at < words.length; at++) words[at] = this.#view.getUint32(place(at), true);
    return words;
  }

  #store(words: Uint32Array, r: number): void {
    for (let at = 0; at < r * 32; at++) this.#view.setUint32(place(at), words[at]!, true);
  }

  #mixBlock(x: Uint32Array): void {
    const last = x.length - 16;
    let before = last;
    for (let at = 0; at < x.length; at += 16) {
      for (let i = 0; i < 16; i++) x[at + i] = x[at + i]! ^ x[before + i]!;
      this.#transform(x, at);
      before = at;
    }
    salsa20(x, last, 2);
  }

  /** pwxform of 16 words: four lanes of two pairs, each pair multiplied, and combined with pairs of two boxes. */
  #transform(x: Uint32Array, start: number): void {
    const boxes = this.#boxes;
    const [s0, s1, s2] = [this.#s0, this.#s1, this.#s2];
    let next = s2 + this.#next * 2;
    for (let round = 0; round < ROUNDS; round++) {
      const writes = round > 0 && round < ROUNDS - 1;
      for (let lane = 0; lane < GATHER; lane++) {
        let at = start + lane * SIMPLE * 2;
        let p0 = s0 + ((x[at]! & BOX_MASK) >>> 2);
        let p1 = s1 + ((x[at + 1]! & BOX_MASK) >>> 2);
        for (let pair = 0; pair < SIMPLE; pair++, at += 2, p0 += 2, p1 += 2) {
          const low = x[at]!;
          const high = x[at + 1]!;
          const small = Math.imul(low & 0xffff, high & 0xffff);
          const middle = Math.imul(low >>> 16, high & 0xffff);
          const other = Math.imul(low & 0xffff, high >>> 16);
          const carried = (small >>> 16) + (middle & 0xffff) + (other & 0xffff);
          const sum = ((carried << 16 | small & 0xffff) >>> 0) + boxes[p0]!;
          const top = Math.imul(low >>> 16, high >>> 16) + (middle >>> 16) + (other >>> 16) + (carried >>> 16);
          const newLow = sum ^ boxes[p1]!;
          const newHigh = (top + boxes[p0 + 1]! + (sum > 0xffffffff ? 1 : 0)) ^ boxes[p1 + 1]!;
          x[at] = newLow;
          x[at + 1] = newHigh;
          if (!writes) continue;
          boxes[next++] = newLow;
          boxes[next++] = newHigh;
        }
      }
    }
    this.#next = (next - s2) / 2 % BOX_PAIRS;
    [this.#s0, this.#s1, this.#s2] = [s2, s0, s1];
  }
}

/** Byte of the block at which the word stands that is kept at `at`. */
function place(at: number): number {
  return 4 * ((at & ~15) + (at * 5 & 15));
}

function mixIn(x: Uint32Array, memory: Uint32Array, from: number): void {
  for (let at = 0; at < x.length; at++) x[at] = x[at]! ^ memory[from + at]!;
}

/** The number that a block stands for: the first word of its last 64 bytes. */
function integerify(x: Uint32Array): number {
  return x[x.length - 16]!;
}

/** How often the memory is read, and how often of these it is changed, both even. */
function loops(n: number, t: number): { readonly all: number; readonly changing: number } {
  const thirds = t === 0 ? n : n * 2;
  const count = t <= 1 ? Math.floor((thirds + 2) / 3) : n * (t - 1);
  return { all: count + count % 2, changing: count - count % 2 };
}
