/** altermime: disclaimers into messages, attachments out of them, header fields changed [man altermime.1]. */
import { defineApplet, type OptionValues, type Proc } from "../../core/applet.ts";
import { concatBytes, latin1Text, utf8Bytes } from "../../core/bytes.ts";
import { errorText, Temporary, Usage } from "../../core/errors.ts";
import { VERSION } from "../../core/version.ts";
import { quoteText } from "../../mail/address/format.ts";
import { decodeBase64 } from "../../mail/mime/transfer.ts";
import { Base64Encoder } from "../../mail/mime/transfer_stream.ts";
import type { HeaderChange } from "./alter_header.ts";
import { type Alterations, MessageAlterer, type PartPattern, type Replacement } from "./alter_message.ts";
import type { Disclaimers } from "./alter_text.ts";
import { openFile, readFilePieces, readInput, readPathPieces, systemReason } from "./message_files.ts";

/** Bytes of a disclaimer. Ours. */
const DISCLAIMER_BYTES_MAX = 1024 * 1024;
/** Bytes of output collected before they are written. */
const OUTPUT_BYTES = 64 * 1024;

const OPTIONS = {
  input: {
    long: "input",
    value: "file",
    help: "the message, which is changed in place; - for standard input to output",
  },
  disclaimer: { long: "disclaimer", value: "file", help: "add this text to the message's text" },
  disclaimerHtml: { long: "disclaimer-html", value: "file", help: "add this to HTML" },
  disclaimerBase64: { long: "disclaimer-b64", value: "file", help: "add this, decoded, to texts in base64" },
  htmlToo: { long: "htmltoo", help: "add the text to HTML parts too" },
  intoBase64: { long: "force-into-b64", help: "add it to texts in base64 too" },
  forceBadHtml: { long: "force-for-bad-html", help: "add it behind HTML that has no end" },
  multipartInsert: { long: "multipart-insert", help: "add it to messages in the message too" },
  remove: { long: "remove", value: "pattern", help: "remove attachments whose names match; with a /: whose types do" },
  removeByRegex: { long: "remove-by-regex", value: "pattern", help: "the same" },
  removeAll: { long: "removeall", help: "remove all attachments" },
  replace: { long: "replace", value: "pattern", help: "replace attachments whose names match" },
  with: { long: "with", value: "file", help: "with this file" },
  xheader: { long: "xheader", value: "field", help: "put this field at the end of the header" },
  alterHeader: { long: "alter-header", value: "name", help: "change this field of the header" },
  alterWith: { long: "alter-with", value: "text", help: "with this text" },
  alterMode: { long: "alter-mode", value: "mode", help: "prefix, suffix or replace" },
  alterSigned: { long: "altersigned", help: "change signed messages too, which breaks the signature" },
  noQmailBounce: { long: "no-qmail-bounce", help: "do not look for attachments in messages that a text encloses" },
  verbose: { long: "verbose", help: "tell what is done" },
  debug: { long: "debug", help: "the same" },
  logStdout: { long: "log-stdout", help: "tell it on standard output (the default)" },
  logStderr: { long: "log-stderr", help: "tell it on standard error" },
  logSyslog: { long: "log-syslog", help: "tell it to the system's log, by logger(1)" },
  version: { long: "version", help: "tell the version" },
} as const;

export const applet = defineApplet({
  names: ["altermime"],
  section: 1,
  summary: "alter messages: disclaimers, attachments, header fields",
  role: "tool",
  dialect: "admin",
  options: OPTIONS,
  synopsis: "altermime --input=file option...",
  description:
    `altermime changes a message in place, or on its way from standard input to standard output. All that is not to be changed
stays byte for byte as it is. A file is replaced as a whole when all is written, so it is never half changed.

A disclaimer is added to the first text of the message that is no attachment, in the encoding of that text; to the first
HTML part before its end, as given for HTML or as preformatted text. Texts in base64 are left alone unless asked for.
Signed messages are not changed, but for fields of the header.

Patterns are extended regular expressions, without regard to case.`,
  env: { PATH: "folders in which logger is looked for, for --log-syslog" },
  exits: { "1": "the message was not changed" },
  examples: [
    { command: "altermime --input=message --disclaimer=/etc/disclaimer.txt --htmltoo", help: "add a disclaimer" },
    { command: "altermime --input=- --remove='\\.(exe|scr)$' <message", help: "without dangerous attachments" },
  ],
  seeAlso: ["ripmime(1)"],
  source: ["[man altermime.1]"],
  async run(proc) {
    const { options } = proc;
    if (options.version) return await proc.stdout.write(utf8Bytes(`altermime of IndiMail ${VERSION}\n`));
    if (options.input === undefined) throw new Usage("no input file was specified: --input=");
    const alterations = alterationsOf(options);
    const told: string[] = [];
    const tell = (text: string) => void told.push(`${text}\n`);
    if (options.input === "-") await alterStream(proc, alterations, tell);
    else alterFile(options.input, { alterations, tell, pid: proc.pid });
    if (options.verbose || options.debug) await sendReport(proc, utf8Bytes(told.join("")));
  },
});

