/** zfailures: why deliveries failed, as a table [man matchup.1]. */
import { defineApplet } from "../../../core/applet.ts";
import { printTable } from "./report.ts";
import { reasonTally } from "./tallies.ts";

const HEADING = `Reasons for failure, the longest xdelay first

* del: attempts that ended so
* xdelay: seconds that these took
`;

export const applet = defineApplet({
  names: ["zfailures"],
  section: 1,
  summary: "show why deliveries failed",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  description:
    `zfailures reads matchup's records, or the log of qmail-send itself, and prints a table, reasons for failure, the
longest xdelay first. Its columns: del: attempts that ended so; xdelay: seconds that these took.

Reasons are shown with blanks where the log has underscores.`,
  examples: [{ command: "matchup <current 5>/dev/null | zfailures", help: "the table of a log folder's current file" }],
  seeAlso: ["matchup(1)", "failures(1)", "zdeferrals(1)", "zsuccesses(1)", "zoverall(1)"],
  source: ["[man matchup.1]"],
  async run(proc) {
    const columns = ["del", "xdelay", "reason"];
    await printTable(proc, { tally: reasonTally("d"), heading: HEADING, columns, order: [1], reasons: true });
  },
});
