/**
 * The head of a message as the 822 programs see it: lines up to the first that can be no part of a header, which is the
 * empty line or the body's first. Read in large pieces; the rest of the input is passed on as it comes.
 */
import type { Proc } from "../../core/applet.ts";
import { concatBytes, latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { Permanent } from "../../core/errors.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import type { ByteReader, ByteWriter } from "../../core/stream.ts";
import { readInput } from "./message_files.ts";

/** Bytes of a header above which it is refused. Ours; real ones have some kilobytes. */
export const HEAD_BYTES_MAX = 16 * 1024 * 1024;
const READ_BYTES = 64 * 1024;
/** Bytes without a colon above which a line is taken for text without its end being known. Ours. */
const NAME_BYTES_MAX = 64 * 1024;
const LF = 10;
const CR = 13;
const COLON = 58;
const EMPTY = new Uint8Array();

/** A head, and where the message goes on. */
export interface MessageHead {
  /** Its lines as latin1 text with their line ends; the last may have none. */
  readonly lines: readonly string[];
  /** The line that ended it, with its line end; empty at the end of the input. */
  readonly ending: Uint8Array;
  /** What was read beyond that line. */
  readonly rest: Uint8Array;
}

/** A field: its lines in one, with line ends. */
export interface HeadField {
  /** As written. */
  readonly name: string;
  readonly raw: string;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 32 || byte === 9;
}

/** Whether a line, without or with its line end, can be part of a header [man 822header.1]. */
export function isHeadLine(bytes: Uint8Array, from: number, to: number): boolean {
  if (from === to || bytes[from] === LF) return false;
  if (isBlank(bytes[from])) return true;
  let colon = bytes.indexOf(COLON, from);
  if (colon < 0 || colon >= to) return false;
  while (colon > from && isBlank(bytes[colon - 1])) colon--;
  if (colon === from) return false;
  for (let at = from; at < colon; at++) if (bytes[at]! < 33 || bytes[at]! > 126) return false;
  return true;
}

/** Whether a line is empty but for its line end. */
export function isEmptyLine(line: Uint8Array): boolean {
  return line.length === 0 || line[0] === LF || (line.length === 2 && line[0] === CR && line[1] === LF);
}

/** Whether the beginning of a long line shows that it is none of a header: no name ends in it. */
function isTextStart(line: Uint8Array): boolean {
  if (line.length < NAME_BYTES_MAX || isBlank(line[0])) return false;
  const colon = line.indexOf(COLON);
  return colon < 0 || !isHeadLine(line, 0, colon + 1);
}

/** Reads the head of a message. Throws Permanent above HEAD_BYTES_MAX. */
export async function readHead(reader: ByteReader): Promise<MessageHead> {
  const buffer = new Uint8Array(READ_BYTES);
  const lines: string[] = [];
  let pending: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const count = await readInput(reader, buffer);
    if (count === null) break;
    const bytes = pending.length === 0 ? buffer.slice(0, count) : undefined;
    size += count;
    if (size > HEAD_BYTES_MAX) throw new Permanent(`the header is longer than ${HEAD_BYTES_MAX} bytes`);
    if (bytes === undefined && buffer.subarray(0, count).indexOf(LF) < 0) {
      pending.push(buffer.slice(0, count));
      continue;
    }
    const piece = bytes ?? concatBytes(...pending, buffer.subarray(0, count));
    const at = takeLines(piece, lines);
    if (at.ended) return { lines, ending: piece.subarray(at.from, at.to), rest: piece.subarray(at.to) };
    pending = at.from < piece.length ? [piece.subarray(at.from)] : [];
    const unfinished = pending[0];
    if (unfinished && isTextStart(unfinished)) return { lines, ending: unfinished, rest: EMPTY };
  }
  const last = concatBytes(...pending);
  if (!isHeadLine(last, 0, last.length)) return { lines, ending: last, rest: EMPTY };
  lines.push(textOf(last, 0, last.length));
  return { lines, ending: EMPTY, rest: EMPTY };
}

/** Takes whole lines until one ends the head: that line's place, or where the last, unfinished line begins. */
function takeLines(bytes: Uint8Array, lines: string[]): { ended: boolean; from: number; to: number } {
  let from = 0;
  for (;;) {
    const to = bytes.indexOf(LF, from) + 1;
    if (to === 0) return { ended: false, from, to: bytes.length };
    if (!isHeadLine(bytes, from, to)) return { ended: true, from, to };
    lines.push(textOf(bytes, from, to));
    from = to;
  }
}

function textOf(bytes: Uint8Array, from: number, to: number): string {
  return latin1Text(bytes.subarray(from, to));
}

/** The fields of a head in order; lines that continue nothing belong to a field without a name. */
export function fieldsOf(lines: readonly string[]): readonly HeadField[] {
  const fields: { name: string; raw: string[] }[] = [];
  for (const line of lines) {
    const before = fields.at(-1);
    if (before && (line[0] === " " || line[0] === "\t")) before.raw.push(line);
    else fields.push({ name: /^[!-9;-~]*/.exec(line)?.[0] ?? "", raw: [line] });
  }
  return fields.map(({ name, raw }) => ({ name, raw: raw.length === 1 ? raw[0]! : raw.join("") }));
}

/** The value of a field in one line: all behind the colon, without LFs [man 822field.1]. */
export function fieldValue(field: HeadField): string {
  return field.raw.slice(field.name.length).replace(/^[ \t]*:?/, "").replaceAll("\n", "");
}

/** Copies what is left of the message. */
export async function copyRest(head: MessageHead, reader: ByteReader, writer: ByteWriter): Promise<void> {
  if (head.rest.length > 0) await writer.write(head.rest);
  const buffer = new Uint8Array(READ_BYTES);
  for (;;) {
    const count = await readInput(reader, buffer);
    if (count === null) return;
    await writer.write(buffer.subarray(0, count));
  }
}

/** Reads on to the end, so that who writes to us does not fail. */
export async function skipRest(reader: ByteReader): Promise<void> {
  const buffer = new Uint8Array(READ_BYTES);
  while (await readInput(reader, buffer) !== null);
}

/** Prints the values of the fields of those names; `+name` stands for all that begin so. Gives the exit code. */
export async function printFieldValues(proc: Proc, names: readonly string[]): Promise<number> {
  const wanted = names.map((name) => {
    const text = (name.startsWith("+") ? name.slice(1) : name) || "subject";
    return { text: text.toLowerCase(), prefix: name.startsWith("+") };
  });
  const head = await readHead(proc.stdin);
  await skipRest(proc.stdin);
  const found = fieldsOf(head.lines).filter((field) => {
    const name = field.name.toLowerCase();
    return wanted.some(({ text, prefix }) => prefix ? name.startsWith(text) : name === text);
  });
  await proc.stdout.write(latin1Bytes(found.map((field) => `${fieldValue(field)}\n`).join("")));
  return found.length > 0 ? EXIT_DIALECTS.qmail.ok : EXIT_DIALECTS.qmail.permanent;
}
