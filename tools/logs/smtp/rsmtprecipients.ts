/** rsmtprecipients: what came by SMTP for each recipient, as bare rows [man qmail-log.5]. */
import { defineApplet } from "../../../core/applet.ts";
import { printSmtpRows } from "./smtp_report.ts";
import { acceptedTally } from "./smtp_tallies.ts";

export const applet = defineApplet({
  names: ["rsmtprecipients"],
  section: 1,
  summary: "print what came by SMTP for each recipient, as bare rows",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  description:
    `rsmtprecipients reads the log of an SMTP server, lines of tcpserver and qmail-smtpd, and prints bare rows: sbytes
xdelay mess spam recipient. That is: bytes, seconds, messages, spam among them, address. The last row is the total.`,
  examples: [{ command: "rsmtprecipients <current | sort -nr | columnt", help: "aligned, the largest first" }],
  seeAlso: ["zsmtp(1)", "smtp-matchup(1)", "columnt(1)", "qmail-smtpd(8)"],
  source: ["[man qmail-log.5]"],
  async run(proc) {
    await printSmtpRows(proc, acceptedTally(({ recipients }) => recipients));
  },
});
