/** ripmime: all parts of a message as files [man ripmime.1]. */
import { defineApplet, type OptionValues, type Proc } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { Temporary, Usage } from "../../core/errors.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import { parseOptions } from "../../core/options.ts";
import { VERSION } from "../../core/version.ts";
import { CharsetTarget } from "./charset_writer.ts";
import { readPathPieces, readStreamPieces, systemReason } from "./message_files.ts";
import { MailboxRipper, MessageRipper, type RipWorld } from "./rip_message.ts";
import { RipNames } from "./rip_names.ts";
import type { RipOptions, RipReport } from "./rip_options.ts";
import { TargetFolder } from "./target_folder.ts";

const RECURSION_DEFAULT = 20;
/** Messages in messages that are followed at most, whatever is asked for: each may need a file that is open. Ours. */
const RECURSION_MAX = 200;
/** With --extended-errors: messages nest too deep [man ripmime.1]. */
const RECURSION_EXIT = 240;

const OPTIONS = {
  input: { flag: "i", value: "file", help: "a message; - for standard input; a folder of messages" },
  folder: { flag: "d", value: "folder", help: "write files there; it is made", default: "." },
  prefix: { flag: "p", value: "prefix", help: "begins the names of files that have none", default: "textfile" },
  headers: { flag: "e", value: "[file]", help: "write all headers to that file, in the folder", default: "_headers_" },
  verbose: { flag: "v", help: "tell of each file" },
  quiet: { flag: "q", help: "do not tell what is wrong" },
  charset: { flag: "x", value: "charset", help: "write texts in that character set" },
  verboseType: { long: "verbose-contenttype", help: "tell media types with -v" },
  oldStyle: { long: "verbose-oldstyle", help: "tell files in the form of version 1.2" },
  verboseDefects: { long: "verbose-defects", help: "tell what is wrong in headers" },
  verboseMime: { long: "verbose-mime", help: "tell when a message is MIME" },
  stdout: { long: "stdout", help: "reports go to standard output (the default)" },
  stderr: { long: "stderr", help: "reports go to standard error" },
  syslog: { long: "syslog", help: "reports go to the system's log, by logger(1)" },
  paranoid: { long: "paranoid", help: "file names get ASCII letters, digits, dots and _ only" },
  noParanoid: { long: "no-paranoid", help: "the default" },
  nameByType: { long: "name-by-type", help: "name files without a name after their media type" },
  noNameless: { long: "no-nameless", help: "keep no files that had no name" },
  overwrite: { long: "overwrite", help: "overwrite files" },
  uniqueNames: { long: "unique-names", help: "do not (the default)" },
  prefixRename: { long: "prefix", help: "where a name is taken, put a number before it" },
  postfix: { long: "postfix", help: "or behind it" },
  infix: { long: "infix", help: "or before its extension (the default)" },
  recursionMax: { long: "recursion-max", value: "level", help: "messages in messages", default: "20" },
  mailbox: { long: "mailbox", help: "the input is an mbox file" },
  formdata: { long: "formdata", help: "the input is data of a form; nothing is different" },
  extendedErrors: { long: "extended-errors", help: "exit with 240 when messages nest too deep" },
  timeout: { long: "timeout", value: "seconds", help: "give up after that time" },
  debug: { long: "debug", help: "as -v" },
  noOle: { long: "no-ole", help: "take no files out of OLE documents" },
  noTnef: { long: "no-tnef", help: "take no files out of TNEF (winmail.dat)" },
  noUudecode: { long: "no-uudecode", help: "take no uuencoded files out of texts" },
  noBase64: { long: "no-base64", help: "do not decode base64" },
  noQuotedPrintable: { long: "no-quotedprintable", help: "do not decode quoted-printable" },
  noDoubleCr: { long: "no-doublecr", help: "do not save what follows two CRs in headers" },
  noMht: { long: "no-mht", help: "do not take MHT files apart" },
  noHeaderFix: { long: "disable-header-fix", help: "a line that is no field ends a header" },
  noQmailBounce: { long: "disable-qmail-bounce", help: "do not look into texts for messages" },
  noQmailBounceToo: { long: "disable-qmailbounce", help: "the same" },
  qmailBounce: { long: "qmail-bounce", help: "do (the default)" },
  noMultipleNames: { long: "no-multiple-filenames", help: "a file gets the first of its names only" },
  version: { flag: "V", long: "version", help: "tell the version" },
  buildcodes: { long: "buildcodes", help: "tell what was built" },
} as const;

