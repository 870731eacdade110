/** cdbmake-12: makes a constant database of the first two words of each line. */
import { defineApplet } from "../../core/applet.ts";
import { makeFromLines, type TextRecord, words } from "./lines.ts";

/** The record of a line: first and second word; none of an empty line or a comment. */
export function pairOf(line: string): TextRecord[] {
  if (line === "" || line.startsWith("#")) return [];
  const [key = "", data = ""] = words(line);
  return [[key, data]];
}

export const applet = defineApplet({
  names: ["cdbmake-12"],
  section: 1,
  summary: "make a constant database from keys and values",
  role: "tool",
  dialect: "qmail",
  options: {},
  operands: [
    { name: "cdb", help: "the file to be made; replaced when all is written and synced" },
    { name: "temporary", help: "what is written meanwhile, on the same file system" },
  ],
  description:
    `cdbmake-12 reads lines from standard input: the first word of each is a key, the second its data. Empty lines
and lines that begin with # are left out.`,
  exits: { "111": "a file cannot be read or written; the old database is untouched" },
  seeAlso: ["cdbmake(1)", "cdbget(1)", "cdbmake-sv(1)"],
  source: ["[man cdbmake.1]"],
  run: (proc) => makeFromLines(proc.stdin, { path: proc.args[0] ?? "", temporary: proc.args[1] ?? "" }, pairOf),
});
