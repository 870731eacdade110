/** cdbdump: prints the constant database on standard input, a file or a pipe, as cdbmake reads it. */
import { defineApplet } from "../../core/applet.ts";
import { openInputInOrder } from "./seekable_input.ts";
import { OutputBuffer } from "./write_data.ts";
import { HEADER_BYTES } from "../../storage/cdb/hash.ts";

/** More than the bytes around key and data: sign, two lengths, separators. */
const FRAME_BYTES = 64;

export const applet = defineApplet({
  names: ["cdbdump"],
  section: 1,
  summary: "print a constant database as records",
  role: "text",
  dialect: "qmail",
  options: {},
  description:
    `cdbdump reads a constant database from standard input and prints its records in the form that cdbmake reads, in the
order in which they were added.`,
  exits: { "111": "standard input is no whole cdb file" },
  examples: [{ command: "cdbdump <a.cdb | cdbmake b.cdb b.tmp", help: "makes the same file again" }],
  seeAlso: ["cdbmake(1)", "cdbget(1)", "cdbstats(1)"],
  source: ["[man cdbmake.1]", "[spec formats 9]"],
  async run(proc) {
    const cdb = openInputInOrder();
    const output = new OutputBuffer(proc.stdout);
    const end = cdb.recordsEnd();
    for (let at = HEADER_BYTES; at < end;) {
      const { keyAt, keyBytes, dataAt, dataBytes } = cdb.recordAt(at, end);
      if (output.room < FRAME_BYTES + keyBytes + dataBytes) await output.flush();
      output.put(`+${keyBytes},${dataBytes}:`);
      if (output.room >= FRAME_BYTES + keyBytes + dataBytes) {
        output.putRange(cdb, keyAt, keyBytes);
        output.put("->");
        output.putRange(cdb, dataAt, dataBytes);
      } else {
        await output.copy(cdb, keyAt, keyBytes);
        if (output.room < FRAME_BYTES) await output.flush();
        output.put("->");
        await output.copy(cdb, dataAt, dataBytes);
      }
      if (output.room === 0) await output.flush();
      output.put("\n");
      at = dataAt + dataBytes;
    }
    if (output.room === 0) await output.flush();
    output.put("\n");
    await output.flush();
  },
});
