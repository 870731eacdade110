/**
 * What an alert does: a shell command, or a mail by qmail-inject. Text of the log never becomes part of the command: the
 * pattern's groups are $1, $2, ... of the shell, the line is in an environment variable [man logalert.8].
 */
import { utf8Bytes } from "../../../core/bytes.ts";
import { errorText } from "../../../core/errors.ts";
import type { ChildProcess, Proc } from "../../../core/applet.ts";

/** Commands that may run at the same time; further alerts wait. */
const RUNNING_MAX = 16;
const SUBJECT_LENGTH_MAX = 200;

/** What to do. */
export interface AlertAction {
  readonly command?: string;
  readonly mail?: string;
  /** Output of the command is shown. */
  readonly verbose: boolean;
}

/** An alert. */
export interface Alert {
  readonly file: string;
  readonly pattern: string;
  readonly line: string;
  readonly groups: readonly string[];
}

type World = Pick<Proc, "spawn" | "env" | "log" | "name">;

/** Runs alerts' actions and waits for their ends. */
export class AlertRunner {
  readonly #world: World;
  readonly #running = new Set<Promise<void>>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Starts what the alert asks for; resolves when that runs, or could not be started (which is said). */
  async raise(alert: Alert, action: AlertAction): Promise<void> {
    while (this.#running.size >= RUNNING_MAX) await Promise.race(this.#running);
    try {
      if (action.command !== undefined) this.#watch(action.command, await this.#command(alert, action));
      if (action.mail !== undefined) this.#watch(`qmail-inject ${action.mail}`, await this.#mail(alert, action.mail));
    } catch (error) {
      this.#warn(`unable to raise an alert for ${alert.file}: ${errorText(error)}`);
    }
  }

  /** Resolves when nothing runs any more. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #warn(text: string): void {
    this.#world.log.line(`${this.#world.name}: warning: ${text}`);
  }

  #watch(what: string, child: ChildProcess): void {
    const ended = child.ended.then(({ code, signal }) => {
      if (signal !== 0) this.#warn(`signal ${signal} ended: ${what}`);
      else if (code !== 0) this.#warn(`exit ${code}: ${what}`);
    }).finally(() => this.#running.delete(ended));
    this.#running.add(ended);
  }

  #command({ line, file, groups }: Alert, { command = "", verbose }: AlertAction): Promise<ChildProcess> {
    const output = verbose ? { 1: 1, 2: 2 } : { 1: "null", 2: "null" } as const;
    return this.#world.spawn({
      program: "/bin/sh",
      args: ["-c", command, "logalert", ...groups],
      env: { ...this.#world.env.all(), LOGALERT_LINE: line, LOGALERT_FILE: file },
      fds: { 0: "null", ...output },
    });
  }

  async #mail({ file, line, pattern }: Alert, address: string): Promise<ChildProcess> {
    const child = await this.#world.spawn({
      program: "qmail-inject",
      args: ["--", address],
      fds: { 0: "pipe-in", 1: "null", 2: 2 },
    });
    const subject = `alert: ${file}: ${line}`.replace(/[^ -~]/g, "?").slice(0, SUBJECT_LENGTH_MAX);
    const text = `To: ${address}\nSubject: ${subject}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n` +
      `Content-Transfer-Encoding: 8bit\nAuto-Submitted: auto-generated\n\nFile: ${file}\nPattern: ${pattern}\n\n${line}\n`;
    const writer = child.writers.get(0);
    try {
      await writer?.write(utf8Bytes(text));
    } finally {
      writer?.close();
    }
    return child;
  }
}
