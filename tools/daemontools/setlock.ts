/** setlock: runs a program that holds a lock on a file [man setlock.8]. */
import { defineApplet } from "../../core/applet.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import { OPEN, openFd, tryFlock, waitForFlock } from "../../core/libc/fd.ts";
import { CHILD_OPERANDS, execChild } from "./chain.ts";

const FLAGS = OPEN.write | OPEN.append | OPEN.create | OPEN.nonblocking;

/** The program. */
export const applet = defineApplet({
  names: ["setlock"],
  section: 8,
  summary: "run a program with a file locked",
  role: "tool",
  dialect: "chain",
  options: {
    noDelay: { flag: "n", help: "give up at once when another process has the lock" },
    delay: { flag: "N", help: "wait for the lock (as without -n; undoes -n)" },
    quiet: { flag: "x", help: "exit 0 when the file cannot be opened or locked" },
    loud: { flag: "X", help: "print an error and exit 111 in that case (as without -x; undoes -x)" },
  },
  operands: [{ name: "file", help: "file that is locked; created when it is absent" }, ...CHILD_OPERANDS],
  stopsAtOperand: true,
  description:
    `setlock opens the file for writing, takes an exclusive lock on it and becomes child, which inherits the descriptor: the
lock lasts until all who have that descriptor have closed it. The lock is that of flock(2), as multilog and supervise use.`,
  exits: {
    "0": "with -x also: the file could not be opened or locked",
    "111": "the file could not be opened or locked, or child cannot be run; else the exit code is that of child",
  },
  examples: [{ command: "setlock -nx /run/lock/poll poll-once", help: "skip this turn while the last one still runs" }],
  seeAlso: ["svscan(8)", "softlimit(8)", "flock(2)"],
  source: ["[man setlock.8]"],
  run(proc) {
    const { noDelay, delay, quiet, loud } = proc.options;
    const [file = "", ...child] = proc.args;
    try {
      lock(file, noDelay && !delay ? "try" : "wait");
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      if (quiet && !loud) return Promise.resolve(EXIT_DIALECTS.chain.ok);
      throw new Temporary(`unable to lock ${file}: ${errorText(error)}`);
    }
    return execChild(proc, child);
  },
});

/** The descriptor stays open and is inherited. */
function lock(file: string, how: "wait" | "try"): void {
  const fd = openFd(file, FLAGS);
  if (how === "wait") waitForFlock(fd);
  else if (!tryFlock(fd)) throw new Temporary("another process has the lock");
}
