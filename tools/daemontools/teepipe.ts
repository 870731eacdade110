/** teepipe: copies standard input to a program and to standard output [man teepipe.1]. */
import { defineApplet } from "../../core/applet.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import { CHILD_OPERANDS } from "./chain.ts";

const READ_BYTES = 64 * 1024;

/** The program. */
export const applet = defineApplet({
  names: ["teepipe"],
  section: 1,
  summary: "copy standard input to a program and to standard output",
  role: "tool",
  dialect: "chain",
  options: {},
  operands: CHILD_OPERANDS,
  stopsAtOperand: true,
  description:
    `teepipe runs child with a pipe as its standard input, and copies its own standard input to that pipe and to standard
output. What child prints goes to standard error. At the end of input child gets an end of file and is waited for.`,
  exits: { "111": "one side could not be written to, or child was killed; else the exit code is that of child" },
  examples: [{ command: "prog | teepipe grep -c error | multilog t ./main", help: "count errors on the way to a log" }],
  seeAlso: ["multipipe(1)", "tee(1)"],
  source: ["[man teepipe.1]"],
  async run(proc) {
    const [program = "", ...args] = proc.args;
    const child = await proc.spawn({ program, args, fds: { 0: "pipe-in", 1: 2, 2: 2 } });
    const pipe = child.writers.get(0);
    const buffer = new Uint8Array(READ_BYTES);
    try {
      for (;;) {
        const count = await proc.stdin.read(buffer);
        if (count === null) break;
        const bytes = buffer.subarray(0, count);
        await pipe?.write(bytes).catch((error: unknown) => {
          throw new Temporary(`unable to write to ${program}: ${errorText(error)}`);
        });
        await proc.stdout.write(bytes);
      }
    } finally {
      pipe?.close();
    }
    const { code, signal } = await child.ended;
    if (signal !== 0) throw new Temporary(`${program} was ended by signal ${signal}`);
    return code;
  },
});
