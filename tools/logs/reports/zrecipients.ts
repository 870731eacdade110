/** zrecipients: what each recipient got, as a table [man matchup.1]. */
import { defineApplet } from "../../../core/applet.ts";
import { printTable } from "./report.ts";
import { recipientTally } from "./tallies.ts";

const HEADING = `Recipients, those with the most sbytes and mess first

* sbytes: bytes delivered to it successfully
* mess: messages sent to it that were delivered or failed
* tries: attempts, deferred ones included
* xdelay: seconds that all attempts took
`;

export const applet = defineApplet({
  names: ["zrecipients"],
  section: 1,
  summary: "show what each recipient got",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  description:
    `zrecipients reads matchup's records, or the log of qmail-send itself, and prints a table, recipients, those with the
most sbytes and mess first. Its columns: sbytes: bytes delivered to it successfully; mess: messages sent to it that
were delivered or failed; tries: attempts, deferred ones included; xdelay: seconds that all attempts took.`,
  examples: [{
    command: "matchup <current 5>/dev/null | zrecipients",
    help: "the table of a log folder's current file",
  }],
  seeAlso: ["matchup(1)", "recipients(1)", "zrhosts(1)", "zrxdelay(1)", "zoverall(1)"],
  source: ["[man matchup.1]"],
  async run(proc) {
    const columns = ["sbytes", "mess", "tries", "xdelay", "recipient"];
    await printTable(proc, {
      tally: recipientTally((recipient) => recipient),
      heading: HEADING,
      columns,
      order: [0, 1, 3, 2],
    });
  },
});
