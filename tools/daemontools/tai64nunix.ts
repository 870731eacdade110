/** tai64nunix: renders TAI64N labels as seconds since 1970 [man tai64nunix.8]. */
import { defineApplet } from "../../core/applet.ts";
import { labelStart } from "./label_filters.ts";
import { filterInput } from "./line_filter.ts";

/** The program. */
export const applet = defineApplet({
  names: ["tai64nunix"],
  section: 8,
  summary: "convert TAI64N timestamps to seconds since 1970",
  role: "text",
  dialect: "chain",
  options: {},
  description:
    `tai64nunix copies standard input to standard output and replaces a TAI64N label at the start of a line by the seconds since
1970 UTC and nine digits behind a dot, as the programs of qmailanalog expect. Other lines stay as they are.`,
  exits: { "111": "trouble with standard input or output" },
  examples: [{ command: "tai64nunix < current | matchup", help: "prepare a log of qmail-send for analysis" }],
  seeAlso: ["tai64n(8)", "tai64nlocal(8)", "matchup(1)"],
  source: ["[man tai64nunix.8]"],
  run: (proc) => filterInput(proc, labelStart(String)),
});
