/** tai64n2tai: renders TAI64N labels as decimal TAI seconds [man tai64n2tai.1]. */
import { defineApplet } from "../../core/applet.ts";
import { labelStart, taiSeconds } from "./label_filters.ts";
import { filterInput } from "./line_filter.ts";

/** The program. */
export const applet = defineApplet({
  names: ["tai64n2tai"],
  section: 1,
  summary: "convert TAI64N timestamps to decimal TAI",
  role: "text",
  dialect: "chain",
  options: {},
  description:
    `tai64n2tai copies standard input to standard output and replaces a TAI64N label at the start of a line by TAI seconds since
1970 and nine digits behind a dot, the form of older programs; it is 10 more than the seconds that tai64nunix prints.
Other lines stay as they are. tai2tai64n is the reverse.`,
  exits: { "111": "trouble with standard input or output" },
  examples: [{ command: "tai64n2tai < current", help: "for a program that knows no labels" }],
  seeAlso: ["tai2tai64n(1)", "tai64n(8)", "tai64nunix(8)"],
  source: ["[man tai64n2tai.1]"],
  run: (proc) => filterInput(proc, labelStart(taiSeconds)),
});
