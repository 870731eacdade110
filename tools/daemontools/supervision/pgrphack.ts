/** pgrphack: runs a program in a process group of its own [man pgrphack.8]. */
import { defineApplet } from "../../../core/applet.ts";
import { LibcError } from "../../../core/libc/libc.ts";
import { newSession } from "../../../core/libc/process.ts";
import { CHILD_OPERANDS, execChild } from "../chain.ts";

/** The program. */
export const applet = defineApplet({
  names: ["pgrphack"],
  section: 8,
  summary: "run a program in a process group of its own",
  role: "tool",
  dialect: "chain",
  options: {},
  operands: CHILD_OPERANDS,
  stopsAtOperand: true,
  description:
    "pgrphack makes itself the leader of a new session and process group, unless it leads one already, and becomes child: " +
    "signals for the group of who started it do not reach child.",
  exits: { "111": "child cannot be run; else the exit code is that of child" },
  seeAlso: ["fghack(8)", "supervise(8)", "setsid(2)"],
  source: ["[man pgrphack.8]"],
  run(proc) {
    try {
      newSession();
    } catch (error) {
      if (!(error instanceof LibcError)) throw error; // it leads its group already
    }
    return execChild(proc, proc.args);
  },
});
