/** Counts line ends four bytes at a time: the mailbox index needs the size in network form of every message. */

const LF = 10;
const CR = 13;
/** Four LFs, for the test whether a word has one: zero bytes of `word ^ FOUR_LF` are found by borrow and high bits. */
const FOUR_LF = 0x0a0a0a0a;
/** Below it words are not worth their setting up. */
const WORDS_FROM_BYTES = 16;

/** Arrays that are shorter may have no word at a multiple of four. */
const SHORT_BYTES = 8;

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
  for (let index = 0; index < words.length; index++) {
    const word = words[index]! ^ FOUR_LF;
    if (((word - 0x01010101) & ~word & 0x80808080) === 0) continue;
    const at = head + index * 4;
    count(at, at + 4);
  }
  count(head + words.length * 4, bytes.length);
  return { lines, bare };
}
