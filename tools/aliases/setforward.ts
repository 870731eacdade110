/** setforward: makes a forwarding database of its text form. */
import { defineApplet } from "../../core/applet.ts";
import type { ByteReader } from "../../core/stream.ts";
import { ForwardReader, type ForwardRecord } from "./forward_text.ts";
import { inputText, writeRecords } from "./write_file.ts";

async function* recordsOf(input: ByteReader): AsyncGenerator<Iterable<ForwardRecord>> {
  const reader = new ForwardReader();
  for await (const text of inputText(input)) yield reader.read(text);
  reader.end();
}

export const applet = defineApplet({
  names: ["setforward"],
  section: 1,
  summary: "create a forwarding database",
  role: "tool",
  dialect: "qmail",
  options: {},
  operands: [
    { name: "cdb", help: "the database" },
    { name: "tmp", help: "written first, then moved; on the same file system" },
  ],
  stopsAtOperand: true,
  description:
    `setforward reads instructions on standard input and writes a database for fastforward. An instruction is a target,
a colon, commands with commas between, and a semicolon. White space and line ends mean nothing; # begins a comment; a
backslash makes the next character an ordinary one.

A target is user@host, @host for all users of a host, or user@ for a user of all hosts. A command is an address, with or without
& before it; ?address for the owner, whom bounces go to; |program, which gets the message; !program, which gets it with its
From_, Return-Path and Delivered-To lines; or the name of a binary list, which begins with a dot or a slash.`,
  exits: {
    "0": "done",
    "100": "the instructions are wrong",
    "111": "a file cannot be read or written; the old one stays",
  },
  examples: [{ command: "setforward forward.cdb forward.tmp <forward", help: "compiles the file forward" }],
  seeAlso: ["fastforward(1)", "printforward(1)", "newaliases(1)", "setmaillist(1)"],
  source: ["[man setforward.1]", "[spec formats 19]"],
  async run(proc) {
    const [path = "", temporary = ""] = proc.args;
    await writeRecords({ path, temporary }, recordsOf(proc.stdin));
  },
});
