/** filterto: forwards what a program makes of a message. */
import { defineApplet } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { byteText } from "../../core/byte_text.ts";
import { Usage } from "../../core/errors.ts";
import { startProgram } from "./child_program.ts";
import { COMMAND_EXIT } from "./command_exits.ts";
import { deliveryEnv, neededVariable } from "./delivery.ts";
import { messageChunks } from "./message_input.ts";
import { programOutput, queueUnlessRefused } from "./program_output.ts";
import { QUEUE_ENV, QUEUE_FILES } from "./queue_mail.ts";

export const applet = defineApplet({
  names: ["filterto"],
  section: 1,
  summary: "perhaps redirect mail through a filter, from a .qmail file",
  role: "tool",
  dialect: "qmail",
  options: {},
  operands: [
    { name: "address", help: "where the program's output goes" },
    { name: "program", help: "reads the message, writes another" },
    { name: "argument", help: "its arguments", optional: true, repeat: true },
  ],
  stopsAtOperand: true,
  description:
    `filterto gives the message to the program. When that ends with 0, what it has written is sent to the address, and the
next lines of the .qmail file are skipped. When it ends with 111 the delivery is tried again later; when it ends otherwise, or there
is no such program, the next line follows. The program may leave no child behind that reads the message.`,
  env: { ...deliveryEnv("SENDER", "DTLINE"), ...QUEUE_ENV },
  files: QUEUE_FILES,
  exits: { "0": "not forwarded", "99": "forwarded", "100": "refused", "111": "to be tried again" },
  examples: [{ command: "|filterto joe-plain@example.org lynx -dump -stdin", help: "sends the text of each message" }],
  seeAlso: ["condredirect(1)", "forward(1)", "replier(1)", "qmail-command(8)"],
  source: ["[man filterto.9]"],
  async run(proc) {
    const [address = "", ...command] = proc.args;
    if (address === "") throw new Usage("the address is empty");
    const sender = neededVariable(proc, "SENDER");
    const head = neededVariable(proc, "DTLINE");
    const started = await startProgram(proc, command, { fds: { 0: 0, 1: "pipe-out", 2: 2 } });
    const chunks = () => programOutput(started, (reader) => messageChunks(reader, head));
    const pid = await queueUnlessRefused(proc, started, { sender, recipients: [byteText(address)], chunks });
    if (pid === undefined) return COMMAND_EXIT.done;
    await proc.stderr.write(utf8Bytes(`filterto: qp ${pid}\n`));
    return COMMAND_EXIT.stop;
  },
});
