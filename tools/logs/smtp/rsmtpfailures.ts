/** rsmtpfailures: why SMTP refused messages, as bare rows [man qmail-log.5]. */
import { defineApplet } from "../../../core/applet.ts";
import { printSmtpRows } from "./smtp_report.ts";
import { refusalTally } from "./smtp_tallies.ts";

export const applet = defineApplet({
  names: ["rsmtpfailures"],
  section: 1,
  summary: "print why SMTP refused messages, as bare rows",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  description:
    `rsmtpfailures reads the log of an SMTP server, lines of tcpserver and qmail-smtpd, and prints bare rows: del xdelay
reason. That is: how often, seconds that these took, the reason with underscores for blanks.`,
  examples: [{ command: "rsmtpfailures <current | sort -nr | columnt", help: "aligned, the largest first" }],
  seeAlso: ["zsmtp(1)", "smtp-matchup(1)", "columnt(1)", "qmail-smtpd(8)"],
  source: ["[man qmail-log.5]"],
  async run(proc) {
    await printSmtpRows(proc, refusalTally());
  },
});
