/** Counts line ends four bytes at a time: the mailbox index needs the size in network form of every message. */

const LF = 10;
const CR = 13;
/** Four LFs: bytes of `word ^ FOUR_LF` that are zero are LFs. */
const FOUR_LF = 0x0a0a0a0a;
const LOW_BITS = 0x7f7f7f7f;
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
  const lines = countLf(bytes);
  if (lines === 0) return { lines, bare: 0 };
  let withCr = before === CR && bytes[0] === LF ? 1 : 0;
  for (let at = bytes.indexOf(CR); at >= 0; at = bytes.indexOf(CR, at + 1)) if (bytes[at + 1] === LF) withCr++;
  return { lines, bare: lines - withCr };
}

function countLf(bytes: Uint8Array): number {
  let lines = 0;
  if (bytes.length < WORDS_FROM_BYTES) {
    for (let at = 0; at < bytes.length; at++) if (bytes[at] === LF) lines++;
    return lines;
  }
  const head = (4 - (bytes.byteOffset & 3)) & 3;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + head, (bytes.length - head) >> 2);
  for (let at = 0; at < head; at++) if (bytes[at] === LF) lines++;
  for (let from = 0; from < words.length; from += WORDS_PER_SUM) {
    const to = Math.min(from + WORDS_PER_SUM, words.length);
    let counts = 0;
    for (let index = from; index < to; index++) {
      const word = words[index]! ^ FOUR_LF;
      // a bit for each byte that is zero, and no other: the sum of the low seven bits carries into no neighbour
      counts = (counts + ((~(((word & LOW_BITS) + LOW_BITS) | word | LOW_BITS) >>> 7) & ONES)) | 0;
    }
    lines += (counts & 0xff) + ((counts >>> 8) & 0xff) + ((counts >>> 16) & 0xff) + (counts >>> 24);
  }
  for (let at = head + words.length * 4; at < bytes.length; at++) if (bytes[at] === LF) lines++;
  return lines;
}
