/** rspamsdomain: spam from each sender's domain, as bare rows [man qmail-log.5]. */
import { defineApplet } from "../../../core/applet.ts";
import { domainOf } from "./smtp_log.ts";
import { printSmtpRows } from "./smtp_report.ts";
import { spamDomainTally } from "./spam_tallies.ts";

export const applet = defineApplet({
  names: ["rspamsdomain"],
  section: 1,
  summary: "print spam from each sender's domain, as bare rows",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  description:
    `rspamsdomain reads the log of an SMTP server, lines of tcpserver and qmail-smtpd or of a spam filter, and prints
bare rows: spambytes spam sbytes mess host. That is: bytes of spam, spam, bytes of all, messages, domain. The last
row is the total.`,
  examples: [{ command: "rspamsdomain <current | sort -nr | columnt", help: "aligned, the largest first" }],
  seeAlso: ["zspam(1)", "smtp-matchup(1)", "columnt(1)", "qmail-smtpd(8)"],
  source: ["[man qmail-log.5]"],
  async run(proc) {
    await printSmtpRows(proc, spamDomainTally(({ sender }) => [domainOf(sender)]));
  },
});
