/** recordio: runs a program and tells on standard error what it reads and writes [man recordio.1]. */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { Usage } from "../../core/errors.ts";
import { pipeWriter } from "../../core/libc/fd.ts";
import { LibcError } from "../../core/libc/libc.ts";
import type { ByteReader, ByteWriter } from "../../core/stream.ts";
import { FROM_PROGRAM, HELPER_OPTION, relayPid, standBetween, TO_PROGRAM } from "./between.ts";
import { recordLines } from "./record.ts";

const READ_BYTES = 8192;

export const applet = defineApplet({
  names: ["recordio"],
  section: 1,
  summary: "run a program and record its input and output",
  role: "tool",
  dialect: "chain",
  options: { relay: HELPER_OPTION },
  operands: [{ name: "prog", help: "the program and its arguments", optional: true, repeat: true }],
  stopsAtOperand: true,
  synopsis: "recordio prog [arg...]",
  description:
    `recordio runs prog and prints on standard error each piece of its input and output as it comes: the pid of prog, < for
input or > for output, the text, then a space where a line ended, + where it did not, and [EOF] at the end. Long pieces are
printed in several lines.

The process becomes prog; a child of it moves the bytes and ends with prog's output.`,
  env: { PATH: "folders in which prog is looked for" },
  examples: [{ command: "tcpserver -RHl0 0 25 recordio qmail-smtpd", help: "see the SMTP sessions in the log" }],
  seeAlso: ["fixcrio(1)", "tcpserver(1)"],
  source: ["[man recordio.1]"],
  async run(proc) {
    if (proc.options.relay === undefined) {
      if (proc.args.length === 0) throw new Usage("missing prog");
      return await standBetween(proc, proc.args);
    }
    const pid = relayPid(proc.options.relay);
    const toProgram = pipeWriter(TO_PROGRAM);
    const inward = record(proc, { from: proc.stdin, to: toProgram, head: `${pid} < ` }).catch(ignoreDeafProgram)
      .then(() => toProgram.close());
    const outward = record(proc, { from: proc.fd(FROM_PROGRAM), to: proc.stdout, head: `${pid} > ` });
    await Promise.race([outward, inward.then(() => outward)]);
    return 0;
  },
});

interface Direction {
  readonly from: ByteReader;
  readonly to: ByteWriter;
  readonly head: string;
}

async function record(proc: Proc, { from, to, head }: Direction): Promise<void> {
  const buffer = new Uint8Array(READ_BYTES);
  for (;;) {
    const count = await from.read(buffer);
    if (count === null) break;
    await proc.stderr.write(recordLines(head, buffer.subarray(0, count)));
    await to.write(buffer.subarray(0, count));
  }
  await proc.stderr.write(latin1Bytes(`${head}[EOF]\n`));
}

/** A program need not read all of its input. */
function ignoreDeafProgram(error: unknown): void {
  if (!(error instanceof LibcError)) throw error;
}
