/** tai64n: puts a precise timestamp before each line [man tai64n.8]. */
import { defineApplet } from "../../core/applet.ts";
import { stampingStart } from "./label_filters.ts";
import { filterInput } from "./line_filter.ts";

/** The program. */
export const applet = defineApplet({
  names: ["tai64n"],
  section: 8,
  summary: "put a precise timestamp on each line",
  role: "text",
  dialect: "chain",
  options: {},
  description:
    `tai64n copies standard input to standard output and puts @, a TAI64N label of 24 hexadecimal digits, and a space before
each line. The label is the time at which the start of the line was read; lines that arrive together have the same.`,
  exits: { "111": "trouble with standard input or output" },
  examples: [{ command: "tail -F log | tai64n | tai64nlocal", help: "show when each line came" }],
  seeAlso: ["tai64nlocal(8)", "tai64nunix(8)", "multilog(8)"],
  source: ["[man tai64n.8]"],
  run: (proc) => filterInput(proc, stampingStart()),
});
