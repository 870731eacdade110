/** mlmatchup: matchup as a processor of multilog, which keeps the unfinished lines between runs [man mlmatchup.9]. */
import { defineApplet } from "../../core/applet.ts";
import { Temporary } from "../../core/errors.ts";
import { isInheritedFd } from "../../core/libc/fd.ts";
import { pendingWriter, runMatchup } from "./matchup_run.ts";

/** Where multilog gives what the run before left. */
const STATE_FD = 4;

export const applet = defineApplet({
  names: ["mlmatchup"],
  section: 8,
  summary: "join log lines into records as a processor of multilog",
  role: "tool",
  dialect: "chain",
  options: {},
  description:
    `mlmatchup does what matchup does, but reads descriptor 4 before its standard input. multilog gives its processors on
descriptor 4 what the run before wrote to descriptor 5, so nothing is lost between the files of a log.`,
  examples: [{
    command: "exec setuidgid qmaill multilog t ./main !mlmatchup ./qmailanalog",
    help: "the log service of qmail-send: the log in main, the records in qmailanalog",
  }],
  exits: { "111": "a descriptor cannot be read or written" },
  seeAlso: ["matchup(1)", "multilog(8)"],
  source: ["[man mlmatchup.9]", "[spec formats 18]"],
  async run(proc) {
    if (!isInheritedFd(STATE_FD)) throw new Temporary("descriptor 4 is not open: multilog gives it to a processor");
    const inputs = [proc.fd(STATE_FD), proc.stdin];
    await runMatchup({ inputs, output: proc.stdout, pending: () => pendingWriter(proc.fd) });
  },
});
