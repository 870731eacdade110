/**
 * The work of maildirserial: feed a client with the names of a Maildir's messages, take its results, remove what somebody
 * else has now. A message leaves the Maildir only after the client's K, or after qmail-queue has its bounce; a crash
 * anywhere at worst sends it twice.
 */
import type { ChildProcess, Proc } from "../../core/applet.ts";
import { latin1Bytes, utf8Bytes } from "../../core/bytes.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import { LibcError } from "../../core/libc/libc.ts";
import type { BounceSettings } from "../../mail/bounce.ts";
import { formatQueueExit } from "../../mail/queue_exits.ts";
import { bounceMessage } from "./bounce_message.ts";
import { type ClientResult, ClientResults } from "./client_results.ts";
import { scanMaildir } from "./maildir_scan.ts";
import { openMessage } from "./message_file.ts";

/** Runs of the client in a row without any result, after which it is given up. */
const FRUITLESS_RUNS_MAX = 3;
const READ_BYTES = 64 * 1024;

/** What is to be done. */
export interface SerialJob {
  readonly maildir: string;
  readonly prefix: string;
  readonly client: readonly string[];
  /** Bounce what is refused for good. */
  readonly bounce: boolean;
  /** Beyond this age a refusal for now is one for good; undefined: never. */
  readonly lifetimeSeconds: number | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly settings: BounceSettings;
}

/** One run of maildirserial. */
export class SerialRun {
  readonly #proc: Proc;
  readonly #job: SerialJob;
  readonly #startedMs: number;
  /** Messages that are not to be tried again in this run. */
  readonly #dead = new Set<string>();

  constructor(proc: Proc, job: SerialJob) {
    this.#proc = proc;
    this.#job = job;
    this.#startedMs = proc.clock.nowMs();
  }

  /** Runs the client until nothing is left for it; the exit code. Throws Temporary. */
  async run(): Promise<number> {
    for (let fruitless = 0; fruitless < FRUITLESS_RUNS_MAX; fruitless++) {
      const names = await this.#waiting();
      if (names.length === 0) return this.#dead.size > 0 ? EXIT_DIALECTS.qmail.temporary : EXIT_DIALECTS.qmail.ok;
      const { results, code, signal } = await this.#runClient(names);
      if (signal !== 0) throw new Temporary(`${this.#job.client[0]} was killed by signal ${signal}`);
      if (code === EXIT_DIALECTS.qmail.permanent) return code; // it has said why
      if (results > 0) fruitless = -1;
    }
    throw new Temporary(`${this.#job.client[0]} makes no progress: given up`);
  }

