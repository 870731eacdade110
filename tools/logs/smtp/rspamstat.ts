/** rspamstat: spam, unsure and ham for each recipient's domain, as bare rows [man qmail-log.5]. */
import { defineApplet } from "../../../core/applet.ts";
import { domainOf } from "./smtp_log.ts";
import { printSmtpRows } from "./smtp_report.ts";
import { verdictTally } from "./spam_tallies.ts";

export const applet = defineApplet({
  names: ["rspamstat"],
  section: 1,
  summary: "print spam, unsure and ham for each recipient's domain, as bare rows",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  description:
    `rspamstat reads the log of an SMTP server, lines of tcpserver and qmail-smtpd or of a spam filter, and prints bare
rows: sbytes mess spam spam_pct unsure unsure_pct ham ham_pct host. That is: bytes, messages with a verdict, of
these spam, unsure and ham, each with its percentage in parentheses, domain. The last row is the total.`,
  examples: [{ command: "rspamstat <current | sort -nr | columnt", help: "aligned, the largest first" }],
  seeAlso: ["zspam(1)", "smtp-matchup(1)", "columnt(1)", "qmail-smtpd(8)"],
  source: ["[man qmail-log.5]"],
  async run(proc) {
    await printSmtpRows(proc, verdictTally(({ recipients }) => recipients.map(domainOf)));
  },
});
