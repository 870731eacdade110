/** matchup: joins the lines of qmail-send's log into message and delivery records [man matchup.1]. */
import { defineApplet } from "../../core/applet.ts";
import { pendingWriter, runMatchup } from "./matchup_run.ts";

export const applet = defineApplet({
  names: ["matchup"],
  section: 1,
  summary: "join log lines into message and delivery records",
  role: "tool",
  dialect: "chain",
  options: {},
  description:
    `matchup reads the log of qmail-send on its standard input, each line with a time in front (TAI64N as multilog writes it,
seconds as splogger does, or the times of "indimail serve"), and prints a line for each message that has left the queue and
one for each delivery attempt that has ended. The queue's name at the end of the lines may be there or not.

m birth done bytes successes failures deferrals <sender> qp uid

d result birth start done bytes <sender> channel.recipient qp uid reason

Times are seconds since 1970. The result is k for a success, z for a deferral, d for a failure. Sender and recipient are in
lower case. A field that the log does not tell is a question mark.

Warnings and alerts are copied; a line that is none of qmail-send's is copied with a question mark in front.

At the end of its input matchup writes the messages and deliveries that are not finished to descriptor 5, as log lines with
which another run can begin; so a log can be worked through in pieces. When nothing is left open descriptor 5 is not needed.
Memory is needed for what is open, whatever the length of the log.`,
  examples: [
    { command: "matchup <log.1 >out.1 5>pending.2", help: "the first piece of a log" },
    { command: "cat pending.2 log.2 | matchup >out.2 5>pending.3", help: "the next one" },
    { command: "matchup <current 5>/dev/null | zoverall", help: "statistics of a log folder's current file" },
  ],
  exits: { "111": "the input cannot be read, the output not written, or descriptor 5 is missing and needed" },
  seeAlso: ["mlmatchup(8)", "xqp(1)", "xrecipient(1)", "xsender(1)", "zoverall(1)", "zsendmail(1)", "multilog(8)"],
  source: ["[man matchup.1]", "[man qmail-log.5]", "[spec formats 3]"],
  async run(proc) {
    await runMatchup({ inputs: [proc.stdin], output: proc.stdout, pending: () => pendingWriter(proc.fd) });
  },
});
