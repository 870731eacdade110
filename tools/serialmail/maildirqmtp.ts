/** maildirqmtp: send a Maildir to a host by QMTP. */
import { defineApplet } from "../../core/applet.ts";
import { execSerial } from "./exec_serial.ts";

export const applet = defineApplet({
  names: ["maildirqmtp"],
  section: 1,
  summary: "send a Maildir to a host by QMTP",
  role: "tool",
  dialect: "qmail",
  options: {},
  operands: [
    { name: "dir", help: "a Maildir" },
    { name: "prefix", help: "only messages whose recipient begins so; it is removed" },
    { name: "host", help: "the server" },
  ],
  description:
    `maildirqmtp sends the messages of the Maildir to the host by QMTP, and removes what the host accepts. What is refused for good, or is refused and older than control/queuelifetime (two weeks), goes back
to its sender by qmail-queue, and is removed too. A
host that cannot be reached refuses nothing: the messages stay.`,
  control: ["queuelifetime"],
  exits: { "0": "nothing is left to be sent", "111": "messages are left, or the host cannot be reached" },
  seeAlso: ["maildirserial(1)", "serialqmtp(1)", "tcpclient(1)"],
  source: ["[man maildirqmtp.1]"],
  run(proc) {
    const [dir = "", prefix = "", host = ""] = proc.args;
    return execSerial(proc, [dir, prefix], ["tcpclient", "-RHl0", "--", host, "209", "serialqmtp", prefix]);
  },
});
