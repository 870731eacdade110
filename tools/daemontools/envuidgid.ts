/** envuidgid: runs a program that is told an account's numbers [man envuidgid.8]. */
import { defineApplet } from "../../core/applet.ts";
import { Temporary } from "../../core/errors.ts";
import { accountByName } from "../../core/libc/account.ts";
import { CHILD_OPERANDS, execChild } from "./chain.ts";

/** The program. */
export const applet = defineApplet({
  names: ["envuidgid"],
  section: 8,
  summary: "run a program with an account's uid and gid in its environment",
  role: "tool",
  dialect: "chain",
  hosted: "chain",
  options: {},
  operands: [{ name: "account", help: "name of the account" }, ...CHILD_OPERANDS],
  stopsAtOperand: true,
  description:
    `envuidgid sets UID and GID to the numbers of the account and becomes child, which stays the user that it is: a
program that needs root for a moment, such as tcpserver -U, changes to them by itself.`,
  exits: { "111": "there is no such account, or child cannot be run; else the exit code is that of child" },
  examples: [{ command: "envuidgid qmaild tcpserver -U 0 smtp qmail-smtpd", help: "bind as root, serve as qmaild" }],
  seeAlso: ["setuidgid(8)", "envdir(8)", "tcpserver(1)"],
  source: ["[man envuidgid.8]"],
  run(proc) {
    const [name = "", ...child] = proc.args;
    const account = accountByName(name);
    if (!account) throw new Temporary(`unknown account ${name}`);
    return execChild(proc, child, { ...proc.env.all(), UID: String(account.uid), GID: String(account.gid) });
  },
});
