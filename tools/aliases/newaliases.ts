/** newaliases: makes a forwarding database of /etc/aliases. */
import { defineApplet } from "../../core/applet.ts";
import { aliasRecords, logicalLines } from "./alias_text.ts";
import { ADDRESS_CONTROL, readAddressDefaults, readText, writeRecords } from "./write_file.ts";

export const applet = defineApplet({
  names: ["newaliases", "inewaliases"],
  section: 1,
  summary: "create a forwarding database from /etc/aliases",
  role: "tool",
  dialect: "qmail",
  options: {},
  description:
    `newaliases reads /etc/aliases, as sendmail has it, and writes /etc/aliases.cdb for fastforward; everybody may read
that. A line has an alias, a colon and its recipients with commas between; lines that begin with white space go on with it,
empty lines do not end it, and # at the beginning of a line makes it a comment.

An alias is user@host, user for all hosts, or @host for all users. Addresses are as in a message's header, with comments, names
and angle brackets; hosts are completed by the control files. "|program" is a program, and :include:file a list, which newinclude
compiles. Mail that goes out through a list with an alias owner-list has that as its sender.

An installation with a root of its own has its etc/aliases there.`,
  control: ADDRESS_CONTROL,
  files: {
    "/etc/aliases": "what is read",
    "/etc/aliases.cdb": "what is made, and replaced only when all is well",
    "/etc/aliases.tmp": "what is written meanwhile",
  },
  exits: { "0": "done", "100": "an alias is wrong", "111": "a file cannot be read or written; the old database stays" },
  examples: [{ command: "newaliases", help: "after each change of /etc/aliases" }],
  seeAlso: ["fastforward(1)", "newinclude(1)", "printforward(1)", "setforward(1)"],
  source: ["[man inewaliases.1]", "[spec formats 19]"],
  async run(proc) {
    const { root, control } = proc.paths;
    const path = `${root === "/" ? "" : root}/etc/aliases`;
    const defaults = readAddressDefaults(control);
    const lines = logicalLines(await readText(path));
    const batches = lines.map((line) => aliasRecords(line, path, defaults));
    await writeRecords({ path: `${path}.cdb`, temporary: `${path}.tmp` }, batches);
  },
});
