/** zsuids: what each uid sent, as a table [man matchup.1]. */
import { defineApplet } from "../../../core/applet.ts";
import { printTable } from "./report.ts";
import { senderTally } from "./tallies.ts";

const HEADING = `Uids that queued mail, those with the most mess and bytes first

* mess: finished messages
* bytes: their size
* sbytes: the size of each times its successful recipients
* rbytes: the size of each times its recipients
* recips: recipients that were delivered or failed
* tries: attempts, deferred ones included
* xdelay: seconds that all attempts took
`;

export const applet = defineApplet({
  names: ["zsuids"],
  section: 1,
  summary: "show what each uid sent",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  description:
    `zsuids reads matchup's records, or the log of qmail-send itself, and prints a table, uids that queued mail, those with
the most mess and bytes first. Its columns: mess: finished messages; bytes: their size; sbytes: the size of each times
its successful recipients; rbytes: the size of each times its recipients; recips: recipients that were delivered or
failed; tries: attempts, deferred ones included; xdelay: seconds that all attempts took.`,
  examples: [{ command: "matchup <current 5>/dev/null | zsuids", help: "the table of a log folder's current file" }],
  seeAlso: ["matchup(1)", "suids(1)", "zsenders(1)", "zoverall(1)"],
  source: ["[man matchup.1]"],
  async run(proc) {
    const columns = ["mess", "bytes", "sbytes", "rbytes", "recips", "tries", "xdelay", "uid"];
    await printTable(proc, {
      tally: senderTally((record) => record.uid),
      heading: HEADING,
      columns,
      order: [0, 1, 2, 3],
    });
  },
});
