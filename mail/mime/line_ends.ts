/** Counts line ends four bytes at a time: the mailbox index needs the size in network form of every message. */

const LF = 10;
const CR = 13;
/** Four LFs: bytes of `word ^ FOUR_LF` that are zero are LFs. */
const FOUR_LF = 0x0a0a0a0a;
/** Four CRs. */
const FOUR_CR = 0x0d0d0d0d;
const LOW_BITS = 0x7f7f7f7f;
const HIGH_BITS = 0x80808080;
const ONES = 0x01010101;
/** Below it words are not worth their setting up. */
const WORDS_FROM_BYTES = 16;
/** Words after which the four counts, of a byte each, may overflow. */
const WORDS_PER_SUM = 255;

/** Line ends, and how many of them are a LF without a CR before it. */
export interface LineEnds {
  readonly lines: number;
  readonly bare: number;
}

/** Counts the line ends of `bytes`; `before` is the byte before the first. */
export function countLineEnds(bytes: Uint8Array, before: number): LineEnds {
  let lines = 0;
  let bare = 0;
  const count = (from: number, to: number) => {
    for (let at = from; at < to; at++) {
      if (bytes[at] !== LF) continue;
      lines++;
      if ((at === 0 ? before : bytes[at - 1]) !== CR) bare++;
    }
  };
  if (bytes.length < WORDS_FROM_BYTES) {
    count(0, bytes.length);
    return { lines, bare };
  }
  const head = (4 - (bytes.byteOffset & 3)) & 3;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + head, (bytes.length - head) >> 2);
  count(0, head);
  for (let from = 0; from < words.length; from += WORDS_PER_SUM) {
    const to = Math.min(from + WORDS_PER_SUM, words.length);
    const found = countWithoutCr(words, from, to);
    const at = head + from * 4;
    // a CR right before these words belongs to a LF at their beginning
    if (found < 0 || (at === 0 ? before : bytes[at - 1]) === CR) count(at, head + to * 4);
    else {
      lines += found;
      bare += found;
    }
  }
  count(head + words.length * 4, bytes.length);
  return { lines, bare };
}

/** The LFs in at most WORDS_PER_SUM words, -1 when a CR is among them. */
function countWithoutCr(words: Int32Array, from: number, to: number): number {
  let counts = 0;
  let crs = 0;
  for (let index = from; index < to; index++) {
    const word = words[index]!;
    const lf = word ^ FOUR_LF;
    // a bit for each byte that is zero, and no other: the sum of the low seven bits carries into no neighbour
    counts = (counts + ((~(((lf & LOW_BITS) + LOW_BITS) | lf | LOW_BITS) >>> 7) & ONES)) | 0;
    const cr = word ^ FOUR_CR;
    crs |= (cr - ONES) & ~cr;
  }
  if ((crs & HIGH_BITS) !== 0) return -1;
  return (counts & 0xff) + ((counts >>> 8) & 0xff) + ((counts >>> 16) & 0xff) + (counts >>> 24);
}
