/** rrt: tells the sender of a message with a Return-Receipt-To field how its delivery to another host went. */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { byteText } from "../../core/byte_text.ts";
import { controlLine } from "../../core/control_lines.ts";
import { formatDate } from "../../mail/date.ts";
import type { Header } from "../../mail/header/header.ts";
import { variable } from "./delivery.ts";
import { headerAddress, headerText } from "./header_text.ts";
import {
  fieldAddresses,
  headerOfInput,
  type Notice,
  NOTICE_EXIT,
  NOTICE_EXITS,
  noticeBoundary,
  sendNotice,
} from "./notice.ts";
import { QUEUE_ENV, QUEUE_FILES } from "./queue_mail.ts";

/** How the delivery went, by the variable that qmail-remote has found this program in. */
const OUTCOMES = [
  {
    variable: "ONSUCCESS_REMOTE",
    subject: "Successful Mail Delivery Report",
    action: "relayed",
    status: "2.0.0",
    text: "Your message was handed over to the next host. If that keeps the mailbox, nothing more will follow;\n" +
      "else other hosts may still report that it could not be delivered. Nothing is said of its being read.\n",
  },
  {
    variable: "ONFAILURE_REMOTE",
    subject: "Permanent Failure: Mail Delivery Report",
    action: "failed",
    status: "5.0.0",
    text: "Your message could not be delivered, and will not be tried again.\n",
  },
  {
    variable: "ONTEMPORARY_REMOTE",
    subject: "Temporary Failure: Mail Delivery Report",
    action: "delayed",
    status: "4.0.0",
    text: "Your message has not been delivered yet. It will be tried again; whether it arrives is not known.\n",
  },
] as const;

type Outcome = (typeof OUTCOMES)[number];

/** What the other host said: a text, and a code of three digits or x.y.z. */
interface Conversation {
  readonly text: string | undefined;
  readonly code: string | undefined;
}

function conversation(proc: Proc): Conversation {
  const text = variable(proc, "SMTPTEXT") ?? variable(proc, "QMTPTEXT");
  // the first character is the kind of the report
  return { text: text?.slice(1), code: variable(proc, "SMTPCODE") ?? variable(proc, "QMTPCODE") };
}

function receipt(proc: Proc, header: Header, { outcome, sender, recipients }: {
  readonly outcome: Outcome;
  readonly sender: string;
  readonly recipients: readonly string[];
}): Notice {
  const { control } = proc.paths;
  const host = controlLine(control, "bouncehost") ?? controlLine(control, "me") ?? "bouncehost";
  const from = controlLine(control, "bouncefrom") ?? "MAILER-DAEMON";
  const nowMs = proc.clock.nowMs();
  const date = formatDate(nowMs);
  const said = conversation(proc);
  const shown = recipients.map(headerAddress);
  const messageId = headerText(header.value("message-id") ?? "");
  const status = said.code && /^[245]\.\d{1,3}\.\d{1,3}$/.test(said.code) ? said.code : outcome.status;
  const text = headerText(said.text ?? "");
  const code = said.code === undefined || text.startsWith(said.code) ? "" : `${said.code} `;
  const diagnostic = said.text === undefined ? "" : `Diagnostic-Code: smtp; ${code}${text}\n`;
  const fields = shown.map((recipient) =>
    `\nOriginal-Recipient: rfc822; ${recipient}\nFinal-Recipient: rfc822; ${recipient}\nAction: ${outcome.action}\n` +
    `Status: ${status}\n${diagnostic}`
  );
  return {
    header: `From: <${headerAddress(`${from}@${host}`)}>\nDate: ${date}\nSubject: ${outcome.subject}: ${
      headerText(header.value("subject") ?? "")
    }\nTo: <${headerAddress(sender)}>\nIn-Reply-To: ${messageId}\nReferences: ${messageId}\n`,
    reportType: "delivery-status",
    text: `This is rrt at ${headerText(host)}, about your message ${messageId}\nto\n  ${
      shown.join("\n  ")
    }\n\n${outcome.text}${said.text === undefined ? "" : `\nThe other host said:\n${said.text.trimEnd()}\n`}`,
    report: `Reporting-MTA: dns; ${headerText(host)}\nArrival-Date: ${date}\n${fields.join("")}`,
    boundary: noticeBoundary(nowMs, proc.pid),
    original: proc.options.body ? "message" : "header",
  };
}

export const applet = defineApplet({
  names: ["rrt"],
  section: 1,
  summary: "respond to requests for a return receipt",
  role: "tool",
  dialect: "notice",
  options: {
    print: { flag: "n", help: "print the receipt instead of sending it" },
    body: { flag: "b", help: "enclose the whole message, not its header only" },
  },
  operands: [
    { name: "host", help: "where the message went" },
    { name: "sender", help: "envelope sender; gets the receipt" },
    { name: "qqeh", help: "lines that the queue added" },
    { name: "size", help: "of the message, bytes" },
    { name: "recipient", help: "whom it went to", repeat: true },
  ],
  stopsAtOperand: true,
  description:
    `qmail-remote runs rrt, with its own arguments and the message, when one of the variables ONSUCCESS_REMOTE,
ONFAILURE_REMOTE and ONTEMPORARY_REMOTE names it. When the message has the fields Return-Receipt-To and Message-ID, rrt sends
a report to the envelope sender, and never to another address that the field may name. A bounce gets none, and a failure
that the sender is told of by a bounce gets none either.`,
  env: {
    ...QUEUE_ENV,
    ONSUCCESS_REMOTE: "set: the delivery has succeeded",
    ONFAILURE_REMOTE: "set: it has failed for good",
    ONTEMPORARY_REMOTE: "set: it has failed for now",
    SMTPTEXT: "what the other host said, after a letter",
    SMTPCODE: "its code",
    QMTPTEXT: "the same by QMTP",
    QMTPCODE: "the same by QMTP",
  },
  control: ["bouncefrom", "bouncehost", "me"],
  files: QUEUE_FILES,
  exits: { ...NOTICE_EXITS, "8": "Return-Receipt-To cannot be understood" },
  examples: [{
    command: "env ONSUCCESS_REMOTE=rrt rrt -n example.org ann@example.net '' 0 joe@example.org <message",
    help: "shows the receipt",
  }],
  seeAlso: ["qmail-remote(8)", "qnotify(1)", "qreceipt(1)"],
  source: ["[man rrt.9]", "[rfc3464 2]"],
  async run(proc) {
    const [, sender = "", , , ...recipients] = proc.args.map(byteText);
    const start = await headerOfInput(proc);
    if (typeof start === "number") return start;
    const { header } = start;
    const asking = header.value("return-receipt-to");
    if (asking === undefined || header.value("message-id") === undefined) return NOTICE_EXIT.done;
    const [asker] = fieldAddresses(asking);
    if (asker === undefined) return NOTICE_EXIT.parse;
    const outcome = OUTCOMES.find(({ variable: name }) => variable(proc, name) !== undefined);
    if (!outcome || sender === "" || sender === "#@[]") return NOTICE_EXIT.done;
    if (outcome.action === "failed" && asker === sender) return NOTICE_EXIT.done; // the bounce says it
    const notice = receipt(proc, header, { outcome, sender, recipients });
    return await sendNotice(proc, notice, { recipient: sender, print: proc.options.print });
  },
});
