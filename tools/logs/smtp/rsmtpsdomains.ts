/** rsmtpsdomains: what came by SMTP from each sender's domain, as bare rows [man qmail-log.5]. */
import { defineApplet } from "../../../core/applet.ts";
import { domainOf } from "./smtp_log.ts";
import { printSmtpRows } from "./smtp_report.ts";
import { acceptedTally } from "./smtp_tallies.ts";

export const applet = defineApplet({
  names: ["rsmtpsdomains"],
  section: 1,
  summary: "print what came by SMTP from each sender's domain, as bare rows",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  description:
    `rsmtpsdomains reads the log of an SMTP server, lines of tcpserver and qmail-smtpd, and prints bare rows: sbytes
xdelay mess spam host. That is: bytes, seconds, messages, spam among them, domain. The last row is the total.`,
  examples: [{ command: "rsmtpsdomains <current | sort -nr | columnt", help: "aligned, the largest first" }],
  seeAlso: ["zsmtp(1)", "smtp-matchup(1)", "columnt(1)", "qmail-smtpd(8)"],
  source: ["[man qmail-log.5]"],
  async run(proc) {
    await printSmtpRows(proc, acceptedTally(({ sender }) => [domainOf(sender)]));
  },
});
