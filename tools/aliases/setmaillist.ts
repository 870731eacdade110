/** setmaillist: makes a binary mailing list. */
import { defineApplet } from "../../core/applet.ts";
import type { ByteReader } from "../../core/stream.ts";
import { INSTRUCTION_BYTES_MAX } from "./limits.ts";
import { Permanent } from "../../core/errors.ts";
import { listEntry } from "./list_text.ts";
import { inputText, writeParts } from "./write_file.ts";

async function* entriesOf(input: ByteReader): AsyncGenerator<string> {
  let pending = "";
  let lineNumber = 0;
  for await (const text of inputText(input)) {
    const lines = (pending + text).split("\n");
    pending = lines.pop() ?? "";
    if (pending.length > INSTRUCTION_BYTES_MAX) throw new Permanent(`line ${lineNumber + 1} is too long`);
    yield lines.map((line) => listEntry(line, ++lineNumber)).join("");
  }
  yield listEntry(pending, lineNumber + 1);
}

export const applet = defineApplet({
  names: ["setmaillist"],
  section: 1,
  summary: "create a binary mailing list",
  role: "tool",
  dialect: "qmail",
  options: {},
  operands: [
    { name: "bin", help: "the list" },
    { name: "tmp", help: "written first, then moved; on the same file system" },
  ],
  stopsAtOperand: true,
  description:
    `setmaillist reads a mailing list on standard input and writes it in the form that fastforward reads; everybody may
read it. A line is an address of at most 800 bytes with a full host name, with or without & before it, or the name of another
binary list, which begins with a dot or a slash. Empty lines, lines that begin with # and blanks at the end mean nothing.`,
  exits: { "0": "done", "100": "the list is wrong", "111": "a file cannot be read or written; the old one stays" },
  examples: [{ command: "setmaillist staff.bin staff.tmp <staff", help: "compiles the file staff" }],
  seeAlso: ["printmaillist(1)", "setforward(1)", "newinclude(1)"],
  source: ["[man setmaillist.1]", "[spec formats 19]"],
  async run(proc) {
    const [path = "", temporary = ""] = proc.args;
    await writeParts({ path, temporary }, entriesOf(proc.stdin));
  },
});
