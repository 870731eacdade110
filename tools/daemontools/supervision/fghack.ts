/** fghack: keeps a program that goes into the background in the foreground [man fghack.8]. */
import { defineApplet } from "../../../core/applet.ts";
import { Temporary } from "../../../core/errors.ts";
import { closeFd, descriptor, isInheritedFd, openPipe } from "../../../core/libc/fd.ts";
import { CHILD_OPERANDS } from "../chain.ts";

/** How many descriptors of the child are the pipe, for one that closes the first few. */
const EXTRA_FDS = 30;
const READ_BYTES = 4096;

/** The program. */
export const applet = defineApplet({
  names: ["fghack"],
  section: 8,
  summary: "keep a program in the foreground that goes into the background",
  role: "tool",
  dialect: "chain",
  options: {},
  operands: CHILD_OPERANDS,
  stopsAtOperand: true,
  description:
    `fghack runs child with many extra descriptors that write to a pipe, which its descendants inherit, and ends when child
has ended and all of them have closed the pipe. What they write there is thrown away. Signals for the descendants do not
pass; the sticky bit on a service's run is the better way, see supervise(8).`,
  exits: { "111": "child cannot be run or was killed by a signal; else the exit code is that of child" },
  seeAlso: ["supervise(8)", "pgrphack(8)"],
  source: ["[man fghack.8]"],
  async run(proc) {
    const [program = "", ...args] = proc.args;
    const pipe = openPipe();
    const fds: Record<number, number> = { 0: 0, 1: 1, 2: 2 };
    for (let fd = 3, extra = 0; extra < EXTRA_FDS; fd++) {
      const isTaken = fd !== pipe.reading && fd !== pipe.writing && isInheritedFd(fd);
      fds[fd] = isTaken ? fd : pipe.writing;
      if (!isTaken) extra++;
    }
    const child = await proc.spawn({ program, args, fds }).finally(() => closeFd(pipe.writing));
    const reader = descriptor(pipe.reading);
    const buffer = new Uint8Array(READ_BYTES);
    while (await reader.read(buffer) !== null); // thrown away
    const end = await child.ended;
    if (end.signal !== 0) throw new Temporary(`${program} was killed by signal ${end.signal}`);
    return end.code;
  },
});
