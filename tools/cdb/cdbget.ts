/** cdbget: looks a key up in the constant database on standard input. */
import { defineApplet } from "../../core/applet.ts";
import { concatBytes, utf8Bytes } from "../../core/bytes.ts";
import { Usage } from "../../core/errors.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import { openInput } from "./seekable_input.ts";
import { OutputBuffer } from "./write_data.ts";

export const applet = defineApplet({
  names: ["cdbget"],
  section: 1,
  summary: "look a key up in a constant database",
  role: "text",
  dialect: "qmail",
  options: { nul: { flag: "n", help: "put a NUL byte after the key, as cdb-database does" } },
  operands: [
    { name: "key", help: "the key of the record" },
    { name: "skip", help: "how many records with this key are passed over first", optional: true },
  ],
  description:
    `cdbget reads a constant database from standard input, which must be a file, and prints the data of the first
record with the key, without a line end.`,
  exits: { "0": "found", "100": "no such record, nothing is printed", "111": "standard input is no whole cdb file" },
  examples: [{ command: "cdbget smtp/tcp <services.cdb", help: "the port of a service" }],
  seeAlso: ["cdbgetm(1)", "cdbmake(1)", "cdbdump(1)"],
  source: ["[man cdbget.1]"],
  async run(proc) {
    const [key = "", skip = "0"] = proc.args;
    if (!/^\d{1,15}$/.test(skip)) throw new Usage(`${skip} is not a number of records`);
    const bytes = utf8Bytes(key);
    const cdb = openInput();
    const place = cdb.find(proc.options.nul ? concatBytes(bytes, Uint8Array.of(0)) : bytes, Number(skip));
    if (!place) return EXIT_DIALECTS.qmail.permanent;
    const output = new OutputBuffer(proc.stdout);
    await output.copy(cdb, place.dataAt, place.dataBytes);
    await output.flush();
    return EXIT_DIALECTS.qmail.ok;
  },
});
