/** zsmtp: all that the log of an SMTP server tells, in six tables [man qmail-log.5]. */
import { defineApplet } from "../../../core/applet.ts";
import { domainOf } from "./smtp_log.ts";
import { printSections, readSmtpLog, type Section } from "./smtp_report.ts";
import { acceptedTally, clientTally, refusalTally, type SmtpTally } from "./smtp_tallies.ts";

const COLUMNS = `* sbytes: bytes of the messages taken
* xdelay: seconds from the start of the connection, or the message before
* mess: messages
* spam: spam among them
`;

function accepted(title: string, key: string, tally: SmtpTally): Section & { readonly tally: SmtpTally } {
  const columns = ["sbytes", "xdelay", "mess", "spam", key];
  return {
    heading: `${title}, those with the most sbytes first\n\n${COLUMNS}`,
    columns,
    order: [0],
    tally,
    rows: tally.rows,
  };
}

function sections(): (Section & { readonly tally: SmtpTally })[] {
  const clients = clientTally();
  const refusals = refusalTally();
  return [
    {
      heading: `SMTP clients, those with the most sbytes first

* sbytes: bytes of the messages taken
* xdelay: seconds that messages and refusals took
* embryo: connections that ended without a message or a refusal
* mess: messages and refusals
* spam: spam among them
* success: messages taken
* failure: refusals
`,
      columns: ["sbytes", "xdelay", "embryo", "mess", "spam", "success", "failure", "host"],
      order: [0],
      tally: clients,
      rows: clients.rows,
    },
    {
      heading: `Reasons of refusals, the longest xdelay first

* del: how often
* xdelay: seconds that these took
`,
      columns: ["del", "xdelay", "reason"],
      order: [1],
      reasons: true,
      tally: refusals,
      rows: refusals.rows,
    },
    accepted("SMTP senders' domains", "host", acceptedTally(({ sender }) => [domainOf(sender)])),
    accepted("SMTP recipients' domains", "host", acceptedTally(({ recipients }) => recipients.map(domainOf))),
    accepted("SMTP senders", "sender", acceptedTally(({ sender }) => [sender])),
    accepted("SMTP recipients", "recipient", acceptedTally(({ recipients }) => recipients)),
  ];
}

export const applet = defineApplet({
  names: ["zsmtp"],
  section: 1,
  summary: "show what the log of an SMTP server tells",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  description:
    `zsmtp reads the log of an SMTP server, lines of tcpserver and qmail-smtpd, and prints six tables: clients, reasons of
refusals, senders' domains, recipients' domains, senders, recipients. A row Total stands where its numbers put it.`,
  examples: [{
    command: "smtp-matchup <current 5>/dev/null | zsmtp",
    help: "the tables of a log folder's current file",
  }],
  seeAlso: ["smtp-matchup(1)", "zspam(1)", "rsmtp(1)", "rsmtpfailures(1)", "qmail-smtpd(8)"],
  source: ["[man qmail-log.5]"],
  async run(proc) {
    const tables = sections();
    await readSmtpLog(proc.stdin, tables.map(({ tally }) => tally));
    await printSections(proc, tables);
  },
});
