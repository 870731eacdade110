/** 822headerok: whether the header of a message is one [man 822headerok.1]. */
import { defineApplet } from "../../core/applet.ts";
import { isEmptyLine, readHead, skipRest } from "./head.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";

export const applet = defineApplet({
  names: ["822headerok"],
  section: 1,
  summary: "check whether a message's header is valid",
  role: "text",
  dialect: "qmail",
  options: {},
  description:
    `822headerok reads a message and writes nothing. Its exit code says whether all lines up to the empty line or the end can
be part of a header. The From_ line of an mbox file cannot.`,
  exits: { "0": "the header is valid", "100": "it is not", "111": "it could not be read" },
  examples: [{ command: "822headerok <message || echo broken", help: "test a message" }],
  seeAlso: ["822header(1)", "mbox(5)"],
  source: ["[man 822headerok.1]"],
  async run(proc) {
    const head = await readHead(proc.stdin);
    await skipRest(proc.stdin);
    return isEmptyLine(head.ending) ? EXIT_DIALECTS.qmail.ok : EXIT_DIALECTS.qmail.permanent;
  },
});
