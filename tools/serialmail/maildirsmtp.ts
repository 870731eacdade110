/** maildirsmtp: send a Maildir to a host by SMTP. */
import { defineApplet } from "../../core/applet.ts";
import { execSerial } from "./exec_serial.ts";

export const applet = defineApplet({
  names: ["maildirsmtp"],
  section: 1,
  summary: "send a Maildir to a host by SMTP",
  role: "tool",
  dialect: "qmail",
  options: {},
  operands: [
    { name: "dir", help: "a Maildir" },
    { name: "prefix", help: "only messages whose recipient begins so; it is removed" },
    { name: "host", help: "the server" },
    { name: "helohost", help: "full name of this host, for EHLO" },
  ],
  description:
    `maildirsmtp sends the messages of the Maildir to the host by SMTP, and removes what the host accepts. What is refused for good, or is refused and older than control/queuelifetime (two weeks), goes back
to its sender by qmail-queue, and is removed too. A
host that cannot be reached refuses nothing: the messages stay.`,
  env: { PORT: "TCP port of the server, by default 25" },
  control: ["queuelifetime"],
  exits: { "0": "nothing is left to be sent", "111": "messages are left, or the host cannot be reached" },
  seeAlso: ["maildirserial(1)", "serialsmtp(1)", "tcpclient(1)"],
  source: ["[man maildirsmtp.1]"],
  run(proc) {
    const [dir = "", prefix = "", host = "", helo = ""] = proc.args;
    return execSerial(proc, [dir, prefix], [
      "tcpclient",
      "-RHl0",
      "--",
      host,
      proc.env.get("PORT") || "25",
      "serialsmtp",
      prefix,
      helo,
    ]);
  },
});
