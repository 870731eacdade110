/** cdbstats: how far the records of a constant database lie from their slots. */
import { defineApplet } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { HEADER_BYTES } from "../../storage/cdb/hash.ts";
import { openInput } from "./seekable_input.ts";

/** Distances that have a line of their own. */
const DISTANCES = 10;
const NAME_WIDTH = 7;
const COUNT_WIDTH = 11;

function line(name: string, count: number): string {
  return `${name.padEnd(NAME_WIDTH)}${String(count).padStart(COUNT_WIDTH)}\n`;
}

export const applet = defineApplet({
  names: ["cdbstats"],
  section: 1,
  summary: "print statistics of a constant database",
  role: "text",
  dialect: "qmail",
  options: {},
  description:
    `cdbstats reads a constant database from standard input, which must be a file, and prints the number of records,
then how many of them lie at distance 0 from the slot of their hash (d0), at distance 1 (d1), and so on.`,
  exits: { "111": "standard input is no whole cdb file" },
  seeAlso: ["cdbtest(1)", "cdbdump(1)", "cdbmake(1)"],
  source: ["[man cdbstats.1]"],
  async run(proc) {
    const cdb = openInput();
    const counts = Array<number>(DISTANCES + 1).fill(0);
    let records = 0;
    const end = cdb.recordsEnd();
    for (let at = HEADER_BYTES; at < end; records++) {
      const place = cdb.recordAt(at, end);
      counts[Math.min(cdb.distance(place), DISTANCES)]! += 1;
      at = place.dataAt + place.dataBytes;
    }
    const lines = counts.map((count, at) => line(at < DISTANCES ? `d${at}` : `>${DISTANCES - 1}`, count));
    await proc.stdout.write(utf8Bytes(line("records", records) + lines.join("")));
  },
});
