/** logmonitor: watches a log and acts on lines that match, the short way to logalert [man logalert.8]. */
import { defineApplet } from "../../../core/applet.ts";
import { AlertRunner } from "./alert_action.ts";
import { RETRIES } from "./alert_config.ts";
import { MATCH_SLEEP_SECONDS } from "./alert_rule.ts";
import { watchFile, watchInput } from "./watch_file.ts";

const MAIL = "mailto:";

export const applet = defineApplet({
  names: ["logmonitor"],
  section: 8,
  summary: "act on lines of a log in real time",
  role: "tool",
  dialect: "daemon",
  options: {},
  operands: [
    { name: "file", help: "file to watch, or - for standard input" },
    { name: "pattern", help: "regular expression" },
    { name: "action", help: "shell command, or mailto:ADDRESS" },
  ],
  description:
    `logmonitor follows a file from its end and acts when a line matches the pattern: it runs the action by sh -c, or sends a
mail by qmail-inject when the action is mailto:ADDRESS. It is logalert with five seconds between two alerts; see there for
what the command finds in $1 and LOGALERT_LINE.`,
  examples: [{
    command: "logmonitor /var/log/svc/deliver.25/current 'alert: ' mailto:postmaster@example.org",
    help: "mail for alerts of qmail-send",
  }],
  exits: { "0": "standard input ended, or TERM", "111": "the file was not there after all tries" },
  seeAlso: ["logalert(8)", "multitail(1)"],
  source: ["[man logalert.8]"],
  async run(proc) {
    const [file = "", pattern = "", action = ""] = proc.args;
    const runner = new AlertRunner(proc);
    const watch = {
      file,
      pattern,
      ...(action.startsWith(MAIL) ? { mail: action.slice(MAIL.length) } : { command: action }),
      matchSleepSeconds: MATCH_SLEEP_SECONDS,
      matchCount: 1,
      retries: RETRIES,
      fromBeginning: false,
      verbose: false,
    };
    await (file === "-" ? watchInput(proc, watch, runner) : watchFile(proc, watch, runner));
    await runner.idle();
  },
});
