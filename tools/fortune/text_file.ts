/** A file of texts with its index. */
import { errorText, Permanent, Temporary } from "../../core/errors.ts";
import { FLAGS, parseIndex, rotate, TEXT_BYTES_MAX, textAt, type TextIndex } from "./index_file.ts";

/** Reads a file. Throws Permanent when it is absent, Temporary for all else. */
export function readBytes(path: string): Uint8Array {
  try {
    if (Deno.statSync(path).size > TEXT_BYTES_MAX) throw new Permanent(`${path} is larger than 4 GB`);
    return Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Permanent) throw error;
    if (error instanceof Deno.errors.NotFound) throw new Permanent(`${path}: there is no such file`);
    throw new Temporary(`unable to read ${path}: ${errorText(error)}`);
  }
}

/** Texts that can be had by number. */
export class TextFile {
  readonly path: string;
  readonly index: TextIndex;
  #bytes: Uint8Array | undefined;

  private constructor(path: string, index: TextIndex) {
    this.path = path;
    this.index = index;
  }

  /** A file whose index is known. */
  static of(path: string, index: TextIndex): TextFile {
    return new TextFile(path, index);
  }

  /** Opens a file by its index; the texts are read when they are asked for. */
  static open(path: string, indexPath = `${path}.dat`): TextFile {
    return new TextFile(path, parseIndex(readBytes(indexPath), indexPath));
  }

  /** The bytes of a text by its number in the index, readable (not rotated). */
  text(number: number): Uint8Array {
    const bytes = this.raw()(number);
    return this.index.flags & FLAGS.rotated ? rotate(bytes) : bytes;
  }

  /** Gives texts by number as they stand in the file. */
  raw(): (number: number) => Uint8Array {
    const bytes = this.#bytes ??= readBytes(this.path);
    return (number) => {
      const offset = this.index.offsets[number] ?? 0;
      if (offset > bytes.length) throw new Permanent(`${this.path} does not fit its index: make it with strfile`);
      const { start, end } = textAt(bytes, offset, this.index.delimiter);
      return bytes.subarray(start, end);
    };
  }
}
