/** logselect: prints the lines of a multilog log between two times [man logselect.8]. */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { errorText, Temporary, Usage } from "../../core/errors.ts";
import { StampRange } from "./stamp_range.ts";
import { formatStamp, LABEL_DIGITS, STAMP_BYTES } from "./stamp.ts";

const READ_BYTES = 256 * 1024;

/** The program. */
export const applet = defineApplet({
  names: ["logselect"],
  section: 8,
  summary: "print the part of a multilog log between two times",
  role: "tool",
  dialect: "chain",
  options: {},
  operands: [
    { name: "log", help: "folder that multilog writes, in the current folder: a name without a slash" },
    { name: "start", help: "TAI64N label, with @ or without; or a file, whose time of modification counts" },
    { name: "stop", help: "the same; lines of that time and later are left out" },
  ],
  description:
    `logselect prints the lines of the log whose TAI64N label is not before start and is before stop, from the old files and
current in order. Files that cannot hold such lines are not read. Lines without a label are printed as they come.

It is meant to be run by tcpserver and xargs in a folder of links to logs; then a client sends the name of a link, the two
labels and the word EOF, each in a line, and gets the lines. Whoever can connect can read them.`,
  exits: { "111": "the log cannot be read, or a time is neither a label nor a file" },
  examples: [
    { command: "tcpserver -p 0 642 xargs -E EOF logselect", help: "serve the logs that links in this folder name" },
    { command: "logselect smtp 400000006740000000000000 400000006750000000000000", help: "some days of ./smtp" },
  ],
  seeAlso: ["multilog(8)", "qlogselect(1)", "tai64nlocal(8)", "tcpserver(1)"],
  source: ["[man logselect.9]"],
  async run(proc) {
    const [log = "", start = "", stop = ""] = proc.args;
    if (log.includes("/") || log === "" || log.startsWith(".")) {
      throw new Usage(`${log}: the log is a name in this folder, without slash and not beginning with a dot`);
    }
    const range = { start: stampOf(start), stop: stampOf(stop) };
    for (const file of filesOf(log, range.start)) {
      await printFile(proc, `${log}/${file}`, range);
      if (file > range.stop) break;
    }
  },
});

function stampOf(text: string): string {
  const label = text.replace(/^@/, "");
  if (new RegExp(`^[0-9a-f]{${LABEL_DIGITS}}$`).test(label)) return `@${label}`;
  try {
    const { mtime } = Deno.statSync(text);
    return formatStamp(BigInt(Math.floor((mtime?.getTime() ?? 0) / 1000)) * 1_000_000_000n);
  } catch (error) {
    throw new Temporary(`${text}: neither a TAI64N label nor a file: ${errorText(error)}`);
  }
}

/** Old files that end at `start` or later, in order, and current. A file's name is the time of its end. */
function filesOf(log: string, start: string): string[] {
  let names: string[];
  try {
    names = [...Deno.readDirSync(log)].map(({ name }) => name);
  } catch (error) {
    throw new Temporary(`unable to read the folder ${log}: ${errorText(error)}`);
  }
  const old = names.filter((name) => name.startsWith("@") && name.slice(0, STAMP_BYTES) >= start).sort();
  return names.includes("current") ? [...old, "current"] : old;
}

async function printFile(
  proc: Pick<Proc, "stdout">,
  path: string,
  range: { start: string; stop: string },
): Promise<void> {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return; // multilog has just removed or renamed it
    throw new Temporary(`unable to read ${path}: ${errorText(error)}`);
  }
  try {
    const lines = new StampRange(range);
    const buffer = new Uint8Array(READ_BYTES);
    for (;;) {
      const count = await file.read(buffer);
      for (const part of count === null ? lines.end() : lines.push(buffer.subarray(0, count))) {
        await proc.stdout.write(part);
      }
      if (count === null) return;
    }
  } finally {
    file.close();
  }
}
