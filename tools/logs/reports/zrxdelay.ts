/** zrxdelay: recipients by the mean latency of their attempts, the slowest first [man matchup.1]. */
import { defineApplet } from "../../../core/applet.ts";
import { printTable } from "./report.ts";
import { meanDelayTally } from "./tallies.ts";

const HEADING = `Recipients, the slowest first: backwards this is a good order for a mailing list

* avg: seconds that an attempt took on average
* tries: attempts
`;

export const applet = defineApplet({
  names: ["zrxdelay"],
  section: 1,
  summary: "show which recipients are slow",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  description:
    `zrxdelay reads matchup's records, or the log of qmail-send itself, and prints a table of recipients with the seconds that
a delivery attempt took on average, the slowest first, and how many attempts there were.`,
  examples: [{ command: "matchup <current 5>/dev/null | zrxdelay", help: "the table of a log folder's current file" }],
  seeAlso: ["matchup(1)", "rxdelay(1)", "zrecipients(1)", "zrhosts(1)"],
  source: ["[man matchup.1]"],
  async run(proc) {
    const columns = ["avg", "tries", "recipient"];
    await printTable(proc, { tally: meanDelayTally(), heading: HEADING, columns, order: [0] });
  },
});