type AlterProc = Proc<typeof OPTIONS>;
type Given = OptionValues<typeof OPTIONS>;

function alterationsOf(given: Given): Alterations {
  if ((given.replace === undefined) !== (given.with === undefined)) throw new Usage("--replace and --with go together");
  const pattern = given.removeAll ? "" : given.remove ?? given.removeByRegex;
  const alterations: Alterations = {
    disclaimers: disclaimersOf(given),
    remove: pattern === undefined ? undefined : partPattern(pattern),
    replace: given.replace === undefined
      ? undefined
      : { pattern: partPattern(given.replace), replacement: replacementOf(given.with!) },
    insertedField: given.xheader === undefined ? undefined : checkedField(given.xheader),
    change: changeOf(given),
    altersSigned: given.alterSigned,
    intoEmbedded: given.multipartInsert,
    searchesTexts: !given.noQmailBounce,
  };
  const { disclaimers, remove, replace, insertedField, change } = alterations;
  if (!disclaimers && !remove && !replace && insertedField === undefined && !change) {
    throw new Usage("nothing is to be done: --disclaimer, --remove, --replace, --xheader or --alter-header is needed");
  }
  return alterations;
}

function disclaimersOf(given: Given): Disclaimers | undefined {
  const { disclaimer, disclaimerHtml, disclaimerBase64 } = given;
  if (disclaimer === undefined && disclaimerHtml === undefined && disclaimerBase64 === undefined) return undefined;
  return {
    plain: disclaimer === undefined ? undefined : readSmallFile(disclaimer),
    html: disclaimerHtml === undefined ? undefined : readSmallFile(disclaimerHtml),
    base64: disclaimerBase64 === undefined ? undefined : decodeBase64(readSmallFile(disclaimerBase64)),
    htmlToo: given.htmlToo || disclaimerHtml !== undefined,
    intoBase64: given.intoBase64 || disclaimerBase64 !== undefined,
    forceForBadHtml: given.forceBadHtml,
  };
}

function readSmallFile(path: string): Uint8Array {
  const pieces: Uint8Array[] = [];
  let size = 0;
  readPathPieces(path, (bytes) => {
    size += bytes.length;
    if (size > DISCLAIMER_BYTES_MAX) throw new Temporary(`${path} is longer than ${DISCLAIMER_BYTES_MAX} bytes`);
    pieces.push(bytes.slice());
  });
  return concatBytes(...pieces);
}

/** Extended regular expressions are JavaScript's but for the names of classes. */
function partPattern(text: string): PartPattern {
  const classes: Readonly<Record<string, string>> = {
    alnum: "A-Za-z0-9",
    alpha: "A-Za-z",
    digit: "0-9",
    lower: "a-z",
    punct: "!-\\/:-@\\[-`{-~",
    space: "\\s",
    upper: "A-Z",
    xdigit: "0-9A-Fa-f",
  };
  const source = text.replace(/\[:([a-z]+):\]/g, (whole, name) => classes[name] ?? whole);
  try {
    return { by: text.includes("/") ? "type" : "name", pattern: new RegExp(source, "i") };
  } catch (error) {
    throw new Usage(`${text} is no regular expression: ${errorText(error)}`);
  }
}

