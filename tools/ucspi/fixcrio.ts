/** fixcrio: runs a program with a CR at the end of every line of its input and output [man fixcrio.1]. */
import { defineApplet } from "../../core/applet.ts";
import { Usage } from "../../core/errors.ts";
import { FROM_PROGRAM, HELPER_OPTION, standBetween, TO_PROGRAM } from "./between.ts";
import { copyStream } from "./copy_stream.ts";
import { crAdder } from "./line_ends.ts";
import { pipeWriter } from "../../core/libc/fd.ts";
import { LibcError } from "../../core/libc/libc.ts";

export const applet = defineApplet({
  names: ["fixcrio"],
  section: 1,
  summary: "run a program with CRs at the ends of all lines",
  role: "tool",
  dialect: "chain",
  options: { relay: HELPER_OPTION },
  operands: [{ name: "prog", help: "the program and its arguments", optional: true, repeat: true }],
  stopsAtOperand: true,
  synopsis: "fixcrio prog [arg...]",
  description:
    "fixcrio runs prog. A line of its input or output that ends in LF alone gets a CR before it. The process becomes prog; a " +
    "child of it moves the bytes and ends with prog's output.",
  env: { PATH: "folders in which prog is looked for" },
  examples: [{ command: "tcpserver -RHl0 0 25 fixcrio qmail-smtpd", help: "for clients that send bare LFs" }],
  seeAlso: ["recordio(1)", "addcr(1)", "tcpserver(1)"],
  source: ["[man fixcrio.1]"],
  async run(proc) {
    if (proc.options.relay === undefined) {
      if (proc.args.length === 0) throw new Usage("missing prog");
      return await standBetween(proc, proc.args);
    }
    const toProgram = pipeWriter(TO_PROGRAM);
    const inward = copyStream(proc.stdin, toProgram, [crAdder({ unlessThere: true })]).catch(ignoreDeafProgram)
      .then(() => toProgram.close());
    const outward = copyStream(proc.fd(FROM_PROGRAM), proc.stdout, [crAdder({ unlessThere: true })]);
    await Promise.race([outward, inward.then(() => outward)]);
    return 0;
  },
});

/** A program need not read all of its input. */
function ignoreDeafProgram(error: unknown): void {
  if (!(error instanceof LibcError)) throw error;
}
