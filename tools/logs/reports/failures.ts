/** failures: why deliveries failed, as bare rows [man matchup.1]. */
import { defineApplet } from "../../../core/applet.ts";
import { printRows } from "./report.ts";
import { reasonTally } from "./tallies.ts";

export const applet = defineApplet({
  names: ["failures"],
  section: 1,
  summary: "print why deliveries failed, as bare rows",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  description:
    `failures reads matchup's records, or the log of qmail-send itself, and prints lines of 3 fields: del xdelay reason.
Del: attempts that ended so; xdelay: seconds that these took.`,
  examples: [{ command: "failures <records | sort -nr | head", help: "the largest, without titles" }],
  seeAlso: ["matchup(1)", "zfailures(1)", "columnt(1)", "deferrals(1)", "successes(1)"],
  source: ["[man matchup.1]"],
  async run(proc) {
    await printRows(proc, reasonTally("d"));
  },
});
