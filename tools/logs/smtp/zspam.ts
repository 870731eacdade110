/** zspam: what spam filters said, in four tables [man qmail-log.5]. */
import { defineApplet } from "../../../core/applet.ts";
import { domainOf } from "./smtp_log.ts";
import { printSections, readSmtpLog, type Section } from "./smtp_report.ts";
import { spamDomainTally, SpamicityHistogram, verdictTally } from "./spam_tallies.ts";

const DOMAIN_COLUMNS = ["spambytes", "spam", "sbytes", "mess", "host"];
const DOMAIN_HELP = `* spambytes: bytes of spam
* spam: messages that are spam
* sbytes: bytes of all messages
* mess: messages
`;

export const applet = defineApplet({
  names: ["zspam"],
  section: 1,
  summary: "show what spam filters said",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  description:
    `zspam reads a log with the verdicts of a spam filter: lines of qmail-smtpd, qmail-local or qmail-remote that end in the
filter's header field (X-Bogosity: Yes, ...), and lines that hold spamicity=NUMBER. It prints four tables: spam by the
recipient's domain, spam by the sender's domain, spam, unsure and ham by the recipient's domain, and how spamicities are
distributed.`,
  examples: [{ command: "zspam <current", help: "the tables of a log folder's current file" }],
  seeAlso: ["zsmtp(1)", "rspamstat(1)", "rspamhist(1)", "qmail-logfifo(8)"],
  source: ["[man qmail-log.5]"],
  async run(proc) {
    const recipients = spamDomainTally((event) => event.recipients.map(domainOf));
    const senders = spamDomainTally(({ sender }) => [domainOf(sender)]);
    const verdicts = verdictTally((event) => event.recipients.map(domainOf));
    const histogram = new SpamicityHistogram();
    await readSmtpLog(proc.stdin, [recipients, senders, verdicts], histogram);
    const sections: Section[] = [
      {
        heading: `Spam by the recipient's domain, the most spambytes first\n\n${DOMAIN_HELP}`,
        columns: DOMAIN_COLUMNS,
        order: [0, 1, 3, 2],
        rows: recipients.rows,
      },
      {
        heading: `Spam by the sender's domain, the most spambytes first\n\n${DOMAIN_HELP}`,
        columns: DOMAIN_COLUMNS,
        order: [0, 1, 3, 2],
        rows: senders.rows,
      },
      {
        heading: `Verdicts by the recipient's domain, the most spam first

* sbytes: bytes of messages with a verdict
* mess: messages with a verdict
* spam, unsure, ham: how many, and the percentage of mess
`,
        columns: ["sbytes", "mess", "spam", "spam_pct", "unsure", "unsure_pct", "ham", "ham_pct", "host"],
        order: [2, 1, 0],
        rows: verdicts.rows,
      },
      {
        heading: `How spamicities are distributed

* spamicity: upper end of the class
* hist: a full bar is all messages
* mess: messages
`,
        columns: ["spamicity", "hist", "mess"],
        order: [],
        rows: () => histogram.rows(),
      },
    ];
    await printSections(proc, sections);
  },
});
