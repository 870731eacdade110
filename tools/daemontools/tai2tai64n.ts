/** tai2tai64n: makes TAI64N labels of decimal TAI seconds [man tai2tai64n.1]. */
import { defineApplet } from "../../core/applet.ts";
import { decimalStart } from "./label_filters.ts";
import { filterInput } from "./line_filter.ts";

/** The program. */
export const applet = defineApplet({
  names: ["tai2tai64n"],
  section: 1,
  summary: "convert decimal TAI timestamps to TAI64N",
  role: "text",
  dialect: "chain",
  options: {},
  description:
    `tai2tai64n copies standard input to standard output and replaces decimal TAI seconds at the start of a line, with a fraction
of up to nine digits or, when a blank follows, without one, by @ and a TAI64N label. Other lines stay as they are.
tai64n2tai is the reverse.`,
  exits: { "111": "trouble with standard input or output" },
  examples: [{ command: "tai2tai64n < log | tai64nlocal", help: "read an old log" }],
  seeAlso: ["tai64n2tai(1)", "tai64nlocal(8)"],
  source: ["[man tai2tai64n.1]"],
  run: (proc) => filterInput(proc, decimalStart()),
});
