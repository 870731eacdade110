/** munpack: unpacks MIME messages and split uuencoded files [man munpack.1]. */
import { defineApplet } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { Temporary, Usage } from "../../core/errors.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import { readPathPieces, readStreamPieces, systemReason } from "./message_files.ts";
import { PartStore } from "./part_store.ts";
import { TargetFolder } from "./target_folder.ts";
import { MessageUnpacker, type MessageWorld } from "./unpack_message.ts";
import { NameGiver } from "./unpack_names.ts";
import { Description } from "./unpack_sinks.ts";

export const applet = defineApplet({
  names: ["munpack"],
  section: 1,
  summary: "unpack messages in MIME, split-uuencode or yEnc format",
  role: "tool",
  dialect: "admin",
  options: {
    force: { flag: "f", help: "overwrite files" },
    quiet: { flag: "q", help: "do not tell of saved pieces, nor that nothing was found" },
    text: { flag: "t", help: "write text parts as files too; no text describes a file then" },
    replacement: {
      flag: "r",
      value: "character",
      help: "what stands for a character that names must not have",
      default: "X",
    },
    folder: { flag: "C", value: "folder", help: "write files there", default: "the current folder" },
  },
  operands: [{ name: "file", help: "a message; default standard input", optional: true, repeat: true }],
  description:
    `munpack reads messages and writes the parts that are no text, and files in uuencode or yEnc, as files in the current folder. The
name that a message suggests is cleaned of characters that could do harm; folders in it are made, but never does a name
lead out of the folder or through a symbolic link. A part without a name becomes part1, part2 and so on. Where a file
of that name is, .1, .2 and so on is appended.

Text before a file describes it and is written beside it with the extension .desc. Parts of a split message, and
pieces of a uuencoded file whose messages tell their number, are kept until the last one has come.

Names in the forms of RFC 2231 and RFC 2047 are decoded. Only one message may be in a file.`,
  env: {
    TMPDIR: "folder for parts of messages that wait for others; default /tmp",
    USER: "names that folder; default LOGNAME",
    LOGNAME: "names that folder where USER is not set; default x",
  },
  files: { "$TMPDIR/m-prts-$USER/": "parts of messages that wait for others" },
  exits: { "1": "a file could not be read or written" },
  examples: [
    { command: "munpack <message", help: "unpack a message" },
    { command: "munpack -C /tmp/parts part.01 part.02", help: "join a split message there" },
  ],
  seeAlso: ["mpack(1)", "ripmime(1)"],
  source: ["[man munpack.1]"],
  async run(proc) {
    const { options } = proc;
    const folder = targetFolder(options.folder);
    const report = new Report(options.quiet);
    const user = proc.env.get("USER") ?? proc.env.get("LOGNAME") ?? "x";
    const base = `${proc.env.get("TMPDIR") ?? "/tmp"}/m-prts-${user.replaceAll("/", "")}`;
    const world: MessageWorld = {
      folder,
      names: new NameGiver(folder, { overwrite: options.force }),
      overwrite: options.force,
      replacement: checkedReplacement(options.replacement),
      description: new Description(folder, `munpack.${proc.pid}.tmp`),
      say: (text, how) => report.say(text, how),
      warn: (text) => report.error(`warning: ${text}`),
      openStore: (id) => PartStore.open(base, id),
    };
    let code: number = EXIT_DIALECTS.admin.ok;
    if (proc.args.length === 0) await proc.stderr.write(utf8Bytes("munpack: reading from standard input\n"));
    for (const source of proc.args.length === 0 ? [undefined] : proc.args) {
      report.found = false;
      const unpacker = new MessageUnpacker(world, { withText: options.text });
      try {
        if (source === undefined) await readStreamPieces(proc.stdin, (bytes) => unpacker.write(bytes));
        else readPathPieces(fromFolder(source, folder.path), (bytes) => unpacker.write(bytes));
        unpacker.end();
        if (!report.found) report.say(`Did not find anything to unpack from ${source ?? "standard input"}`);
      } catch (error) {
        if (!(error instanceof Temporary)) throw error;
        code = EXIT_DIALECTS.admin.temporary;
        report.error(error.message);
      } finally {
        world.description.forget();
      }
      await proc.stderr.write(utf8Bytes(report.errors.splice(0).join("")));
      await proc.stdout.write(utf8Bytes(report.output.splice(0).join("")));
    }
    return code;
  },
});

/** What is to be told, until the message has been read. */
class Report {
  readonly output: string[] = [];
  readonly errors: string[] = [];
  found = false;

  constructor(readonly quiet: boolean) {}

  say(text: string, how: { readonly evenIfQuiet: boolean } = { evenIfQuiet: false }): void {
    this.found = true;
    if (how.evenIfQuiet || !this.quiet) this.output.push(`${text}\n`);
  }

  error(text: string): void {
    this.errors.push(`munpack: ${text}\n`);
  }
}

/** Files to read are looked for in the folder of -C, as the program changes to it first [man munpack.1]. */
function fromFolder(path: string, folder: string): string {
  return path.startsWith("/") || folder === "." ? path : `${folder}/${path}`;
}

function checkedReplacement(given = "X"): string {
  if (/^[\x21-\x7e]$/.test(given) && !/[/\\.]/.test(given)) return given;
  throw new Usage("-r needs one printable character, no slash and no dot");
}

function targetFolder(path = "."): TargetFolder {
  try {
    if (Deno.statSync(path).isDirectory) return new TargetFolder(path);
  } catch (error) {
    throw new Temporary(`unable to write to ${path}: ${systemReason(error)}`);
  }
  throw new Temporary(`unable to write to ${path}: it is no folder`);
}