export const applet = defineApplet({
  names: ["ripmime"],
  section: 1,
  summary: "extract the parts of a message to files",
  role: "tool",
  dialect: "admin",
  options: OPTIONS,
  rawArguments: true,
  synopsis: "ripmime -i file [-d folder] [-p prefix] [-e [file]] [-vq] [option...]",
  description:
    `ripmime writes each part of a message as a file: texts as textfile0, textfile1 and so on, others under the names they
have, in whatever form: quoted, in encoded words, in RFC 2231's pieces. A name never has a folder; where it is taken
a number is put into it. A part with several names gets them all, as links.

What is packed in parts is taken out too: messages, uuencoded files in texts, TNEF, files embedded in OLE documents, MHT,
messages quoted in bounces. Messages in messages are followed to a limit.`,
  env: { PATH: "folders in which logger is looked for, for --syslog" },
  exits: { "1": "a file could not be read or written", "240": "with --extended-errors: messages nest too deep" },
  examples: [{ command: "ripmime -i message -v -d /tmp/parts", help: "extract and tell each file" }],
  seeAlso: ["munpack(1)", "altermime(1)"],
  source: ["[man ripmime.1]"],
  async run(proc) {
    const { options } = parseRipArguments(proc.args);
    if (options.version || options.buildcodes) {
      await proc.stdout.write(utf8Bytes(`ripmime of IndiMail ${VERSION}\n`));
      return EXIT_DIALECTS.admin.ok;
    }
    if (options.input === undefined) throw new Usage("no input file was specified: -i");
    const report = new TextReport(options, () => proc.clock.nowMs());
    const world = makeWorld(options, report);
    try {
      await ripInput(proc, { world, options, report });
    } finally {
      world.headers?.close();
      if (!world.options.keepsNameless) removeNameless(world);
      await report.send(proc);
    }
    return options.extendedErrors && report.wasTooDeep ? RECURSION_EXIT : EXIT_DIALECTS.admin.ok;
  },
});

type RipProc = Proc<typeof OPTIONS>;
type Given = OptionValues<typeof OPTIONS>;

/** The arguments as the original reads them: -e may stand without a file, long names may have `_` for `-`. */
function parseRipArguments(args: readonly string[]): { options: Given } {
  const words: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const word = args[at]!;
    if (word.startsWith("--")) words.push(word.replaceAll("_", "-"));
    else if (word === "-e") {
      const next = args[at + 1];
      words.push("-e", next === undefined || next.startsWith("-") ? "_headers_" : next);
      if (words.at(-1) === next) at++;
    } else words.push(word);
    // a value is taken as it stands
    if (/^-[idp]$/.test(word) && at + 1 < args.length) words.push(args[++at]!);
  }
  const { options } = parseOptions({ options: OPTIONS }, words);
  return { options: options as Given }; // parseOptions gives each option the type of its declaration
}

function makeWorld(given: Given, report: TextReport): RipWorld {
  const options = ripOptions(given);
  const path = (given.folder ?? ".").replace(/(?<=.)\/$/, "");
  try {
    Deno.mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) {
      throw new Temporary(`unable to create the folder ${path}: ${systemReason(error)}`);
    }
  }
  const folder = new TargetFolder(path);
  const { headersFile } = options;
  if (headersFile !== undefined && /^\.{0,2}$|[/\0]/.test(headersFile)) {
    throw new Usage(`-e ${headersFile} is no file name`);
  }
  return {
    folder,
    names: new RipNames(folder, options),
    options,
    report,
    charset: options.charset === undefined ? undefined : new CharsetTarget(options.charset),
    headers: headersFile === undefined ? undefined : folder.create(headersFile, { overwrite: true }),
  };
}

function ripOptions(given: Given): RipOptions {
  const recursion = given.recursionMax ?? String(RECURSION_DEFAULT);
  if (!/^[1-9]\d{0,8}$/.test(recursion)) throw new Usage(`--recursion-max ${recursion} is no level`);
  return {
    prefix: given.prefix?.replaceAll(/[/\0]/g, "_") ?? "textfile",
    prefixGiven: given.prefix !== undefined,
    headersFile: given.headers,
    paranoid: given.paranoid && !given.noParanoid,
    nameByType: given.nameByType,
    keepsNameless: !given.noNameless,
    overwrite: given.overwrite && !given.uniqueNames,
    renameMethod: given.prefixRename ? "prefix" : given.postfix ? "postfix" : "infix",
    recursionMax: Math.min(Number(recursion), RECURSION_MAX),
    links: !given.noMultipleNames,
    decodes: {
      base64: !given.noBase64,
      quotedPrintable: !given.noQuotedPrintable,
      uuencode: !given.noUudecode,
      ole: !given.noOle,
      tnef: !given.noTnef,
      mht: !given.noMht,
      doubleCr: !given.noDoubleCr,
      bounces: !given.noQmailBounce && !given.noQmailBounceToo,
    },
    fixesHeaders: !given.noHeaderFix,
    charset: given.charset,
  };
}

