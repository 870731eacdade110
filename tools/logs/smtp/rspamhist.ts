/** rspamhist: how spamicities are distributed, as bare rows [man qmail-log.5]. */
import { defineApplet } from "../../../core/applet.ts";
import { writeLines } from "../reports/report.ts";
import { readSmtpLog } from "./smtp_report.ts";
import { SpamicityHistogram } from "./spam_tallies.ts";

export const applet = defineApplet({
  names: ["rspamhist"],
  section: 1,
  summary: "print how spamicities are distributed, as bare rows",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  description:
    `rspamhist reads a log with the verdicts of a spam filter, lines that hold spamicity=NUMBER, and prints a row for each
tenth from 0 to 1: its upper end, a bar, the count of messages. The last row is the total.`,
  examples: [{ command: "rspamhist <current", help: "the histogram of a log folder's current file" }],
  seeAlso: ["zspam(1)", "rspamstat(1)"],
  source: ["[man qmail-log.5]"],
  async run(proc) {
    const histogram = new SpamicityHistogram();
    await readSmtpLog(proc.stdin, [], histogram);
    await writeLines(proc.stdout, histogram.rows().map((row) => row.join(" ")));
  },
});
