/** mconnect-io: the terminal's half of mconnect, for tcpclient [man mconnect-io.1]. */
import { defineApplet } from "../../core/applet.ts";
import { pipeWriter } from "../../core/libc/fd.ts";
import { copyStream } from "./copy_stream.ts";
import { crAdder } from "./line_ends.ts";

/** Descriptors of the network, as tcpclient has them. */
const READING = 6;
const WRITING = 7;

export const applet = defineApplet({
  names: ["mconnect-io"],
  section: 1,
  summary: "copy between a terminal and tcpclient's connection",
  role: "tool",
  dialect: "chain",
  options: {},
  description:
    "mconnect-io copies its standard input, with a CR before each LF, to descriptor 7, and descriptor 6 to its standard " +
    "output, until descriptor 6 ends.",
  examples: [{ command: "tcpclient -RHl0 mail.example.com 25 mconnect-io", help: "what mconnect does" }],
  seeAlso: ["mconnect(1)", "tcpclient(1)"],
  source: ["[man mconnect-io.1]"],
  async run(proc) {
    const said = copyStream(proc.stdin, pipeWriter(WRITING), [crAdder({ unlessThere: false })]);
    const heard = copyStream(proc.fd(READING), proc.stdout);
    await Promise.race([heard, said.then(() => new Promise<never>(() => {}))]);
  },
});
