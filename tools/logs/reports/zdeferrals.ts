/** zdeferrals: why deliveries were deferred, as a table [man matchup.1]. */
import { defineApplet } from "../../../core/applet.ts";
import { printTable } from "./report.ts";
import { reasonTally } from "./tallies.ts";

const HEADING = `Reasons for deferral, the longest xdelay first

* del: attempts that ended so
* xdelay: seconds that these took
`;

export const applet = defineApplet({
  names: ["zdeferrals"],
  section: 1,
  summary: "show why deliveries were deferred",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  description:
    `zdeferrals reads matchup's records, or the log of qmail-send itself, and prints a table, reasons for deferral, the
longest xdelay first. Its columns: del: attempts that ended so; xdelay: seconds that these took.

Reasons are shown with blanks where the log has underscores.`,
  examples: [{
    command: "matchup <current 5>/dev/null | zdeferrals",
    help: "the table of a log folder's current file",
  }],
  seeAlso: ["matchup(1)", "deferrals(1)", "zfailures(1)", "zsuccesses(1)", "zoverall(1)"],
  source: ["[man matchup.1]"],
  async run(proc) {
    const columns = ["del", "xdelay", "reason"];
    await printTable(proc, { tally: reasonTally("z"), heading: HEADING, columns, order: [1], reasons: true });
  },
});
