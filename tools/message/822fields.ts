/** 822fields: the values of header fields [man 822fields.1]. */
import { defineApplet } from "../../core/applet.ts";
import { printFieldValues } from "./head.ts";

export const applet = defineApplet({
  names: ["822fields"],
  section: 1,
  summary: "print the values of header fields of a message",
  role: "text",
  dialect: "qmail",
  options: {},
  operands: [{ name: "field", help: "name of a field; default subject", optional: true, repeat: true }],
  description:
    `822fields reads a message and prints a line with the value of each field that has one of the names, in the order of the
header: all behind the colon, lines that continue it joined. A name with + before it stands for all fields whose names
begin so.`,
  exits: { "0": "there is such a field", "100": "there is none", "111": "the message could not be read" },
  examples: [{ command: "822fields from to cc <message", help: "who wrote to whom" }],
  seeAlso: ["822field(1)", "822addr(1)"],
  source: ["[man 822fields.1]"],
  run: (proc) => printFieldValues(proc, proc.args.length === 0 ? ["subject"] : proc.args),
});
