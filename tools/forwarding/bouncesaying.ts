/** bouncesaying: refuses a message with a text of one's own. */
import { defineApplet } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { runProgram, throwIfTemporary } from "./child_program.ts";
import { COMMAND_EXIT } from "./command_exits.ts";

export const applet = defineApplet({
  names: ["bouncesaying"],
  section: 1,
  summary: "perhaps bounce each message, from a .qmail file",
  role: "tool",
  dialect: "qmail",
  options: {},
  operands: [
    { name: "error", help: "the text that the sender gets" },
    { name: "program", help: "decides; without it every message is refused", optional: true },
    { name: "argument", help: "its arguments", optional: true, repeat: true },
  ],
  stopsAtOperand: true,
  description:
    `bouncesaying gives the message to the program. When that ends with 0, or when none is named, the message goes
back to its sender with the text. When it ends with 111 the delivery is tried again later; when it ends otherwise, or there
is no such program, the next line of the .qmail file follows. The program may leave no child behind that reads the message.`,
  exits: { "0": "not refused", "100": "refused", "111": "to be tried again" },
  examples: [
    { command: "|bouncesaying 'This address is closed.'", help: "a .qmail file that refuses everything" },
    { command: "|bouncesaying 'No blind copies.' except iftocc", help: "refuses what is not addressed here" },
  ],
  seeAlso: ["condredirect(1)", "except(1)", "iftocc(1)", "dot-qmail(5)", "qmail-command(8)"],
  source: ["[man bouncesaying.1]"],
  async run(proc) {
    const [error = "", ...command] = proc.args;
    if (command.length > 0) {
      const code = await runProgram(proc, command);
      throwIfTemporary(code);
      if (code !== COMMAND_EXIT.done) return COMMAND_EXIT.done;
    }
    await proc.stderr.write(utf8Bytes(`${error}\n`));
    return COMMAND_EXIT.permanent;
  },
});
