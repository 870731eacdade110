/** tai64nlocal: renders TAI64N labels as local time [man tai64nlocal.8]. */
import { defineApplet } from "../../core/applet.ts";
import { labelStart, localTime } from "./label_filters.ts";
import { filterInput } from "./line_filter.ts";

/** The program. */
export const applet = defineApplet({
  names: ["tai64nlocal"],
  section: 8,
  summary: "convert TAI64N timestamps to local time",
  role: "tool",
  dialect: "chain",
  options: {},
  description:
    `tai64nlocal copies standard input to standard output and replaces a TAI64N label at the start of a line by the local time,
YYYY-MM-DD HH:MM:SS and nine digits behind a dot. Lines that begin with anything else, also with @ and less than 24
hexadecimal digits, stay as they are.`,
  env: { TZ: "time zone, all that the C library knows; the system's unless set" },
  exits: { "111": "trouble with standard input or output" },
  examples: [{ command: "tai64nlocal < /var/log/svc/smtp/current | less", help: "read a log of multilog" }],
  seeAlso: ["tai64n(8)", "tai64nunix(8)", "multilog(8)"],
  source: ["[man tai64nlocal.8]"],
  run: (proc) => filterInput(proc, labelStart(localTime)),
});
