/** multilog: appends selected lines of standard input to logs that it rotates [man multilog.8]. */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { setUmask } from "../../core/libc/files.ts";
import { LogEngine } from "./log_engine.ts";
import { LineQueue, SignalInput } from "./signal_input.ts";

/** A pipe holds 64 KB. */
const READ_BYTES = 64 * 1024;
/** Modes of the log's files are exact; that of its folder is made with the umask as it was [man multilog.8]. */
const UMASK = 0o022;

/** The program. */
export const applet = defineApplet({
  names: ["multilog"],
  section: 8,
  summary: "append selected lines of standard input to rotated logs",
  role: "tool",
  dialect: "chain",
  options: {},
  rawArguments: true,
  synopsis: "multilog action...",
  description:
    `multilog carries out its actions in order for each line of standard input. A line is selected at first; patterns change
that, other actions work on selected lines. At the end of input, or at a newline after TERM, it makes its logs safe and
exits 0; a last line without newline gets one. What TERM leaves unread stays in the pipe.

Selection: -PATTERN deselects a line that matches; +PATTERN selects one. A star matches any text without the character
behind the star, a star at the end any text, all else itself. Patterns see the first 1000 bytes of a line, with its
timestamp; so '+*fatal*' may stop at an f of the label, and '+* fatal: *' is better.

Timestamps: t, as the first action only, puts @, a TAI64N label and a space before each line.

Alerts: e prints the first 200 bytes of the line to standard error.

Status files: =FILE makes the first 1000 bytes of the line, with newlines up to 1001, the content of FILE.

Logs: DIR, beginning with a dot or slash, appends the line to the log DIR. Actions before it say how the logs behind them
are kept: sSIZE their size, 4096 to 16777215 bytes, 0 for no limit, as without it; nNUM their number of files, at least 2,
10 without it; !PROCESSOR a command through which a full file is fed; rNNN, or !rNNN, that files also end at every multiple
of NNN seconds.

A log is a folder, made with mode 755. Lines go to the file current, mode 644. When that has reached its size, or a newline
less than 2000 bytes before it, it is made safe, gets mode 744 and the name @LABEL.s, of the time when it ended; of NUM and
more such files the oldest is removed. After a crash it is named @LABEL.u. At a clean end current gets mode 744.

A processor is run by sh with the full file as standard input and the file that is kept as standard output. What it writes
to descriptor 5 it can read from descriptor 4 the next time. When it does not exit 0 it is run again.

When a disk is full multilog says so, waits and tries again. Nothing is lost; the writers of the pipe wait.

Signals: ALRM ends every file that is not empty. After INT lines are deselected at first, after HUP no longer.`,
  env: { NOFSYNC: "when set, nothing is synced to disk" },
  exits: {
    "0": "end of input, or TERM",
    "100": "an action is malformed",
    "111": "a log cannot be opened or is in use",
  },
  files: {
    "DIR/current": "the log",
    "DIR/@LABEL.s": "a complete file",
    "DIR/@LABEL.u": "a file that a crash may have cut",
    "DIR/lock": "locked while multilog runs",
    "DIR/state": "what the processor wrote to descriptor 5",
  },
  examples: [
    { command: "multilog t s100000 n20 ./main", help: "a log/run: 20 files of 100 KB with timestamps" },
    { command: "multilog t ./all '-*' '+* fatal: *' ./fatal", help: "a second log for some lines" },
  ],
  seeAlso: ["tai64nlocal(8)", "svscan(8)", "supervise(8)", "multitail(1)"],
  source: ["[man multilog.8]", "[spec formats 18]"],
  async run(proc) {
    const errors = new LineQueue((bytes) => proc.stderr.write(bytes));
    const engine = LogEngine.open(proc.args, {
      directory: ".",
      warn: (text) => errors.line(`${proc.name}: warning: ${text}`),
      alert: (bytes) => errors.bytes(bytes.slice()),
      sync: proc.env.get("NOFSYNC") === undefined,
    });
    setUmask(UMASK);
    const feeding = new Feeding(proc, engine);
    await engine.ready();
    await feeding.run();
    await engine.close();
    await errors.flush();
  },
});

/** Hands standard input to the engine, up to its end or to the first newline after TERM. Signals are heard at once. */
class Feeding {
  readonly #input = new SignalInput();
  readonly #engine: LogEngine;
  #ending = false;

  constructor(proc: Proc, engine: LogEngine) {
    this.#engine = engine;
    proc.onSignal("SIGTERM", () => {
      this.#ending = true;
      this.#input.interrupt();
    });
    proc.onSignal("SIGALRM", () => engine.rotate());
    proc.onSignal("SIGINT", () => engine.setLogging(false));
    proc.onSignal("SIGHUP", () => engine.setLogging(true));
  }

  async run(): Promise<void> {
    const engine = this.#engine;
    const buffer = new Uint8Array(READ_BYTES);
    while (!this.#ending || !engine.atLineStart) {
      const count = await this.#input.read(this.#ending ? buffer.subarray(0, 1) : buffer);
      if (count === null) return;
      if (count !== undefined) await engine.write(buffer.subarray(0, count));
    }
  }
}
