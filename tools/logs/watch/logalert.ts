/** logalert: runs a command, or sends mail, when a line of a log matches a pattern [man logalert.8]. */
import { defineApplet, type Proc } from "../../../core/applet.ts";
import { Denied, errorText, Permanent, Temporary, Usage } from "../../../core/errors.ts";
import { accountByName, becomeUser } from "../../../core/libc/account.ts";
import { AlertRunner } from "./alert_action.ts";
import { countOf, parseAlertConfig, RETRIES, type Watch } from "./alert_config.ts";
import { compilePattern, MATCH_SLEEP_SECONDS } from "./alert_rule.ts";
import { watchFile, watchInput } from "./watch_file.ts";

const OPTIONS = {
  match: { flag: "m", long: "match", value: "pattern", help: "regular expression that raises an alert" },
  exec: { flag: "e", long: "exec", value: "command", help: "shell command to run" },
  mail: { long: "mail", value: "address", help: "send mail there by qmail-inject" },
  config: { flag: "c", long: "config-file", value: "file", help: "watch the files that this configuration names" },
  matchSleep: {
    flag: "s",
    long: "match-sleep",
    value: "seconds",
    default: "5",
    help: "after an alert raise no other for so long",
  },
  matchCount: { flag: "i", long: "match-count", value: "count", default: "1", help: "matches for one alert" },
  retry: { flag: "r", long: "retry", value: "count", default: "5", help: "tries, one a second, to open a file" },
  fromBegin: { flag: "b", long: "from-begin", help: "begin at the beginning of the file, not at its end" },
  user: { flag: "u", long: "user", value: "user", help: "run as this user" },
  verbose: { flag: "v", long: "verbose", help: "copy the file to standard output, and show what commands print" },
} as const;

type LogalertProc = Proc<typeof OPTIONS>;

export const applet = defineApplet({
  names: ["logalert"],
  section: 8,
  summary: "raise alerts for lines of logs",
  role: "tool",
  dialect: "daemon",
  options: OPTIONS,
  operands: [{ name: "file", optional: true, help: "file to watch; standard input when absent" }],
  description:
    `logalert follows a file and runs the command when a line matches the pattern. It begins at the end of the file, goes on
when the file is rotated or cut short, and waits when it is gone for a while.

The pattern is a regular expression; classes as [:alpha:] work within brackets. The command is run by sh -c with nothing on
its standard input. What the pattern's parentheses matched is in $1, $2 and so on, the line in LOGALERT_LINE, the file's name
in LOGALERT_FILE: put them in double quotes, they are what others wrote into a log.

After an alert the same pattern raises no other for the seconds of -s. With -i 3 every third match raises an alert.

With -c the files are those of a configuration of blocks like this one, comments begin with #:

  filename /var/log/messages
  {
    match = /[Ee]rror: (.*)/
    exec = /usr/local/bin/tell "$1"
    match_sleep = 10
    match_count = 2
    retry = 3
    user = nobody
    verbose
  }

mail = ADDRESS and readall (begin at the beginning) can stand there too. A file with a user of its own is watched by a process
of that user, all others by this one.`,
  examples: [
    {
      command: `logalert -m 'alert: (.*)' --mail postmaster@example.org /var/log/svc/deliver.25/current`,
      help: "mail for each alert of qmail-send",
    },
    { command: "logalert -c /etc/indimail/logalert.conf", help: "many files" },
  ],
  exits: { "0": "standard input ended, or TERM", "111": "a file was not there after all tries" },
  seeAlso: ["logmonitor(8)", "logclient(1)", "multilog(8)", "qmail-inject(8)"],
  source: ["[man logalert.8]"],
  async run(proc) {
    const { options } = proc;
    const [file] = proc.args;
    if (options.user !== undefined) runAs(options.user, proc.uid);
    const runner = new AlertRunner(proc);
    if (options.config !== undefined) {
      if (file !== undefined) throw new Usage("with -c the files stand in the configuration");
      await watchAll(proc, readConfig(options.config), runner);
    } else {
      const watch = ownWatch(proc, file ?? "-");
      await (watch.file === "-" ? watchInput(proc, watch, runner) : watchFile(proc, watch, runner));
    }
    await runner.idle();
  },
});

function runAs(name: string, uid: number): void {
  const account = accountByName(name);
  if (!account) throw new Permanent(`there is no user ${name}`);
  if (account.uid === uid) return;
  if (uid !== 0) throw new Denied(`only root can run as ${name}`);
  becomeUser({ uid: account.uid, gid: account.gid });
}

function count(text: string | undefined, absent: number): number {
  if (text === undefined) return absent;
  try {
    return countOf(text);
  } catch (error) {
    throw new Usage(errorText(error));
  }
}

function ownWatch({ options }: LogalertProc, file: string): Watch {
  const { match, exec, mail } = options;
  if (match === undefined || exec === undefined && mail === undefined) throw new Usage("give -m and -e, or -c");
  return {
    file,
    pattern: match,
    ...(exec !== undefined && { command: exec }),
    ...(mail !== undefined && { mail }),
    matchSleepSeconds: count(options.matchSleep, MATCH_SLEEP_SECONDS),
    matchCount: Math.max(1, count(options.matchCount, 1)),
    retries: count(options.retry, RETRIES),
    fromBeginning: options.fromBegin,
    verbose: options.verbose,
  };
}

function readConfig(path: string): Watch[] {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    throw new Temporary(`unable to read ${path}: ${errorText(error)}`);
  }
  const watches = parseAlertConfig(text, path);
  for (const { pattern } of watches) compilePattern(pattern);
  return watches;
}

/** Watches all; a file that is given up does not end the others. */
async function watchAll(proc: LogalertProc, watches: readonly Watch[], runner: AlertRunner): Promise<void> {
  const ends = await Promise.allSettled(watches.map(async (watch) => {
    try {
      await (watch.user === undefined ? watchFile(proc, watch, runner) : watchAsUser(proc, watch));
    } catch (error) {
      proc.log.line(`${proc.name}: warning: ${errorText(error)}`);
      throw error;
    }
  }));
  if (!proc.stopping.aborted && ends.every(({ status }) => status === "rejected")) {
    throw new Temporary("no file is left to watch");
  }
}

async function watchAsUser(proc: LogalertProc, watch: Watch): Promise<void> {
  const child = await proc.spawn({
    program: "logalert",
    args: [
      ...["-m", watch.pattern, "-u", watch.user ?? "", "-r", String(watch.retries)],
      ...["-s", String(watch.matchSleepSeconds), "-i", String(watch.matchCount)],
      ...watch.command === undefined ? [] : ["-e", watch.command],
      ...watch.mail === undefined ? [] : [`--mail=${watch.mail}`],
      ...watch.fromBeginning ? ["-b"] : [],
      ...watch.verbose ? ["-v"] : [],
      ...["--", watch.file],
    ],
    fds: { 0: "null", 1: 1, 2: 2 },
  });
  const stop = () => child.kill("SIGTERM");
  proc.stopping.addEventListener("abort", stop, { once: true });
  const { code } = await child.ended;
  proc.stopping.removeEventListener("abort", stop);
  if (code !== 0) throw new Temporary(`${watch.file} is not watched any more`);
}
