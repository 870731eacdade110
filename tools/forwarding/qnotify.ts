/** qnotify: answers requests for a notice of what became of a message. */
import { defineApplet } from "../../core/applet.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { formatDate } from "../../mail/date.ts";
import { parsePath } from "../../mail/smtp/path.ts";
import { deliveryEnv, variable } from "./delivery.ts";
import { headerAddress, headerText } from "./header_text.ts";
import {
  fieldAddresses,
  headerOfInput,
  isSameMailbox,
  type Notice,
  NOTICE_EXIT,
  NOTICE_EXITS,
  noticeBoundary,
  sendNotice,
} from "./notice.ts";
import { ownAddresses } from "./own_addresses.ts";
import { QUEUE_ENV, QUEUE_FILES } from "./queue_mail.ts";
import type { Header } from "../../mail/header/header.ts";

const ASKING_FIELD = "Disposition-Notification-To";

/** An address in angle brackets, or bare. */
function pathAddress(text: string): string {
  const parsed = parsePath(/<[^]*>/.exec(text)?.[0] ?? `<${text.trim()}>`);
  return "address" in parsed ? parsed.address : "";
}

/** The notice for a message. */
function notification(header: Header, more: {
  readonly recipient: string;
  readonly askedBy: string;
  readonly nowMs: number;
  readonly pid: number;
  readonly original: Notice["original"];
}): Notice {
  const { recipient, askedBy } = more;
  const value = (name: string) => headerText(header.value(name) ?? "");
  const date = formatDate(more.nowMs);
  const messageId = value("message-id");
  const shown = headerAddress(recipient);
  return {
    header: `From: <${shown}>\nDate: ${date}\nSubject: Disposition Notification - ${value("subject")}\n` +
      `To: <${headerAddress(askedBy)}>\nIn-Reply-To: ${messageId}\nReferences: ${messageId}\n`,
    reportType: "disposition-notification",
    text: `Your message of ${value("date") || "an unknown date"}\nto ${shown}\nwith the subject "${
      value("subject")
    }"\nwas delivered on ${date}.\n\nThis says nothing about whether it has been read or understood.\n`,
    report: `Reporting-UA: ${headerText(recipient.slice(recipient.lastIndexOf("@") + 1))}; IndiMail MDA\n` +
      `Original-Recipient: rfc822; ${shown}\nFinal-Recipient: rfc822; ${shown}\nOriginal-Message-ID: ${messageId}\n` +
      "Disposition: automatic-action/MDN-sent-automatically; displayed\n",
    boundary: noticeBoundary(more.nowMs, more.pid),
    original: more.original,
  };
}

export const applet = defineApplet({
  names: ["qnotify"],
  section: 1,
  summary: "answer requests for a disposition notification, from a .qmail file",
  role: "tool",
  dialect: "notice",
  options: {
    headers: { flag: "h", help: "enclose the header of the message only" },
    print: { flag: "n", help: "print the notice instead of sending it" },
  },
  description: `qnotify sends a message disposition notification when a message asks for one in its field
${ASKING_FIELD}. It does so only when the address there is the envelope sender's; that is SENDER, or what
RPLINE or the field Return-Path say. Without that, without a Message-ID, or without RECIPIENT and HOST nothing is done, and
nothing that is itself a notice, a bounce or an automatic answer gets one.`,
  env: {
    ...deliveryEnv("SENDER", "RPLINE", "RECIPIENT", "LOCAL", "HOST", "EXT"),
    ...QUEUE_ENV,
    DISPOSITION_HEADER: `field to look at; default ${ASKING_FIELD}`,
  },
  files: QUEUE_FILES,
  exits: NOTICE_EXITS,
  examples: [{ command: "|qnotify -h", help: "a line of a .qmail file; the mailbox needs a line of its own" }],
  seeAlso: ["qreceipt(1)", "rrt(1)", "qmail-command(8)"],
  source: ["[man qnotify.9]", "[rfc8098 3]"],
  async run(proc) {
    const start = await headerOfInput(proc);
    if (typeof start === "number") return start;
    const { header } = start;
    const asking = header.value((variable(proc, "DISPOSITION_HEADER") || ASKING_FIELD).toLowerCase());
    if (asking === undefined || header.value("message-id") === undefined) return NOTICE_EXIT.done;
    if (/^(?!no\b)/i.test(header.value("auto-submitted") ?? "no")) return NOTICE_EXIT.done;
    const path = variable(proc, "SENDER") ?? variable(proc, "RPLINE") ?? header.value("return-path") ?? "";
    const sender = pathAddress(path);
    const askedBy = fieldAddresses(asking).find((address) => isSameMailbox(address, sender));
    if (askedBy === undefined) return NOTICE_EXIT.done;
    const [recipient] = ownAddresses((name) => variable(proc, name));
    const missing = recipient === undefined ? "RECIPIENT" : variable(proc, "HOST") === undefined ? "HOST" : undefined;
    if (missing !== undefined || recipient === undefined) {
      await proc.stderr.write(latin1Bytes(`${proc.name}: ${missing} is not set\n`));
      return NOTICE_EXIT.done;
    }
    const notice = notification(header, {
      recipient,
      askedBy,
      nowMs: proc.clock.nowMs(),
      pid: proc.pid,
      original: proc.options.headers ? "header" : "message",
    });
    return await sendNotice(proc, notice, { recipient: sender, print: proc.options.print });
  },
});
