/** 822header: the header of a message, or some fields of it [man 822header.1]. */
import { defineApplet } from "../../core/applet.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { Usage } from "../../core/errors.ts";
import { fieldsOf, readHead, skipRest } from "./head.ts";

export const applet = defineApplet({
  names: ["822header"],
  section: 1,
  summary: "print the header of a mail message",
  role: "text",
  dialect: "qmail",
  options: {
    include: { flag: "I", value: "field", repeat: true, help: "print only fields of that name" },
    exclude: { flag: "X", value: "field", repeat: true, help: "leave out fields of that name" },
  },
  description:
    `822header reads a message and prints its header, up to the empty line or the first line that can be no part of one. With
-I only the fields named, with -X all others, continued lines with them. Names are compared without regard to case.`,
  examples: [{ command: "822header -I from -I subject <message", help: "who wrote, and on what" }],
  seeAlso: ["822field(1)", "822body(1)", "mbox(5)"],
  source: ["[man 822header.1]"],
  async run(proc) {
    const { include, exclude } = proc.options;
    if (include.length > 0 && exclude.length > 0) throw new Usage("only one of -I and -X can be given");
    const names = new Set([...include, ...exclude].map((name) => name.toLowerCase()));
    const head = await readHead(proc.stdin);
    const wanted = fieldsOf(head.lines)
      .filter(({ name }) => names.size === 0 || names.has(name.toLowerCase()) === include.length > 0);
    await proc.stdout.write(latin1Bytes(wanted.map(({ raw }) => raw).join("")));
    await skipRest(proc.stdin);
  },
});
