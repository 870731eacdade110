/** Cuts an exchange into lines with their numbers; large reads, a limit on lines. Errors name file and line. */
import { Permanent } from "../../core/errors.ts";
import type { ByteReader } from "../../core/stream.ts";
import { type Line, LINE_BYTES_MAX, parseLine } from "./exchange_lines.ts";

const READ_BYTES = 256 * 1024;
const LF = 10;

/** The name of a file on the command line. Throws Permanent when it can be of none. */
export function checkFileName(path: string): string {
  if (path === "" || path.endsWith("/") || /\p{Cc}/u.test(path)) {
    throw new Permanent(`${JSON.stringify(path)} is not the name of a file`);
  }
  return path;
}

/** A line with its place, `FILE line N`. */
export interface PlacedLine {
  readonly line: Line;
  readonly number: number;
}

/** What is told while lines are read. */
export interface ReadOptions {
  /** What messages call the file. */
  readonly name: string;
  /** Hears how many bytes have been read. */
  readonly read?: (bytes: number) => void;
}

/**
 * The lines of an exchange, some at a time; the first is the header, the last the end. Throws Permanent naming file and
 * line, also when the end is missing or does not fit.
 */
export async function* readExchange(from: ByteReader, options: ReadOptions): AsyncGenerator<readonly PlacedLine[]> {
  let number = 0;
  let ended = false;
  for await (const texts of readTexts(from, options)) {
    const placed: PlacedLine[] = [];
    for (const text of texts) {
      number++;
      if (text.length > LINE_BYTES_MAX) throw tooLong(options.name, number);
      const line = parsed(text, `${options.name} line ${number}`);
      const wrong = wrongPlace(line, { number, ended });
      if (wrong !== undefined) throw new Permanent(`${options.name} line ${number}: ${wrong}`);
      ended = line.kind === "end";
      placed.push({ line, number });
    }
    yield placed;
  }
  if (number === 0) throw new Permanent(`${options.name} is empty`);
  if (!ended) {
    throw new Permanent(
      `${options.name} line ${number}: the last line is missing: the file was cut off; export it again`,
    );
  }
}

function tooLong(name: string, number: number): Permanent {
  return new Permanent(`${name} line ${number} has more than ${LINE_BYTES_MAX} bytes`);
}

function parsed(text: string, place: string): Line {
  try {
    return parseLine(text);
  } catch (error) {
    if (error instanceof Permanent) throw new Permanent(`${place} ${error.message}`);
    throw error;
  }
}

function wrongPlace(line: Line, { number, ended }: { readonly number: number; readonly ended: boolean }) {
  if (ended) return "comes after the last line";
  if (number === 1) return line.kind === "header" ? undefined : "this is no file of indimail export";
  if (line.kind === "header") return "a second beginning: give one file at a time";
  if (line.kind === "end" && line.lines !== number - 1) {
    return `it says that ${line.lines} lines come before it, and there are ${number - 1}`;
  }
  return undefined;
}

async function* readTexts(from: ByteReader, { name, read }: ReadOptions): AsyncGenerator<readonly string[]> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let buffer = new Uint8Array(READ_BYTES + LINE_BYTES_MAX);
  let [used, total, lines] = [0, 0, 0];
  const decoded = (bytes: Uint8Array): string[] => {
    try {
      return decoder.decode(bytes).split("\n");
    } catch {
      throw new Permanent(`${name} line ${lines + 1} or one after it is not UTF-8`);
    }
  };
  for (;;) {
    if (used > LINE_BYTES_MAX) throw tooLong(name, lines + 1);
    const count = await from.read(buffer.subarray(used, used + READ_BYTES));
    if (count === null) break;
    total += count;
    read?.(total);
    const last = buffer.subarray(used, used + count).lastIndexOf(LF);
    const end = used + last;
    used += count;
    if (last < 0) continue;
    const texts = decoded(buffer.subarray(0, end));
    lines += texts.length;
    yield texts;
    buffer.copyWithin(0, end + 1, used);
    used -= end + 1;
  }
  if (used > 0) yield decoded(buffer.subarray(0, used));
  buffer = new Uint8Array(0);
}
