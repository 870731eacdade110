/** mpack: packs a file as MIME messages and mails, posts or writes them [man mpack.1]. */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { latin1Text, utf8Bytes } from "../../core/bytes.ts";
import { Temporary, Usage } from "../../core/errors.ts";
import { openFile, readFilePieces, readInput, systemReason } from "./message_files.ts";
import { packFile, type PackOptions, type PartOpener, type PartWriter, sniffType } from "./pack_message.ts";

/** Bytes of a description. Ours. */
const DESCRIPTION_BYTES_MAX = 1024 * 1024;
/** Characters of a subject that is asked for. */
const SUBJECT_BYTES_MAX = 1000;
const SNIFF_BYTES = 16;
/** Folders in which inews is looked for beside PATH [man mpack.1]. */
const INEWS_FOLDERS = ["/usr/local/news", "/usr/local/lib/news", "/etc", "/usr/etc", "/usr/news", "/usr/news/bin"];

export const applet = defineApplet({
  names: ["mpack"],
  section: 1,
  summary: "pack a file in MIME format",
  role: "tool",
  dialect: "admin",
  options: {
    attachment: { flag: "a", help: "Content-Disposition is attachment and not inline" },
    subject: { flag: "s", value: "subject", help: "the Subject", default: "asked for" },
    description: { flag: "d", value: "file", help: "text to put before the file" },
    sizeMax: { flag: "m", value: "bytes", help: "split into messages of at most that size; 0: never" },
    contentType: {
      flag: "c",
      value: "type",
      help: "media type, of application, audio, image or video",
      default: "found out",
    },
    output: { flag: "o", value: "file", help: "write to that file, or to file.01, file.02 and so on" },
    newsgroups: { flag: "n", value: "groups", help: "post to these newsgroups, separated by commas" },
  },
  operands: [
    { name: "file", help: "the file to pack" },
    { name: "address", help: "who gets it", optional: true, repeat: true },
  ],
  description:
    `mpack encodes a file in base64 in one or several MIME messages. They are mailed to the addresses by sendmail, posted
with inews, or written to files. munpack(1) makes the file of them again. A Content-MD5 field lets it find errors.

Parts of a split message are message/partial. Each has one line of the file at least, even where the size given is less.`,
  env: {
    SPLITSIZE: "default of -m, in bytes",
    PATH: "folders in which inews is looked for first",
  },
  exits: { "1": "nothing, or not all, was sent or written" },
  examples: [
    { command: "mpack -s 'the pictures' pictures.tar alice@example.org", help: "mail a file" },
    { command: "mpack -s x -m 100000 -o part big.iso", help: "write part.01, part.02 and so on" },
  ],
  seeAlso: ["munpack(1)", "sendmail(8)"],
  source: ["[man mpack.1]", "[rfc2046 5.2.2]", "[rfc1864]"],
  async run(proc) {
    const { options, args: [path = "", ...addresses] } = proc;
    const type = options.contentType;
    if (type !== undefined && /^text\//i.test(type)) throw new Usage("a text needs no mpack: mail it as it is");
    if (type !== undefined && !/^(?:application|audio|image|video)\/./i.test(type)) {
      throw new Usage(`${type} is no type of application, audio, image or video`);
    }
    const ways = [options.output, options.newsgroups, addresses[0]].filter((way) => way !== undefined);
    if (ways.length > 1) throw new Usage("only one of addresses, -o and -n can be given");
    if (ways.length === 0) throw new Usage("addresses, -o or -n must be given");
    const sizeMax = sizeLimit(proc, options.sizeMax);
    const subject = (options.subject ?? await askSubject(proc)).replace(/[\r\n]+/g, " ");
    const file = openFile(path);
    try {
      const beginning = new Uint8Array(SNIFF_BYTES);
      const count = file.readSync(beginning) ?? 0;
      file.seekSync(0, Deno.SeekMode.Start);
      const packed: PackOptions = {
        file,
        path,
        subject,
        headers: headerLines(addresses, options.newsgroups),
        contentType: type ?? sniffType(beginning.subarray(0, count)),
        disposition: options.attachment ? "attachment" : "inline",
        description: options.description === undefined ? undefined : readDescription(options.description),
        sizeMax,
        makeId: idMaker(proc),
        boundary: `----=_NextPart_${Math.floor(proc.clock.nowMs() / 1000)}_${proc.pid}`,
      };
      await packFile(packed, opener(proc, addresses));
    } finally {
      file.close();
    }
  },
});

type MpackProc = Parameters<typeof applet.run>[0];

function sizeLimit(proc: MpackProc, given: string | undefined): number {
  if (given !== undefined && !/^\d{1,15}$/.test(given)) throw new Usage(`-m ${given} is no number of bytes`);
  return Number(given ?? /^\d{1,15}/.exec(proc.env.get("SPLITSIZE") ?? "")?.[0] ?? 0);
}

/** A line read from standard input. */
async function askSubject(proc: MpackProc): Promise<string> {
  await proc.stdout.write(utf8Bytes("Subject: "));
  const line = new Uint8Array(SUBJECT_BYTES_MAX);
  let length = 0;
  while (length < line.length && line.indexOf(10) < 0) {
    const count = await readInput(proc.stdin, line.subarray(length));
    if (count === null) break;
    length += count;
  }
  if (length === 0) throw new Usage("a subject is required");
  const end = line.subarray(0, length).indexOf(10);
  return new TextDecoder().decode(line.subarray(0, end < 0 ? length : end));
}

function readDescription(path: string): string {
  const file = openFile(path);
  let text = "";
  try {
    readFilePieces(file, path, (bytes) => {
      text += latin1Text(bytes);
      if (text.length > DESCRIPTION_BYTES_MAX) {
        throw new Temporary(`the description ${path} is longer than ${DESCRIPTION_BYTES_MAX} bytes`);
      }
    });
  } finally {
    file.close();
  }
  return text;
}

function headerLines(addresses: readonly string[], newsgroups: string | undefined): string {
  if (newsgroups !== undefined) return `Newsgroups: ${newsgroups.replace(/[\r\n]+/g, " ")}\n`;
  return addresses.length === 0 ? "" : `To: ${addresses.map((to) => to.replace(/[\r\n]+/g, " ")).join(",\n\t")}\n`;
}

function idMaker(proc: MpackProc): () => string {
  let seconds = Math.floor(proc.clock.nowMs() / 1000);
  const host = Deno.hostname();
  return () => `${proc.pid}.${seconds++}@${host}`;
}

function opener(proc: MpackProc, addresses: readonly string[]): PartOpener {
  const { output, newsgroups } = proc.options;
  if (output !== undefined) {
    return (number, count) => Promise.resolve(fileWriter(count === 1 ? output : `${output}.${two(number)}`));
  }
  if (newsgroups !== undefined) {
    return () => programWriter(proc, { program: inews(proc.env.get("PATH") ?? ""), args: ["-h", "-S"] });
  }
  return () => programWriter(proc, { program: "sendmail", args: ["-oi", "--", ...addresses] });
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}

/** inews by name where PATH has it, or where news systems keep it. */
function inews(path: string): string {
  for (const folder of [...path.split(":"), ...INEWS_FOLDERS]) {
    try {
      if (folder !== "" && Deno.statSync(`${folder}/inews`).isFile) return `${folder}/inews`;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory)) throw error;
    }
  }
  return "inews";
}

function fileWriter(path: string): PartWriter {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { write: true, createNew: true, mode: 0o644 });
  } catch (error) {
    throw new Temporary(`unable to create ${path}: ${systemReason(error)}`);
  }
  return {
    write(bytes) {
      try {
        for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
      } catch (error) {
        file.close();
        Deno.removeSync(path);
        throw new Temporary(`unable to write ${path}: ${systemReason(error)}`);
      }
      return Promise.resolve();
    },
    close: () => Promise.resolve(file.close()),
  };
}

async function programWriter(
  proc: Proc,
  { program, args }: { readonly program: string; readonly args: readonly string[] },
): Promise<PartWriter> {
  const child = await proc.spawn({ program, args, fds: { 0: "pipe-in", 1: 1, 2: 2 } });
  const writer = child.writers.get(0)!;
  return {
    write: (bytes) => writer.write(bytes),
    async close() {
      writer.close();
      const { code, signal } = await child.ended;
      if (code !== 0 || signal !== 0) {
        throw new Temporary(`${program} failed: ${signal === 0 ? code : `signal ${signal}`}`);
      }
    },
  };
}
