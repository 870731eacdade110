/** 822received: the Received fields of a message, easier to read [man 822received.1]. */
import { defineApplet } from "../../core/applet.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { fieldsOf, readHead, skipRest } from "./head.ts";
import { receivedView } from "./received_view.ts";

export const applet = defineApplet({
  names: ["822received"],
  section: 1,
  summary: "print the Received fields of a message",
  role: "text",
  dialect: "qmail",
  options: {},
  description:
    `822received reads a message and prints its way: for each Received field, the first host's first, the time in the local
zone and what the field says, from, by, for and id on lines of their own.`,
  env: { TZ: "time zone of the times shown; default the system's" },
  examples: [{ command: "822received <message", help: "the way of a message" }],
  seeAlso: ["822field(1)", "822date(1)"],
  source: ["[man 822received.1]"],
  async run(proc) {
    const head = await readHead(proc.stdin);
    await skipRest(proc.stdin);
    await proc.stdout.write(latin1Bytes(receivedView(fieldsOf(head.lines))));
  },
});