  async #waiting(): Promise<string[]> {
    const names: string[] = [];
    for (const { name } of scanMaildir(this.#job.maildir, this.#startedMs)) {
      if (!this.#dead.has(name) && await this.#isForClient(name)) names.push(name);
    }
    return names;
  }

  async #isForClient(name: string): Promise<boolean> {
    if (this.#job.prefix === "") return true;
    try {
      const message = openMessage(`${this.#job.maildir}/${name}`);
      message?.close();
      return message !== undefined && message.envelope.recipient.startsWith(this.#job.prefix);
    } catch (error) {
      await this.#say("warning", `unable to read ${name}: ${errorText(error)}`);
      return false;
    }
  }

  async #runClient(names: readonly string[]) {
    const [program = "", ...args] = this.#job.client;
    const child = await this.#proc.spawn({
      program,
      args,
      env: this.#job.env,
      cwd: this.#job.maildir,
      fds: { 0: "pipe-in", 1: "pipe-out", 2: 2 },
    });
    const feeding = this.#feed(child, names);
    try {
      const results = await this.#takeResults(child, new Set(names));
      await feeding;
      return { results, ...await child.ended };
    } catch (error) {
      child.kill("SIGTERM");
      throw error;
    } finally {
      child.readers.get(1)!.close();
    }
  }

  /** Gives the names to the client; it may end before it has read them all. */
  async #feed(child: ChildProcess, names: readonly string[]): Promise<void> {
    const input = child.writers.get(0)!;
    try {
      await input.write(latin1Bytes(names.map((name) => `${name}\0`).join("")));
    } catch (error) {
      if (!(error instanceof LibcError)) throw error; // it has ended: what it has not decided on is fed to the next
    } finally {
      input.close();
    }
  }

  async #takeResults(child: ChildProcess, fed: Set<string>): Promise<number> {
    const output = child.readers.get(1)!;
    const results = new ClientResults();
    const buffer = new Uint8Array(READ_BYTES);
    let taken = 0;
    for (let count = await output.read(buffer); count !== null; count = await output.read(buffer)) {
      for (const result of results.push(buffer.subarray(0, count))) {
        if (!fed.delete(result.name)) {
          await this.#say("warning", `the client speaks of ${result.name}, which it was not given, or again`);
          continue;
        }
        await this.#take(result);
        taken++;
      }
    }
    return taken;
  }

  async #take(result: ClientResult): Promise<void> {
    const { name, text } = result;
    if (result.status === "K") {
      await this.#say("info", `${name} succeeded: ${text}`);
      return await this.#remove(name, "message will be delivered twice!");
    }
    const tooOld = result.status === "Z" && this.#isTooOld(name);
    if ((result.status === "D" || tooOld) && this.#job.bounce) return await this.#bounce(name, { text, tooOld });
    await this.#say("info", `${name} ${result.status === "D" || tooOld ? "failed" : "failed temporarily"}: ${text}`);
    this.#dead.add(name);
  }

  #isTooOld(name: string): boolean {
    if (this.#job.lifetimeSeconds === undefined) return false;
    try {
      const modifiedMs = Deno.statSync(`${this.#job.maildir}/${name}`).mtime?.getTime();
      return modifiedMs !== undefined && this.#proc.clock.nowMs() > modifiedMs + this.#job.lifetimeSeconds * 1000;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw new Temporary(`unable to look at ${name}: ${errorText(error)}`);
    }
  }

  async #bounce(name: string, why: { readonly text: string; readonly tooOld: boolean }): Promise<void> {
    const { maildir, prefix, settings, env } = this.#job;
    await this.#say("info", `${name} bounced: ${why.text}`);
    const reason = why.text || "The message was refused without a word.";
    const text = why.tooOld ? `${reason}\nThis message has been tried for too long.` : reason;
    try {
      const bounced = await bounceMessage(this.#proc, `${maildir}/${name}`, { text, prefix, settings, env });
      if (bounced.kind === "queued" || bounced.kind === "discarded") {
        const said = bounced.kind === "queued"
          ? `returned ${name}: qp ${bounced.pid}`
          : `discarding ${name}: ${bounced.reason}`;
        await this.#say("info", said);
        return await this.#remove(name, "message has been bounced but not removed!");
      }
      const trouble = bounced.kind === "failed"
        ? `qmail-queue: ${formatQueueExit(bounced.end.code, bounced.end.text).slice(1)}`
        : "the file does not begin with Return-Path and Delivered-To";
      await this.#say("warning", `unable to bounce ${name}: ${trouble}`);
    } catch (error) {
      await this.#say("warning", `unable to bounce ${name}: ${errorText(error)}`);
    }
    this.#dead.add(name);
  }

  async #remove(name: string, otherwise: string): Promise<void> {
    try {
      Deno.removeSync(`${this.#job.maildir}/${name}`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      this.#dead.add(name);
      await this.#say("warning", `${otherwise} unable to remove ${name}: ${errorText(error)}`);
    }
  }

  async #say(kind: "info" | "warning", text: string): Promise<void> {
    await this.#proc.stderr.write(utf8Bytes(`${this.#proc.name}: ${kind}: ${text}\n`));
  }
}
