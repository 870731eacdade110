/** except: turns the verdict of a program round. */
import { defineApplet } from "../../core/applet.ts";
import { runProgram, throwIfTemporary } from "./child_program.ts";
import { COMMAND_EXIT } from "./command_exits.ts";

export const applet = defineApplet({
  names: ["except"],
  section: 1,
  summary: "reverse the exit code of a program",
  role: "tool",
  dialect: "qmail",
  options: {},
  operands: [
    { name: "program", help: "program to run" },
    { name: "argument", help: "its arguments", optional: true, repeat: true },
  ],
  stopsAtOperand: true,
  description:
    `except runs the program. It ends with 100 when the program ends with 0, with 111 when that ends with 111 or is
killed, and with 0 when it ends otherwise or does not exist.`,
  exits: { "0": "the program did not end with 0", "100": "it did", "111": "it ended with 111" },
  examples: [{ command: "|bouncesaying 'No blind copies.' except iftocc", help: "refuses what is not addressed here" }],
  seeAlso: ["bouncesaying(1)", "condredirect(1)", "iftocc(1)", "qmail-command(8)"],
  source: ["[man except.1]"],
  async run(proc) {
    const code = await runProgram(proc, proc.args);
    throwIfTemporary(code);
    return code === COMMAND_EXIT.done ? COMMAND_EXIT.permanent : COMMAND_EXIT.done;
  },
});
