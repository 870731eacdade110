/** suids: what each uid sent, as bare rows [man matchup.1]. */
import { defineApplet } from "../../../core/applet.ts";
import { printRows } from "./report.ts";
import { senderTally } from "./tallies.ts";

export const applet = defineApplet({
  names: ["suids"],
  section: 1,
  summary: "print what each uid sent, as bare rows",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  description:
    `suids reads matchup's records, or the log of qmail-send itself, and prints lines of 8 fields: mess bytes sbytes rbytes
recips tries xdelay uid. Mess: finished messages; bytes: their size; sbytes: the size of each times its successful
recipients; rbytes: the size of each times its recipients; recips: recipients that were delivered or failed; tries:
attempts, deferred ones included; xdelay: seconds that all attempts took.`,
  examples: [{ command: "suids <records | sort -nr | head", help: "the largest, without titles" }],
  seeAlso: ["matchup(1)", "zsuids(1)", "columnt(1)", "senders(1)"],
  source: ["[man matchup.1]"],
  async run(proc) {
    await printRows(proc, senderTally((record) => record.uid));
  },
});
