/** rsmtp: what each client sent by SMTP, as bare rows [man qmail-log.5]. */
import { defineApplet } from "../../../core/applet.ts";
import { printSmtpRows } from "./smtp_report.ts";
import { clientTally } from "./smtp_tallies.ts";

export const applet = defineApplet({
  names: ["rsmtp"],
  section: 1,
  summary: "print what each client sent by SMTP, as bare rows",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  description:
    `rsmtp reads the log of an SMTP server, lines of tcpserver and qmail-smtpd, and prints bare rows: sbytes xdelay
embryo mess spam success failure host. That is: bytes of the messages taken, seconds that all took, connections that
ended without a message or a refusal, messages and refusals, spam among them, messages taken, refusals, address of
the client. The last row is the total.`,
  examples: [{ command: "rsmtp <current | sort -nr | columnt", help: "aligned, the largest first" }],
  seeAlso: ["zsmtp(1)", "smtp-matchup(1)", "columnt(1)", "qmail-smtpd(8)"],
  source: ["[man qmail-log.5]"],
  async run(proc) {
    await printSmtpRows(proc, clientTally());
  },
});
