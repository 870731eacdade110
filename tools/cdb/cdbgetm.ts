/** cdbgetm: looks up all records of a key in the constant database on standard input. */
import { defineApplet } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import { openInput } from "./seekable_input.ts";
import { OutputBuffer } from "./write_data.ts";

export const applet = defineApplet({
  names: ["cdbgetm"],
  section: 1,
  summary: "look up all records of a key in a constant database",
  role: "text",
  dialect: "qmail",
  options: {},
  operands: [{ name: "key", help: "the key of the records" }],
  description:
    `cdbgetm reads a constant database from standard input, which must be a file, and prints the data of every
record with the key, each with a line end.`,
  exits: { "0": "found", "100": "no such record, nothing is printed", "111": "standard input is no whole cdb file" },
  seeAlso: ["cdbget(1)", "cdbmake(1)", "cdbdump(1)"],
  source: ["[man cdbgetm.1]"],
  async run(proc) {
    const cdb = openInput();
    const output = new OutputBuffer(proc.stdout);
    const key = utf8Bytes(proc.args[0] ?? "");
    let found = 0;
    for (const place of cdb.findAll(key)) {
      await output.copy(cdb, place.dataAt, place.dataBytes);
      if (output.room === 0) await output.flush();
      output.put("\n");
      found++;
    }
    await output.flush();
    return found > 0 ? EXIT_DIALECTS.qmail.ok : EXIT_DIALECTS.qmail.permanent;
  },
});
