/**
 * A file as one MIME message or as several message/partial ones [rfc2046 5.2.2], in pieces, so that a file of any size is
 * packed in constant memory. The parts join to a multipart/mixed of a description and the file in base64.
 */
import { createHash } from "node:crypto";
import { latin1Bytes, utf8Bytes } from "../../core/bytes.ts";
import { Usage } from "../../core/errors.ts";
import { quoteText } from "../../mail/address/format.ts";
import { Base64Encoder } from "../../mail/mime/transfer_stream.ts";
import { readFilePieces } from "./message_files.ts";

/** Bytes of the file in a line of base64, and that line's characters with its end. */
const LINE_BYTES = 54;
const LINE_CHARS = 73;
/** Lines encoded at once. */
const LINES_AT_ONCE = 1200;
/** Messages that one file may become. Ours. */
const PARTS_MAX = 9999;
const LARGEST = { number: PARTS_MAX, count: PARTS_MAX };
/** Former parts named in References: the first and the last two. */
const LAST_REFERENCES = 2;

/** What is packed, and as what. */
export interface PackOptions {
  readonly file: Deno.FsFile;
  readonly path: string;
  readonly subject: string;
  /** Header lines with their ends: To, Newsgroups. */
  readonly headers: string;
  readonly contentType: string;
  readonly disposition: "inline" | "attachment";
  /** Text before the file, latin1; undefined for none. */
  readonly description: string | undefined;
  /** Bytes of a message that may not be exceeded; 0: no limit. */
  readonly sizeMax: number;
  /** Makes a Message-ID without its brackets, another one each time. */
  readonly makeId: () => string;
  readonly boundary: string;
}

/** Where a part goes: opened by its number from 1, and the count of parts. */
export type PartOpener = (number: number, count: number) => Promise<PartWriter>;

