/** maildircmd: pipe a Maildir through a command. */
import { defineApplet } from "../../core/applet.ts";
import { execSerial } from "./exec_serial.ts";

export const applet = defineApplet({
  names: ["maildircmd"],
  section: 1,
  summary: "pipe a Maildir through a command",
  role: "tool",
  dialect: "qmail",
  options: {},
  operands: [
    { name: "dir", help: "a Maildir" },
    { name: "prefix", help: "only messages whose recipient begins so" },
    { name: "command", help: "for /bin/sh; gets a message as standard input" },
  ],
  description:
    `maildircmd runs the command for each message of the Maildir, and removes what it accepts: see serialcmd(1). What is refused for good, or is refused and older than control/queuelifetime (two weeks), goes back
to its sender by qmail-queue, and is removed too.`,
  control: ["queuelifetime"],
  exits: { "0": "nothing is left to be sent", "111": "messages are left, or the command cannot be run" },
  seeAlso: ["maildirserial(1)", "serialcmd(1)"],
  source: ["[man maildircmd.1]"],
  run(proc) {
    const [dir = "", prefix = "", command = ""] = proc.args;
    return execSerial(proc, [dir, prefix], ["serialcmd", prefix, command]);
  },
});
