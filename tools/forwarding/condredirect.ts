/** condredirect: sends a message elsewhere when a program says so. */
import { defineApplet } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { byteText } from "../../core/byte_text.ts";
import { Usage } from "../../core/errors.ts";
import { isWanted } from "./child_program.ts";
import { COMMAND_EXIT } from "./command_exits.ts";
import { deliveryEnv, neededVariable, variable } from "./delivery.ts";
import { messageChunks, rewindMessage } from "./message_input.ts";
import { QUEUE_ENV, QUEUE_FILES, queueMail } from "./queue_mail.ts";
import { FORWARD_CONTROL, forwardingSender, SRS_ENV } from "./srs_control.ts";

export const applet = defineApplet({
  names: ["condredirect"],
  section: 1,
  summary: "perhaps redirect mail to another address, from a .qmail file",
  role: "tool",
  dialect: "qmail",
  options: {
    reversed: { flag: "r", help: "redirect when the program ends with something else than 0, or is missing" },
  },
  operands: [
    { name: "address", help: "where the message goes" },
    { name: "program", help: "decides" },
    { name: "argument", help: "its arguments", optional: true, repeat: true },
  ],
  stopsAtOperand: true,
  description:
    `condredirect gives the message to the program. When that ends with 0 the message is forwarded to the address and the
next lines of the .qmail file are skipped; when it ends otherwise, or there is no such program, the next line follows. With -r it
is the other way round. 111 means in both cases that the delivery is tried again later, and 100 that the message is refused:
programs like iftocc, whose no is 100, are put behind sh where their no must not refuse the message.

The program may leave no child behind that reads the message. The sender is rewritten where SRS is configured.`,
  env: { ...deliveryEnv("SENDER", "DTLINE", "QQEH"), ...QUEUE_ENV, ...SRS_ENV },
  control: FORWARD_CONTROL,
  files: QUEUE_FILES,
  exits: { "0": "not redirected", "99": "redirected", "100": "refused", "111": "to be tried again" },
  examples: [{
    command: "|condredirect me-blind sh -c '! iftocc'",
    help: "sends what is not addressed here elsewhere",
  }],
  seeAlso: ["forward(1)", "condtomaildir(1)", "bouncesaying(1)", "except(1)", "qmail-command(8)", "indimail-srs(5)"],
  source: ["[man condredirect.9]"],
  async run(proc) {
    const [address = "", ...command] = proc.args;
    if (address === "") throw new Usage("the address is empty");
    if (!await isWanted(proc, command, { reversed: proc.options.reversed })) return COMMAND_EXIT.done;
    rewindMessage();
    const sender = await forwardingSender(proc, neededVariable(proc, "SENDER"));
    const head = neededVariable(proc, "DTLINE") + (variable(proc, "QQEH") ?? "");
    const chunks = () => messageChunks(proc.stdin, head);
    const pid = await queueMail(proc, { sender, recipients: [byteText(address)], chunks });
    await proc.stderr.write(utf8Bytes(`condredirect: qp ${pid}\n`));
    return COMMAND_EXIT.stop;
  },
});
