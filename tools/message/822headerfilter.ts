/** 822headerfilter: a message whose header a program rewrites [man 822headerfilter.1]. */
import { defineApplet } from "../../core/applet.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { startFilter } from "./filter_program.ts";
import { copyRest, readHead } from "./head.ts";

export const applet = defineApplet({
  names: ["822headerfilter"],
  section: 1,
  summary: "filter a message's header through a program",
  role: "tool",
  dialect: "qmail",
  options: {},
  operands: [
    { name: "prog", help: "a program, looked up in PATH" },
    { name: "args", help: "its arguments", optional: true, repeat: true },
  ],
  stopsAtOperand: true,
  description:
    `822headerfilter reads a message, gives its header without the empty line to prog and, when prog has ended with 0, writes
the rest of the message behind what prog wrote. Any other exit code of prog is its own, and the body is not written.`,
  env: { PATH: "folders in which prog is looked for" },
  exits: { "0": "done", "100": "prog does not exist", "111": "prog could not be run or was killed" },
  examples: [{ command: "822headerfilter sed /^X-/d <message", help: "remove the fields that begin with X-" }],
  seeAlso: ["822bodyfilter(1)", "822header(1)"],
  source: ["[man 822headerfilter.1]"],
  async run(proc) {
    const program = await startFilter(proc, proc.args);
    const head = await readHead(proc.stdin);
    await program.input.write(latin1Bytes(head.lines.join("")));
    program.input.close();
    const code = await program.ended();
    if (code !== 0) return code;
    if (head.ending.length > 0) await proc.stdout.write(head.ending);
    await copyRest(head, proc.stdin, proc.stdout);
    return code;
  },
});
