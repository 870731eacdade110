/** argv0: runs a program under another name [man argv0.1]. */
import { defineApplet } from "../../core/applet.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import { execProcess } from "../../core/libc/process.ts";
import { findProgram } from "../../core/self.ts";

export const applet = defineApplet({
  names: ["argv0"],
  section: 1,
  summary: "run a program with another 0th argument",
  role: "tool",
  dialect: "chain",
  options: {},
  operands: [
    { name: "realname", help: "the program's file, looked up in PATH" },
    { name: "zero", help: "what it sees as its name" },
    { name: "args", help: "its arguments", optional: true, repeat: true },
  ],
  stopsAtOperand: true,
  description:
    "argv0 runs the program realname with zero as its 0th argument and args as the others: a shell that is called -sh is a " +
    "login shell, and some programs are several in one.",
  env: { PATH: "folders in which realname is looked for" },
  examples: [{ command: "argv0 /bin/sh -sh", help: "a login shell" }],
  seeAlso: ["tcpserver(1)"],
  source: ["[man argv0.1]"],
  run(proc) {
    const [realname = "", ...argv] = proc.args;
    const file = findProgram(realname, proc.env.get("PATH"));
    if (file === undefined) throw new Temporary(`unable to run ${realname}: not found in PATH`);
    try {
      execProcess(file, argv, proc.env.all());
    } catch (error) {
      throw new Temporary(errorText(error));
    }
  },
});
