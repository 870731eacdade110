/** cdbmake: makes a constant database from records on standard input. */
import { defineApplet } from "../../core/applet.ts";
import { makeDatabase, readInput } from "./make.ts";
import { RecordText } from "./record_text.ts";

export const applet = defineApplet({
  names: ["cdbmake"],
  section: 1,
  summary: "make a constant database from records",
  role: "tool",
  dialect: "qmail",
  options: {},
  operands: [
    { name: "cdb", help: "the file to be made; replaced when all is written and synced" },
    { name: "temporary", help: "what is written meanwhile, on the same file system; an old one is destroyed" },
  ],
  description:
    `cdbmake reads records from standard input, each +KLEN,DLEN:KEY->DATA and a line end, with an empty line after
the last. KLEN and DLEN are the bytes of key and data, which may hold anything. Records with the same key stay in order.

The new database takes the place of the old in one step; whoever reads it sees the one or the other. It can be 4 GB long;
a larger one is refused and the old file stays.`,
  exits: { "111": "the input is not in this form, or a file cannot be written; the old database is untouched" },
  examples: [{ command: "printf '+3,5:one->Hello\\n\\n' | cdbmake a.cdb a.tmp", help: "one record" }],
  seeAlso: ["cdbget(1)", "cdbdump(1)", "cdbmake-12(1)", "cdbmake-sv(1)"],
  source: ["[man cdbmake.1]", "[spec formats 9]"],
  async run(proc) {
    const [path = "", temporary = ""] = proc.args;
    await makeDatabase({ path, temporary }, async (writer) => {
      const text = new RecordText(writer);
      await readInput(proc.stdin, async (bytes) => {
        text.push(bytes);
        if (writer.full) await writer.drain();
        return !text.ended;
      });
      text.end();
    });
  },
});
