/** addcr: a CR before each LF [man addcr.1]. */
import { defineApplet } from "../../core/applet.ts";
import { copyStream } from "./copy_stream.ts";
import { crAdder } from "./line_ends.ts";

export const applet = defineApplet({
  names: ["addcr"],
  section: 1,
  summary: "put a CR before each LF",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  description:
    "addcr copies its standard input to its standard output and puts a CR before each LF, also where there is one. A last line without LF gets none.",
  examples: [{ command: "addcr <letter >letter.crlf", help: "lines as protocols of the net have them" }],
  seeAlso: ["delcr(1)", "fixcrio(1)", "tcpserver(1)"],
  source: ["[man addcr.1]"],
  async run(proc) {
    await copyStream(proc.stdin, proc.stdout, [crAdder({ unlessThere: false })]);
  },
});
