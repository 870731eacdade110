/** zoverall: basic statistics of messages and deliveries, as text or as a page with plots [man matchup.1]. */
import { defineApplet } from "../../core/applet.ts";
import { OVERALL_HEADING, overallLines, OverallTally } from "./overall.ts";
import { readRecords } from "./read_records.ts";
import { writeLines } from "./reports/report.ts";

export const applet = defineApplet({
  names: ["zoverall"],
  section: 1,
  summary: "show basic statistics of messages and deliveries",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {
    html: { long: "html", help: "a page with plots instead of text" },
    title: { long: "title", value: "text", default: "Mail deliveries", help: "title of the page" },
  },
  description:
    `zoverall reads matchup's records, or the log of qmail-send itself, and prints how many messages were finished, how many
deliveries were tried and how these ended, how long messages were in the queue (qtime), how long a successful delivery took
from the arrival of its message (ddelay), how long attempts took (xdelay), which time the log spans, and the queue
concurrency: how many deliveries were under way on average.

With --html it writes a page with these numbers, the attempts over time by how they ended, the bytes delivered, the deliveries
under way, how long deliveries took, and the hosts and reasons that stand out. The page is one file without scripts and
without anything from elsewhere; it can be sent by mail.`,
  examples: [
    { command: "matchup <current 5>/dev/null | zoverall", help: "statistics of a log folder's current file" },
    { command: "cat @*.s current | zoverall --html >mail.html", help: "the whole log folder to look at" },
    { command: "xsender list-owner@example.org <records | zoverall", help: "statistics of one sender" },
  ],
  seeAlso: ["matchup(1)", "zddist(1)", "zsenders(1)", "zrhosts(1)", "zdeferrals(1)", "zfailures(1)", "qmailmrtg(1)"],
  source: ["[man matchup.1]"],
  async run(proc) {
    if (proc.options.html) {
      const { overallPage } = await import("./page/overall_page.ts");
      const page = await overallPage(proc.stdin, proc.options.title ?? "Mail deliveries");
      await writeLines(proc.stdout, [page]);
      return;
    }
    const sums = new OverallTally();
    await readRecords(proc.stdin, sums);
    await writeLines(proc.stdout, [OVERALL_HEADING, ...overallLines(sums)]);
  },
});
