/** softlimit: runs a program with other soft resource limits [man softlimit.8]. */
import { defineApplet } from "../../core/applet.ts";
import { Usage } from "../../core/errors.ts";
import {
  formatLimits,
  isLimitLetter,
  type LimitLetter,
  parseLimits,
  PENDING_LIMITS_VARIABLE,
  UNLIMITED,
} from "../../core/libc/limits.ts";
import { CHILD_OPERANDS, execChild } from "./chain.ts";

/** Largest number of a limit: UNLIMITED is none. */
const LIMIT_MAX = UNLIMITED - 1n;
/** What -m stands for. */
const MEMORY_LETTERS: readonly LimitLetter[] = ["d", "s", "l", "a"];

/** The program. */
export const applet = defineApplet({
  names: ["softlimit"],
  section: 8,
  summary: "run a program with new soft resource limits",
  role: "tool",
  dialect: "chain",
  options: {
    m: { flag: "m", value: "bytes", help: "memory: the same as -d, -s, -l and -a with that value" },
    a: { flag: "a", value: "bytes", help: "total of all segments of a process" },
    c: { flag: "c", value: "bytes", help: "size of a core file" },
    d: { flag: "d", value: "bytes", help: "data segment of a process" },
    f: { flag: "f", value: "bytes", help: "size of a file that is written" },
    l: { flag: "l", value: "bytes", help: "memory that a process locks" },
    o: { flag: "o", value: "count", help: "open descriptors of a process" },
    p: { flag: "p", value: "count", help: "processes of the user" },
    q: { flag: "q", value: "bytes", help: "POSIX message queues of the user" },
    r: { flag: "r", value: "bytes", help: "resident memory of a process; Linux ignores it" },
    s: { flag: "s", value: "bytes", help: "stack of a process" },
    t: { flag: "t", value: "seconds", help: "processor time, after which the process gets SIGXCPU" },
  },
  operands: CHILD_OPERANDS,
  stopsAtOperand: true,
  description:
    `softlimit sets soft limits and becomes child. A value of = is the hard limit, -1 is no limit; a number above the hard
limit becomes it, and -1 too unless root raises the hard one.

A program of this package reserves address space that it never uses and starts threads by itself; -a, -d, -l, -m, -o, -p
and -s do not bind it, but are kept in ${PENDING_LIMITS_VARIABLE} and bind the first other program that it becomes or
starts. So they hold for prog in "softlimit -m 3000000 setuidgid user prog", and for what tcpserver starts.`,
  env: { [PENDING_LIMITS_VARIABLE]: "limits that wait for a program that is not of this package" },
  exits: {
    "100": "wrong usage",
    "111": "a limit cannot be set, or child cannot be run; else the exit code is that of child",
  },
  examples: [{ command: "softlimit -m 30000000 -o 200 prog", help: "at most 30 MB of memory and 200 descriptors" }],
  seeAlso: ["setlock(8)", "setuidgid(8)", "getrlimit(2)"],
  source: ["[man softlimit.8]"],
  run(proc) {
    const limits = parseLimits(proc.env.get(PENDING_LIMITS_VARIABLE) ?? "");
    const { m, ...others } = proc.options;
    if (m !== undefined) { for (const letter of MEMORY_LETTERS) limits.set(letter, limitOf("m", m)); }
    for (const [letter, value] of Object.entries(others)) {
      if (value !== undefined && isLimitLetter(letter)) limits.set(letter, limitOf(letter, value));
    }
    return execChild(proc, proc.args, { ...proc.env.all(), [PENDING_LIMITS_VARIABLE]: formatLimits(limits) });
  },
});

function limitOf(letter: string, value: string): bigint | "=" {
  if (value === "=") return "=";
  if (value === "-1") return UNLIMITED;
  if (!/^\d{1,100}$/.test(value)) {
    throw new Usage(`-${letter} ${value}: a limit is a number, = for the hard limit, or -1 for none`);
  }
  return BigInt(value) < LIMIT_MAX ? BigInt(value) : LIMIT_MAX;
}
