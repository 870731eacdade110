/** qfilelog: appends standard input to one file [man qfilelog.1]. */
import { defineApplet } from "../../core/applet.ts";
import { errorText } from "../../core/errors.ts";
import { LineQueue, SignalInput } from "./signal_input.ts";

const READ_BYTES = 64 * 1024;
/** How long it waits after trouble [man qfilelog.1]. */
const PAUSE_MS = 60_000;
const LF = 10;

/** The program. */
export const applet = defineApplet({
  names: ["qfilelog"],
  section: 1,
  summary: "append standard input to one file",
  role: "tool",
  dialect: "admin",
  options: {},
  operands: [{ name: "filename", help: "file to append to; created when it is absent" }],
  description:
    `qfilelog appends standard input to the file. At HUP it makes the file safe, closes it and opens the name again, at a
newline, so that another program can rename the file at any time. When the file cannot be opened or written, it says so on
standard error, waits a minute, or for HUP, and tries again; nothing is lost. At TERM or INT it ends at the next newline, but
not before what it has read is written.`,
  exits: { "0": "end of input, or TERM", "1": "wrong usage, or trouble with standard input" },
  examples: [{ command: "qfilelog /var/log/app.log", help: "a log/run for a file that logrotate turns over" }],
  seeAlso: ["multilog(8)", "splogger(8)"],
  source: ["[man qfilelog.1]"],
  async run(proc) {
    const errors = new LineQueue((bytes) => proc.stderr.write(bytes));
    let ending = false;
    let reopen = false;
    let pausing: AbortController | undefined;
    const file = new ReopenedFile(proc.args[0] ?? "", {
      warn: (text) => errors.line(`${proc.name}: warning: ${text}`),
      pause: async () => {
        pausing = new AbortController();
        await proc.clock.sleep(PAUSE_MS, pausing.signal).catch(() => {}); // a signal: tried again at once
      },
      ending: () => ending,
    });
    const input = new SignalInput();
    const interrupt = () => {
      input.interrupt();
      pausing?.abort();
    };
    const end = () => {
      ending = true;
      interrupt();
    };
    proc.onSignal("SIGTERM", end);
    proc.onSignal("SIGINT", end);
    proc.onSignal("SIGHUP", () => {
      reopen = true;
      interrupt();
    });
    await file.open();
    const buffer = new Uint8Array(READ_BYTES);
    while (!ending || !file.atLineStart) {
      if (reopen && file.atLineStart) {
        reopen = false;
        await file.reopen();
      }
      const count = await input.read(ending || reopen ? buffer.subarray(0, 1) : buffer);
      if (count === null) break;
      if (count !== undefined) await file.append(buffer.subarray(0, count));
    }
    await file.close();
    await errors.flush();
  },
});

/** What a ReopenedFile needs of the world. */
interface FileWorld {
  warn(text: string): void;
  /** After trouble. */
  pause(): Promise<void>;
  /** True when the program is to end: a file that cannot be opened is no longer waited for. */
  ending(): boolean;
}

/** A file that is opened again by its name. */
class ReopenedFile {
  readonly #path: string;
  readonly #world: FileWorld;
  #file: Deno.FsFile | undefined;
  atLineStart = true;

  constructor(path: string, world: FileWorld) {
    this.#path = path;
    this.#world = world;
  }

  async open(): Promise<void> {
    await this.#insist("open", () => {
      this.#file = Deno.openSync(this.#path, { append: true, create: true, mode: 0o666 });
    });
  }

  async append(bytes: Uint8Array): Promise<void> {
    let done = 0;
    await this.#insist("write", () => {
      while (this.#file && done < bytes.length) done += this.#file.writeSync(bytes.subarray(done));
    });
    this.atLineStart = bytes.at(-1) === LF;
  }

  async reopen(): Promise<void> {
    await this.close();
    await this.open();
  }

  async close(): Promise<void> {
    await this.#insist("sync", () => this.#sync());
    this.#file?.close();
    this.#file = undefined;
  }

  #sync(): void {
    try {
      this.#file?.syncSync();
    } catch (error) {
      if (!(error instanceof Error && /EINVAL|Invalid argument/.test(error.message))) throw error; // a pipe or terminal
    }
  }

  async #insist(what: string, run: () => void): Promise<void> {
    for (;;) {
      try {
        return run();
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        this.#world.warn(`unable to ${what} ${this.#path}, pausing: ${errorText(error)}`);
        if (what === "open" && this.#world.ending()) return;
        await this.#world.pause();
      }
    }
  }
}