interface Run {
  readonly world: RipWorld;
  readonly options: Given;
  readonly report: TextReport;
}

async function ripInput(proc: RipProc, { world, options, report }: Run): Promise<void> {
  const path = options.input!;
  const ripper = () => options.mailbox ? new MailboxRipper(world) : new MessageRipper(world);
  if (path === "-") {
    const message = ripper();
    await readStreamPieces(proc.stdin, (bytes) => message.push(bytes));
    message.finish();
    return;
  }
  for (const file of inputFiles(path)) {
    if (file !== path) report.line(`Unpacking mailpack ${file}`);
    const message = ripper();
    readPathPieces(file, (bytes) => message.push(bytes));
    message.finish();
    await report.send(proc);
  }
}

/** The file, or the files of a folder in order. */
function inputFiles(path: string): readonly string[] {
  try {
    if (!Deno.statSync(path).isDirectory) return [path];
    return [...Deno.readDirSync(path)].filter(({ isFile }) => isFile).map(({ name }) => `${path}/${name}`).sort();
  } catch (error) {
    throw new Temporary(`unable to read ${path}: ${systemReason(error)}`);
  }
}

function removeNameless(world: RipWorld): void {
  for (const name of world.names.nameless) {
    if (!world.folder.has(name)) continue;
    world.folder.remove(name);
    world.report.removed(world.folder.pathOf(name));
  }
  world.names.forgetNameless();
}

/** Reports, collected and sent where they are wanted. */
class TextReport implements RipReport {
  wasTooDeep = false;
  readonly #options: Given;
  readonly #lines: string[] = [];
  readonly #nowMs: () => number;
  readonly #endMs: number;

  constructor(options: Given, nowMs: () => number) {
    this.#options = options;
    this.#nowMs = nowMs;
    const seconds = Number(options.timeout ?? 0);
    if (!(seconds >= 0)) throw new Usage(`--timeout ${options.timeout} is no number of seconds`);
    this.#endMs = seconds > 0 ? nowMs() + seconds * 1000 : Infinity;
  }

  line(text: string): void {
    this.#lines.push(`${text}\n`);
  }

  file(name: string, type: string): void {
    if (!this.#options.verbose && !this.#options.debug) return;
    if (this.#options.oldStyle) this.line(`Decoding: ${name}`);
    else this.line(`Decoding ${this.#options.verboseType ? `content-type=${type} ` : ""}filename=${name}`);
  }

  mime(): void {
    if (this.#options.verboseMime) this.line("Email is MIME");
  }

  removed(path: string): void {
    if (this.#options.verbose) this.line(`Removed ${path} [status = 0]`);
  }

  warn(text: string): void {
    if (!this.#options.quiet) this.line(`ripmime: warning: ${text}`);
  }

  defect(text: string): void {
    if (this.#options.verboseDefects) this.line(`Header defect: ${text}`);
  }

  tooDeep(level: number): void {
    if (!this.wasTooDeep) this.warn(`a message at level ${level} is not taken apart: see --recursion-max`);
    this.wasTooDeep = true;
  }

  checkTime(): void {
    if (this.#nowMs() > this.#endMs) throw new Temporary(`it took longer than ${this.#options.timeout} seconds`);
  }

  async send(proc: RipProc): Promise<void> {
    const text = utf8Bytes(this.#lines.splice(0).join(""));
    if (text.length === 0) return;
    if (this.#options.syslog) await sendToSyslog(proc, text);
    else if (this.#options.stderr) await proc.stderr.write(text);
    else await proc.stdout.write(text);
  }
}

async function sendToSyslog(proc: RipProc, text: Uint8Array): Promise<void> {
  const child = await proc.spawn({
    program: "logger",
    args: ["-t", "ripmime", "-p", "mail.info"],
    fds: { 0: "pipe-in", 1: 1, 2: 2 },
  });
  const writer = child.writers.get(0)!;
  await writer.write(text);
  writer.close();
  await child.ended;
}