/** Where one message is written to. */
export interface PartWriter {
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

const MAGIC: readonly (readonly [string, readonly number[]])[] = [
  ["image/gif", [0x47, 0x49, 0x46]],
  ["image/jpeg", [0xff, 0xd8, 0xff]],
  ["video/mpeg", [0, 0, 1, 0xb3]],
  ["application/postscript", [0x25, 0x21]],
];

/** The media type that a file's beginning tells. */
export function sniffType(beginning: Uint8Array): string {
  return MAGIC.find(([, bytes]) => bytes.every((byte, at) => beginning[at] === byte))?.[0] ??
    "application/octet-stream";
}

/** The last component of a path, as the name of the file in the message. */
export function packedName(path: string): string {
  return path.replace(/^[^]*[/\\]/, "").replace(/^[^]*:/, "");
}

/** MD5 and size of a file, which is then at its beginning again [rfc1864]. */
function digestOf(file: Deno.FsFile, path: string): { md5: string; size: number } {
  const hash = createHash("md5");
  let size = 0;
  readFilePieces(file, path, (bytes) => {
    hash.update(bytes);
    size += bytes.length;
  });
  file.seekSync(0, Deno.SeekMode.Start);
  return { md5: hash.digest("base64"), size };
}

/** Lines of base64 that fit into so many bytes; one at least. */
function linesIn(bytes: number): number {
  return Math.max(1, Math.floor(bytes / LINE_CHARS));
}

/** Lines of base64 in the first message and in each other one; 0: all of them. */
interface Split {
  readonly count: number;
  readonly firstLines: number;
  readonly lines: number;
}

/**
 * How a file is split so that no message is larger than allowed: every one has room for the longest header fields and for
 * what ends the last. A size that is too small for a line gets one line.
 */
function splitFile(
  fileBytes: number,
  sizeMax: number,
  texts: { readonly outer: number; readonly inner: number },
): Split {
  const lines = Math.ceil(fileBytes / LINE_BYTES);
  const whole = texts.inner + lines * LINE_CHARS;
  if (sizeMax <= 0 || whole <= sizeMax) return { count: 1, firstLines: 0, lines: 0 };
  const firstLines = linesIn(sizeMax - texts.outer - texts.inner);
  const otherLines = linesIn(sizeMax - texts.outer);
  const count = 1 + Math.ceil(Math.max(0, lines - firstLines) / otherLines);
  return { count, firstLines, lines: otherLines };
}

/** Packs a file that stands at its beginning. Throws Temporary when it cannot be read, and what the writers throw. */
export async function packFile(options: PackOptions, open: PartOpener): Promise<void> {
  const { md5, size } = digestOf(options.file, options.path);
  const whole = options.makeId();
  const ends = `\n--${options.boundary}--\n`;
  const split = splitFile(size, options.sizeMax, {
    outer: bytesOf(outerHead(options, { id: whole, ...LARGEST, whole, ids: [whole, whole, whole] })).length,
    inner: bytesOf(innerHead(options, { md5, whole }) + ends).length,
  });
  const { count } = split;
  if (count > PARTS_MAX) throw new Usage(`messages of ${options.sizeMax} bytes would be more than ${PARTS_MAX}`);
  const ids: string[] = [];
  for (let number = 1; number <= count; number++) {
    const writer = await open(number, count);
    const id = options.makeId();
    let text = outerHead(options, { id, number, count, whole, ids });
    ids.push(id);
    if (number === 1) text += innerHead(options, { md5, whole: count > 1 ? whole : undefined });
    await writer.write(bytesOf(text));
    const lines = number === 1 ? split.firstLines : split.lines;
    await writeLines(options, writer, number === count ? undefined : lines);
    if (number === count) await writer.write(bytesOf(ends));
    await writer.close();
  }
}

/** Bytes of text that is latin1, or has other characters, which came as arguments: then UTF-8. */
function bytesOf(text: string): Uint8Array {
  // deno-lint-ignore no-control-regex -- the ASCII range
  return /^[\x00-\x7f]*$/.test(text) ? latin1Bytes(text) : utf8Bytes(text);
}

interface Part {
  readonly id: string;
  readonly number: number;
  readonly count: number;
  readonly whole: string;
  /** Message-IDs of the parts before. */
  readonly ids: readonly string[];
}

/** Header fields of a message: of the whole, or of one that is a part of it. */
function outerHead({ headers, subject }: PackOptions, { id, number, count, whole, ids }: Part): string {
  const start = `Message-ID: <${id}>\nMIME-Version: 1.0\n${headers}`;
  if (count === 1) return start;
  const [first, ...others] = ids;
  const references = first === undefined ? [] : [first, ...others.slice(-LAST_REFERENCES)];
  return [
    start,
    `Subject: ${subject} (${two(number)}/${two(count)})\n`,
    ...(references.length === 0 ? [] : [`References: ${references.map((id) => `<${id}>`).join("\n\t ")}\n`]),
    `Content-Type: message/partial; number=${number}; total=${count};\n\t id="${whole}"\n\n`,
  ].join("");
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}

/** The header of the message that the parts join to, the description and the header of the file's part. */
function innerHead(options: PackOptions, ids: { readonly md5: string; readonly whole: string | undefined }): string {
  const { boundary, subject, description, contentType } = options;
  const name = quoteText(packedName(options.path));
  return [
    ids.whole === undefined ? "" : `Message-ID: <${ids.whole}>\nMIME-Version: 1.0\n`,
    `Subject: ${subject}\nContent-Type: multipart/mixed; boundary="${boundary}"\n\n`,
    "This is a message in MIME format, with a file in it.\n\n",
    description === undefined ? "" : `--${boundary}\n\n${withoutDashes(description)}\n`,
    `--${boundary}\nContent-Type: ${contentType}; name=${name}\nContent-Transfer-Encoding: base64\n`,
    `Content-Disposition: ${options.disposition}; filename=${name}\nContent-MD5: ${ids.md5}\n\n`,
  ].join("");
}

/** Lines that begin with dashes keep one of them, so that none is a boundary. */
function withoutDashes(text: string): string {
  const lines = text.replace(/^--+/gm, "-");
  return lines === "" || lines.endsWith("\n") ? lines : `${lines}\n`;
}

/** Writes so many lines of the file, or all that is left of it. */
async function writeLines(options: PackOptions, writer: PartWriter, lines: number | undefined): Promise<void> {
  const encoder = new Base64Encoder({ lineChars: LINE_CHARS - 1 });
  const buffer = new Uint8Array(LINES_AT_ONCE * LINE_BYTES);
  for (let left = lines === undefined ? Infinity : lines * LINE_BYTES; left > 0;) {
    const count = options.file.readSync(left < buffer.length ? buffer.subarray(0, left) : buffer);
    if (count === null) break;
    left -= count;
    await writer.write(encoder.push(buffer.subarray(0, count)));
  }
  await writer.write(encoder.finish());
}
