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
    const at = head + from * 4;
    const last = at === 0 ? before : bytes[at - 1]!;
    if (last === CR || !countWithoutCr(words, from, to)) countWithCr(words, { from, to }, last);
    lines += sumOfBytes(lineCounts);
    bare += sumOfBytes(bareCounts);
  }
  count(head + words.length * 4, bytes.length);
  return { lines, bare };
}

/** What the two below found: four counts of a byte each. */
let lineCounts = 0;
let bareCounts = 0;

/** Counts in at most WORDS_PER_SUM words; false when a CR is among them: then the counts are of no use. */
function countWithoutCr(words: Int32Array, from: number, to: number): boolean {
  let lines = 0;
  let crs = 0;
  for (let index = from; index < to; index++) {
    const word = words[index]!;
    const lf = word ^ FOUR_LF;
    // a bit for each byte that is zero, and no other: the sum of the low seven bits carries into no neighbour
    lines = (lines + ((~(((lf & LOW_BITS) + LOW_BITS) | lf | LOW_BITS) >>> 7) & ONES)) | 0;
    const cr = word ^ FOUR_CR;
    crs |= (cr - ONES) & ~cr;
  }
  lineCounts = bareCounts = lines;
  return (crs & HIGH_BITS) === 0;
}

/** Counts in at most WORDS_PER_SUM words (low byte first); `before` is the byte before them. */
function countWithCr(words: Int32Array, range: { readonly from: number; readonly to: number }, before: number): void {
  let lines = 0;
  let bare = 0;
  let last = before;
  for (let index = range.from; index < range.to; index++) {
    const word = words[index]!;
    const lf = word ^ FOUR_LF;
    const isLf = ~(((lf & LOW_BITS) + LOW_BITS) | lf | LOW_BITS);
    const cr = ((word << 8) | last) ^ FOUR_CR;
    const isBehindCr = ~(((cr & LOW_BITS) + LOW_BITS) | cr | LOW_BITS);
    lines = (lines + ((isLf >>> 7) & ONES)) | 0;
    bare = (bare + (((isLf & ~isBehindCr) >>> 7) & ONES)) | 0;
    last = word >>> 24;
  }
  lineCounts = lines;
  bareCounts = bare;
}

function sumOfBytes(counts: number): number {
  return (counts & 0xff) + ((counts >>> 8) & 0xff) + ((counts >>> 16) & 0xff) + (counts >>> 24);
}
