/** forward: sends a message on to addresses. */
import { defineApplet } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { byteArgs, deliveryEnv, neededVariable, variable } from "./delivery.ts";
import { headerText } from "./header_text.ts";
import { messageChunks } from "./message_input.ts";
import { QUEUE_ENV, QUEUE_FILES, queueMail } from "./queue_mail.ts";
import { FORWARD_CONTROL, forwardingSender, SRS_ENV } from "./srs_control.ts";

export const applet = defineApplet({
  names: ["forward"],
  section: 1,
  summary: "forward mail to one or more addresses, from a .qmail file",
  role: "tool",
  dialect: "qmail",
  options: {},
  operands: [{ name: "address", help: "where the message goes", repeat: true }],
  stopsAtOperand: true,
  description:
    `forward queues the message for all the addresses, as a line of the .qmail file with each of them would, but a
shell can make the addresses. In front of the message stand the Delivered-To line, by which loops are found, an X-Forwarded-To line
for each address and an X-Forwarded-For line with the sender, which is rewritten where SRS is configured.`,
  env: { ...deliveryEnv("NEWSENDER", "DTLINE", "QQEH"), ...QUEUE_ENV, ...SRS_ENV },
  control: FORWARD_CONTROL,
  files: QUEUE_FILES,
  exits: { "0": "the message is queued", "100": "refused", "111": "to be tried again" },
  examples: [{ command: '|forward "$EXT"@elsewhere.example', help: "sends each extension to the same name elsewhere" }],
  seeAlso: ["condredirect(1)", "rrforward(1)", "qmail-command(8)", "qmail-queue(8)", "indimail-srs(5)"],
  source: ["[man forward.9]"],
  async run(proc) {
    const recipients = byteArgs(proc.args);
    const sender = await forwardingSender(proc, neededVariable(proc, "NEWSENDER"));
    const head = neededVariable(proc, "DTLINE") +
      recipients.map((recipient) => `X-Forwarded-To: ${headerText(recipient)}\n`).join("") +
      `X-Forwarded-For: ${headerText(sender)}\n${variable(proc, "QQEH") ?? ""}`;
    const pid = await queueMail(proc, { sender, recipients, chunks: () => messageChunks(proc.stdin, head) });
    await proc.stderr.write(utf8Bytes(`forward: qp ${pid}\n`));
  },
});
