/** zsenders: what each sender sent, as a table [man matchup.1]. */
import { defineApplet } from "../../../core/applet.ts";
import { printTable } from "./report.ts";
import { senderTally } from "./tallies.ts";

const HEADING = `Senders as uid/address, those with the most mess and bytes first

* mess: finished messages
* bytes: their size
* sbytes: the size of each times its successful recipients
* rbytes: the size of each times its recipients
* recips: recipients that were delivered or failed
* tries: attempts, deferred ones included
* xdelay: seconds that all attempts took
`;

export const applet = defineApplet({
  names: ["zsenders"],
  section: 1,
  summary: "show what each sender sent",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  description:
    `zsenders reads matchup's records, or the log of qmail-send itself, and prints a table, senders as uid/address, those
with the most mess and bytes first. Its columns: mess: finished messages; bytes: their size; sbytes: the size of each
times its successful recipients; rbytes: the size of each times its recipients; recips: recipients that were delivered
or failed; tries: attempts, deferred ones included; xdelay: seconds that all attempts took.`,
  examples: [{ command: "matchup <current 5>/dev/null | zsenders", help: "the table of a log folder's current file" }],
  seeAlso: ["matchup(1)", "senders(1)", "zsuids(1)", "zoverall(1)"],
  source: ["[man matchup.1]"],
  async run(proc) {
    const columns = ["mess", "bytes", "sbytes", "rbytes", "recips", "tries", "xdelay", "sender"];
    await printTable(proc, {
      tally: senderTally((record) => `${record.uid}/${record.sender}`),
      heading: HEADING,
      columns,
      order: [0, 1, 2, 3, 5],
    });
  },
});
