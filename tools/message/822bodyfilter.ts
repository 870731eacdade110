/** 822bodyfilter: a message whose body a program rewrites [man 822bodyfilter.1]. */
import { defineApplet } from "../../core/applet.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { startFilter } from "./filter_program.ts";
import { copyRest, isEmptyLine, readHead } from "./head.ts";

export const applet = defineApplet({
  names: ["822bodyfilter"],
  section: 1,
  summary: "filter a message's body through a program",
  role: "tool",
  dialect: "qmail",
  options: {},
  operands: [
    { name: "prog", help: "a program, looked up in PATH" },
    { name: "args", help: "its arguments", optional: true, repeat: true },
  ],
  stopsAtOperand: true,
  description:
    `822bodyfilter reads a message, writes its header with the empty line and gives the body to prog, whose output follows. It
ends with the exit code of prog. Its input may be a file or a pipe. A line that can be no part of a header ends the
header too and belongs to the body.`,
  env: { PATH: "folders in which prog is looked for" },
  exits: { "100": "prog does not exist", "111": "prog could not be run or was killed" },
  examples: [{ command: "822bodyfilter gzip <message", help: "a message with a compressed body" }],
  seeAlso: ["822headerfilter(1)", "822body(1)"],
  source: ["[man 822bodyfilter.1]"],
  async run(proc) {
    const head = await readHead(proc.stdin);
    const empty = isEmptyLine(head.ending);
    await proc.stdout.write(latin1Bytes(head.lines.join("")));
    if (empty && head.ending.length > 0) await proc.stdout.write(head.ending);
    const program = await startFilter(proc, proc.args);
    if (!empty) await program.input.write(head.ending);
    await copyRest(head, proc.stdin, program.input);
    program.input.close();
    return await program.ended();
  },
});
