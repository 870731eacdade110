/** rhosts: what each recipient's host got, as bare rows [man matchup.1]. */
import { defineApplet } from "../../../core/applet.ts";
import { printRows } from "./report.ts";
import { hostOf, recipientTally } from "./tallies.ts";

export const applet = defineApplet({
  names: ["rhosts"],
  section: 1,
  summary: "print what each recipient's host got, as bare rows",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  description:
    `rhosts reads matchup's records, or the log of qmail-send itself, and prints lines of 5 fields: sbytes mess tries
xdelay host. Sbytes: bytes delivered to it successfully; mess: messages sent to it that were delivered or failed;
tries: attempts, deferred ones included; xdelay: seconds that all attempts took.`,
  examples: [{ command: "rhosts <records | sort -nr | head", help: "the largest, without titles" }],
  seeAlso: ["matchup(1)", "zrhosts(1)", "columnt(1)", "recipients(1)", "rxdelay(1)"],
  source: ["[man matchup.1]"],
  async run(proc) {
    await printRows(proc, recipientTally(hostOf));
  },
});
