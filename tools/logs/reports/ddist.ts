/** ddist: how long successful deliveries took, as bare rows [man matchup.1]. */
import { defineApplet } from "../../../core/applet.ts";
import { printRows } from "./report.ts";
import { delayTally } from "./tallies.ts";

export const applet = defineApplet({
  names: ["ddist"],
  section: 1,
  summary: "print how long deliveries took, as bare rows",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  description:
    `ddist reads matchup's records, or the log of qmail-send itself, and prints lines of three fields: seconds within which
the shortest deliveries were done, their average, and what percentage of all successful deliveries they are.`,
  examples: [{ command: "ddist <records | tail -1", help: "the longest delay" }],
  seeAlso: ["matchup(1)", "zddist(1)"],
  source: ["[man matchup.1]"],
  async run(proc) {
    await printRows(proc, delayTally());
  },
});
