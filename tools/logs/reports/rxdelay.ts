/** rxdelay: the mean latency of attempts for each row of recipients, the slowest first [man matchup.1]. */
import { defineApplet } from "../../../core/applet.ts";
import { forEachLine } from "../lines.ts";
import { splitFields } from "../qmail_log.ts";
import { largestFirst, writeLines } from "./report.ts";

export const applet = defineApplet({
  names: ["rxdelay"],
  section: 1,
  summary: "print the mean latency of recipients",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  description:
    `rxdelay reads the rows that recipients (or rhosts) prints, sbytes mess tries xdelay recipient, and prints for each: the
seconds that an attempt took on average, the number of attempts, the recipient. The slowest come first.`,
  examples: [{ command: "recipients <records | rxdelay | head", help: "the slowest recipients" }],
  seeAlso: ["recipients(1)", "rhosts(1)", "zrxdelay(1)", "matchup(1)"],
  source: ["[man matchup.1]"],
  async run(proc) {
    const rows: string[][] = [];
    const add = (line: string) => {
      const [, , tries = "", seconds = "", recipient = ""] = splitFields(line);
      if (Number(tries) > 0) rows.push([(Number(seconds) / Number(tries)).toFixed(2), tries, recipient]);
    };
    const rest = await forEachLine(proc.stdin, add);
    if (rest !== "") add(rest);
    await writeLines(proc.stdout, largestFirst(rows, [0]).map((row) => row.join(" ")));
  },
});
