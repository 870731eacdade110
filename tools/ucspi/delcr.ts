/** delcr: no CR before LF [man delcr.1]. */
import { defineApplet } from "../../core/applet.ts";
import { copyStream } from "./copy_stream.ts";
import { crRemover } from "./line_ends.ts";

export const applet = defineApplet({
  names: ["delcr"],
  section: 1,
  summary: "remove the CR before each LF",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  description:
    "delcr copies its standard input to its standard output without the CR that stands before an LF. Other CRs stay.",
  examples: [{ command: "delcr <letter.crlf >letter", help: "lines as Unix has them" }],
  seeAlso: ["addcr(1)", "fixcrio(1)", "tcpserver(1)"],
  source: ["[man delcr.1]"],
  async run(proc) {
    await copyStream(proc.stdin, proc.stdout, [crRemover()]);
  },
});
