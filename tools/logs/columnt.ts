/** columnt: aligns the columns of a table [man columnt.1]. */
import { defineApplet } from "../../core/applet.ts";
import { forEachLine, ownText, TextWriter } from "./lines.ts";
import { splitFields } from "./qmail_log.ts";
import { alignRows } from "./table.ts";

/** Lines that go out in one write. */
const LINES_AT_ONCE = 4096;

export const applet = defineApplet({
  names: ["columnt"],
  section: 1,
  summary: "align the columns of a table",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  description:
    `columnt reads lines whose fields are separated by blanks or tabs and prints them with fields of the same column one below
the other: all columns but the last end at the same place, the last one begins at the same place, two blanks are between.

The whole table is held in memory.`,
  examples: [{ command: "senders <records | sort -nr | columnt", help: "a table that reads well" }],
  seeAlso: ["column(1)", "zsenders(1)"],
  source: ["[man columnt.1]"],
  async run(proc) {
    const rows: string[][] = [];
    const add = (line: string) => rows.push(splitFields(line).map(ownText));
    const rest = await forEachLine(proc.stdin, add);
    if (rest !== "") add(rest);
    const lines = alignRows(rows);
    const out = new TextWriter(proc.stdout);
    for (let at = 0; at < lines.length; at++) {
      out.line(lines[at] ?? "");
      if (at % LINES_AT_ONCE === 0) await out.flush();
    }
    await out.flush();
  },
});
