/**
 * A stream as lines of latin1 text, in large reads: a log of gigabytes passes in constant memory. Lines are parts of the
 * text of a whole read; who keeps one keeps a copy (ownText), or the read stays in memory with it.
 */
import { latin1Bytes, latin1Text, utf8Bytes } from "../../core/bytes.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import type { ByteReader, ByteWriter } from "../../core/stream.ts";

const READ_BYTES = 256 * 1024;
/** Longest line; what is longer comes in pieces of this size. */
export const LINE_BYTES_MAX = 1024 * 1024;
/** V8 copies parts of a text that are shorter than this anyway. */
const SLICE_LENGTH_MIN = 13;
const LF = 10;

/**
 * Calls `onLine` with each line, without its LF, and after the lines of each read waits for `afterRead`. Gives what stood
 * behind the last LF. Throws Temporary when the input cannot be read.
 */
export async function forEachLine(
  input: ByteReader,
  onLine: (line: string) => void,
  afterRead: () => Promise<void> | void = () => undefined,
): Promise<string> {
  const buffer = new Uint8Array(READ_BYTES);
  let rest = "";
  for (;;) {
    const count = await readInput(input, buffer);
    if (count === null) return rest;
    const bytes = buffer.subarray(0, count);
    const text = latin1Text(bytes);
    const lastLf = bytes.lastIndexOf(LF);
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0 && start <= lastLf; end = text.indexOf("\n", start)) {
      onLine(start === 0 && rest !== "" ? rest + text.slice(0, end) : text.slice(start, end));
      start = end + 1;
    }
    rest = start === 0 ? rest + text : ownText(text.slice(start));
    while (rest.length >= LINE_BYTES_MAX) {
      onLine(rest.slice(0, LINE_BYTES_MAX));
      rest = rest.slice(LINE_BYTES_MAX);
    }
    await afterRead();
  }
}

async function readInput(input: ByteReader, buffer: Uint8Array): Promise<number | null> {
  try {
    return await input.read(buffer);
  } catch (error) {
    throw error instanceof Temporary ? error : new Temporary(`unable to read the input: ${errorText(error)}`);
  }
}

/** The same text, apart from the larger one that it was cut from. */
export function ownText(text: string): string {
  return text.length < SLICE_LENGTH_MIN ? text : ` ${text}`.slice(1); // now a part of a text of its own
}

/** Text in ASCII lower case, as matchup folds addresses; other bytes stay. */
export function lowerText(text: string): string {
  return /[A-Z]/.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text;
}

/** Latin1 text that is gathered and written in large pieces. */
export class TextWriter {
  readonly #writer: ByteWriter;
  #parts: string[] = [];

  constructor(writer: ByteWriter) {
    this.#writer = writer;
  }

  line(text: string): void {
    this.#parts.push(text, "\n");
  }

  text(text: string): void {
    this.#parts.push(text);
  }

  async flush(): Promise<void> {
    if (this.#parts.length === 0) return;
    const text = this.#parts.join("");
    this.#parts = [];
    const bytes = utf8Bytes(text); // the quickest for ASCII
    await this.#writer.write(bytes.length === text.length ? bytes : latin1Bytes(text));
  }
}
