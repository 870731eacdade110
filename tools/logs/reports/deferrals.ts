/** deferrals: why deliveries were deferred, as bare rows [man matchup.1]. */
import { defineApplet } from "../../../core/applet.ts";
import { printRows } from "./report.ts";
import { reasonTally } from "./tallies.ts";

export const applet = defineApplet({
  names: ["deferrals"],
  section: 1,
  summary: "print why deliveries were deferred, as bare rows",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  description:
    `deferrals reads matchup's records, or the log of qmail-send itself, and prints lines of 3 fields: del xdelay reason.
Del: attempts that ended so; xdelay: seconds that these took.`,
  examples: [{ command: "deferrals <records | sort -nr | head", help: "the largest, without titles" }],
  seeAlso: ["matchup(1)", "zdeferrals(1)", "columnt(1)", "failures(1)", "successes(1)"],
  source: ["[man matchup.1]"],
  async run(proc) {
    await printRows(proc, reasonTally("z"));
  },
});
