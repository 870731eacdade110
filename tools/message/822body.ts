/** 822body: the body of a message [man 822body.1]. */
import { defineApplet } from "../../core/applet.ts";
import { copyRest, isEmptyLine, readHead } from "./head.ts";

export const applet = defineApplet({
  names: ["822body"],
  section: 1,
  summary: "print the body of a mail message",
  role: "text",
  dialect: "qmail",
  options: {},
  description:
    `822body reads a message and prints its body: what follows the empty line. A line that can be no part of a header ends the
header too and belongs to the body.`,
  examples: [{ command: "822body <message", help: "the text of a message" }],
  seeAlso: ["822header(1)"],
  source: ["[man 822body.1]"],
  async run(proc) {
    const head = await readHead(proc.stdin);
    if (!isEmptyLine(head.ending)) await proc.stdout.write(head.ending);
    await copyRest(head, proc.stdin, proc.stdout);
  },
});
