/** zsuccesses: what successful deliveries said, as a table [man matchup.1]. */
import { defineApplet } from "../../../core/applet.ts";
import { printTable } from "./report.ts";
import { reasonTally } from "./tallies.ts";

const HEADING = `What successful deliveries said, the longest xdelay first

* del: attempts that ended so
* xdelay: seconds that these took
`;

export const applet = defineApplet({
  names: ["zsuccesses"],
  section: 1,
  summary: "show what successful deliveries said",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  description:
    `zsuccesses reads matchup's records, or the log of qmail-send itself, and prints a table, what successful deliveries
said, the longest xdelay first. Its columns: del: attempts that ended so; xdelay: seconds that these took.

Reasons are shown with blanks where the log has underscores.`,
  examples: [{
    command: "matchup <current 5>/dev/null | zsuccesses",
    help: "the table of a log folder's current file",
  }],
  seeAlso: ["matchup(1)", "successes(1)", "zdeferrals(1)", "zfailures(1)", "zoverall(1)"],
  source: ["[man matchup.1]"],
  async run(proc) {
    const columns = ["del", "xdelay", "reason"];
    await printTable(proc, { tally: reasonTally("k"), heading: HEADING, columns, order: [1], reasons: true });
  },
});
