/** 822field: the values of a header field [man 822field.1]. */
import { defineApplet } from "../../core/applet.ts";
import { printFieldValues } from "./head.ts";

export const applet = defineApplet({
  names: ["822field"],
  section: 1,
  summary: "print the value of a header field of a message",
  role: "text",
  dialect: "qmail",
  options: {},
  operands: [{ name: "name", help: "name of the field; default subject", optional: true }],
  description:
    `822field reads a message and prints a line with the value of each field of that name: all behind the colon, lines that
continue it joined. A name with + before it stands for all fields whose names begin so.`,
  exits: { "0": "there is such a field", "100": "there is none", "111": "the message could not be read" },
  examples: [{ command: "822field message-id <message", help: "its Message-ID" }],
  seeAlso: ["822fields(1)", "822header(1)"],
  source: ["[man 822field.1]"],
  run: (proc) => printFieldValues(proc, proc.args.length === 0 ? ["subject"] : proc.args),
});
