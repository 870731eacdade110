/** qreceipt: answers requests for a notice of delivery. */
import { defineApplet } from "../../core/applet.ts";
import { byteText } from "../../core/byte_text.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { Usage } from "../../core/errors.ts";
import { deliveryEnv, variable } from "./delivery.ts";
import { headerAddress, headerText } from "./header_text.ts";
import { readHeader } from "./message_input.ts";
import { oneChunk } from "./notice.ts";
import { QUEUE_ENV, QUEUE_FILES, queueMail } from "./queue_mail.ts";
import { headerAddresses, isMatch } from "./wanted_addresses.ts";

const ASKING_FIELD = "notice-requested-upon-delivery-to";

/** The notice; `messageId` is the value of the field. */
function noticeText(
  target: string,
  { sender, messageId }: { readonly sender: string; readonly messageId: string | undefined },
) {
  const header = `From: DELIVERY NOTICE SYSTEM <${headerAddress(target)}>\nTo: <${headerAddress(sender)}>\n` +
    "Subject: success notice\nAuto-Submitted: auto-replied\n";
  const about = messageId === undefined ? "" : `Your message's ID was\n${headerText(messageId)}\n`;
  return `${header}\nThis is qreceipt. The notice that you asked for: your message has reached the address\n${
    headerText(target)
  }\n${about}`;
}

export const applet = defineApplet({
  names: ["qreceipt"],
  section: 1,
  summary: "answer requests for a notice of delivery, from a .qmail file",
  role: "tool",
  dialect: "qmail",
  options: {},
  operands: [{ name: "address", help: "an address of the user" }],
  stopsAtOperand: true,
  description:
    `When a message has the address in its field Notice-Requested-Upon-Delivery-To, qreceipt sends a notice of success
to the envelope sender. The notice has no envelope sender itself, and a message without one gets none.

qreceipt stores nothing: the .qmail file needs a line for the mailbox as well.`,
  env: { ...deliveryEnv("SENDER"), ...QUEUE_ENV },
  files: QUEUE_FILES,
  exits: { "0": "the notice is queued, or none was wanted", "100": "refused", "111": "to be tried again" },
  examples: [{ command: "|qreceipt joe@example.org", help: "a line of Joe's .qmail" }],
  seeAlso: ["qnotify(1)", "rrt(1)", "qmail-command(8)"],
  source: ["[man qreceipt.9]"],
  async run(proc) {
    const target = byteText(proc.args[0] ?? "");
    const sender = variable(proc, "SENDER");
    if (sender === undefined) throw new Usage("SENDER is not set: this runs from a .qmail file");
    if (sender === "" || sender === "#@[]") return;
    const { header } = await readHeader(proc.stdin);
    const wanted = target.toLowerCase();
    const asked = headerAddresses(header, new Set([ASKING_FIELD])).some((address) => isMatch(address, wanted));
    if (!asked) return;
    const bytes = latin1Bytes(noticeText(target, { sender, messageId: header.value("message-id") }));
    await queueMail(proc, { sender: "", recipients: [sender], chunks: () => oneChunk(bytes) });
  },
});
