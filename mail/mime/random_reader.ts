/** Bytes of a file that are read where they are wanted: for containers in messages, whose parts need not stand in order. */

/** Reads at any place. */
export interface RandomReader {
  readonly size: number;
  /** At most `length` bytes from `at`; fewer only at the end. */
  read(at: number, length: number): Uint8Array;
}

/** A reader of bytes that are in memory. */
export function bytesReader(bytes: Uint8Array): RandomReader {
  return { size: bytes.length, read: (at, length) => bytes.subarray(at, at + length) };
}

/** A range of a container's bytes. */
export interface ByteRange {
  readonly at: number;
  readonly length: number;
}

/** A file in a container: its name as written and where its bytes lie, in order. */
export interface ContainedFile {
  readonly name: string;
  readonly ranges: readonly ByteRange[];
}