function replacementOf(path: string): Replacement {
  openFile(path).close();
  const name = quoteText(latin1Text(utf8Bytes(path.replace(/^[^]*\//, ""))));
  return {
    header: `Content-Type: application/octet-stream; name=${name}\nContent-Transfer-Encoding: base64\n` +
      `Content-Disposition: attachment; filename=${name}\n\n`,
    content(take) {
      const encoder = new Base64Encoder();
      readPathPieces(path, (bytes) => take(encoder.push(bytes)));
      take(encoder.finish());
    },
  };
}

function checkedField(text: string): string {
  const field = latin1Text(utf8Bytes(text.replace(/[\r\n][^]*$/, "")));
  if (!/^[!-9;-~]+[ \t]*:/.test(field)) throw new Usage(`--xheader=${text} is no header field: name and colon`);
  return field;
}

function changeOf(given: Given): HeaderChange | undefined {
  const { alterHeader, alterWith, alterMode } = given;
  if (alterHeader === undefined && alterWith === undefined && alterMode === undefined) return undefined;
  const unquoted = (text: string) => text.replace(/^"|"$/g, "").replace(/[\r\n]+/g, " ");
  const mode = unquoted(alterMode ?? "");
  if (mode !== "prefix" && mode !== "suffix" && mode !== "replace") {
    throw new Usage(`--alter-mode=${mode} is none of prefix, suffix, replace`);
  }
  if (alterHeader === undefined || alterWith === undefined) {
    throw new Usage("--alter-header, --alter-with and --alter-mode go together");
  }
  return { name: unquoted(alterHeader).replace(/:$/, ""), with: latin1Text(utf8Bytes(unquoted(alterWith))), mode };
}

async function alterStream(proc: AlterProc, alterations: Alterations, tell: (text: string) => void): Promise<void> {
  let output: Uint8Array[] = [];
  const alterer = new MessageAlterer(alterations, { write: (bytes) => void output.push(bytes.slice()), tell });
  const buffer = new Uint8Array(OUTPUT_BYTES);
  const flush = async () => {
    const bytes = concatBytes(...output);
    output = [];
    if (bytes.length > 0) await proc.stdout.write(bytes);
  };
  for (;;) {
    const count = await readInput(proc.stdin, buffer);
    if (count === null) break;
    alterer.push(buffer.subarray(0, count));
    await flush();
  }
  alterer.finish();
  await flush();
}

interface FileRun {
  readonly alterations: Alterations;
  readonly tell: (text: string) => void;
  readonly pid: number;
}

/** Changes a file: what comes of it is written beside it and takes its place when all is there. */
function alterFile(path: string, { alterations, tell, pid }: FileRun): void {
  const source = openFile(path);
  const temporary = `${path}.altermime.${pid}`;
  try {
    const target = openTarget(temporary, source.statSync().mode);
    try {
      const writer = new BufferedFile(target, temporary);
      const alterer = new MessageAlterer(alterations, { write: (bytes) => writer.write(bytes), tell });
      readFilePieces(source, path, (bytes) => alterer.push(bytes));
      alterer.finish();
      writer.flush();
      target.syncDataSync();
      Deno.renameSync(temporary, path);
    } catch (error) {
      Deno.removeSync(temporary);
      throw error instanceof Temporary ? error : new Temporary(`unable to change ${path}: ${systemReason(error)}`);
    } finally {
      target.close();
    }
  } finally {
    source.close();
  }
}

function openTarget(path: string, mode: number | null): Deno.FsFile {
  try {
    const file = Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
    if (mode !== null) Deno.chmodSync(path, mode & 0o777);
    return file;
  } catch (error) {
    throw new Temporary(`unable to create ${path}: ${systemReason(error)}`);
  }
}

/** Collects small writes. */
class BufferedFile {
  readonly #file: Deno.FsFile;
  readonly #path: string;
  readonly #buffer = new Uint8Array(OUTPUT_BYTES);
  #length = 0;

  constructor(file: Deno.FsFile, path: string) {
    this.#file = file;
    this.#path = path;
  }

  write(bytes: Uint8Array): void {
    if (bytes.length > this.#buffer.length - this.#length) this.flush();
    if (bytes.length > this.#buffer.length) return this.#writeAll(bytes);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  flush(): void {
    this.#writeAll(this.#buffer.subarray(0, this.#length));
    this.#length = 0;
  }

  #writeAll(bytes: Uint8Array): void {
    try {
      for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
    } catch (error) {
      throw new Temporary(`unable to write ${this.#path}: ${systemReason(error)}`);
    }
  }
}

async function sendReport(proc: AlterProc, text: Uint8Array): Promise<void> {
  const { options } = proc;
  if (options.logSyslog) {
    const args = ["-t", "altermime", "-p", "mail.info"];
    const child = await proc.spawn({ program: "logger", args, fds: { 0: "pipe-in", 1: 1, 2: 2 } });
    const writer = child.writers.get(0)!;
    await writer.write(text);
    writer.close();
    await child.ended;
  } else if (options.logStderr || options.input === "-") await proc.stderr.write(text);
  else await proc.stdout.write(text);
}
