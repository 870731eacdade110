/** uenv: runs a program with the environment for what queues mail. */
import { defineApplet } from "../../core/applet.ts";
import { queueEnvironment } from "../../core/default_queue.ts";

export const applet = defineApplet({
  names: ["uenv"],
  section: 1,
  summary: "run a program with the variables of ~/.defaultqueue",
  role: "tool",
  dialect: "chain",
  options: { clear: { flag: "c", help: "begin with an empty environment, but for HOME" } },
  operands: [
    { name: "child", help: "program to run" },
    { name: "argument", help: "its arguments", optional: true, repeat: true },
  ],
  stopsAtOperand: true,
  description:
    `uenv sets variables as envdir does, from the files of the folder .defaultqueue in the home, and where QUEUE_BASE
is not set then, from those of the control folder defaultqueue; it then becomes the child.`,
  env: {
    HOME: "folder of .defaultqueue",
    SKIP_LOCAL_ENVIRONMENT: "set: ~/.defaultqueue is not read",
    QUEUE_BASE: "set: the control folder defaultqueue is not read",
  },
  exits: { "111": "a folder cannot be read or the child cannot be run; else the exit code is the child's" },
  files: { "~/.defaultqueue/": "variables, a file each", "control/defaultqueue/": "variables for all users" },
  examples: [{ command: "uenv -c env", help: "shows what is set" }],
  seeAlso: ["envdir(8)", "qmail-showctl(8)"],
  source: ["[man uenv.9]"],
  run(proc) {
    const all = proc.env.all();
    const base = proc.options.clear ? { ...(all.HOME === undefined ? {} : { HOME: all.HOME }) } : all;
    const environment = queueEnvironment(all, proc.paths.control, base);
    return proc.exec(proc.args[0] ?? "", proc.args.slice(1), environment);
  },
});
