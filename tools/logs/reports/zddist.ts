/** zddist: how long successful deliveries took, as a distribution [man matchup.1]. */
import { defineApplet } from "../../../core/applet.ts";
import { printTable } from "./report.ts";
import { delayTally } from "./tallies.ts";

const HEADING = `Distribution of ddelays, the longest first

A line says: pct percent of the successful deliveries were done within doneby
seconds of their message's arrival, and took avg seconds on average.
`;

export const applet = defineApplet({
  names: ["zddist"],
  section: 1,
  summary: "show how long deliveries took",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  description:
    `zddist reads matchup's records, or the log of qmail-send itself, and prints the distribution of delays: pct percent of the
successful deliveries were done within doneby seconds after the message had been queued; these took avg seconds on average.
There is a line for each percentage from 10 on that some delay reaches.`,
  examples: [{ command: "matchup <current 5>/dev/null | zddist", help: "the table of a log folder's current file" }],
  seeAlso: ["matchup(1)", "ddist(1)", "zoverall(1)"],
  source: ["[man matchup.1]"],
  async run(proc) {
    await printTable(proc, {
      tally: delayTally(),
      heading: HEADING,
      columns: ["doneby", "avg", "pct"],
      order: [0, 1, 2],
    });
  },
});
