/**
 * A log inside this process: reads the service's pipe when the poller says so, hands the bytes to the engine, and reads no
 * more until they are taken. So a full disk makes the service wait, as multilog would, and nothing is lost.
 */
import type { ProcessEnd } from "../../../core/applet.ts";
import { errorText } from "../../../core/errors.ts";
import { EXIT_DIALECTS } from "../../../core/exits.ts";
import { PipePeeker, type Poller, tryReadFd } from "../../../core/libc/poll.ts";
import { LogEngine, type LogEngineOptions } from "../log_engine.ts";
import type { Job, JobSignal } from "./service.ts";

/** Bytes read at a time: what a pipe holds. */
const READ_BYTES = 64 * 1024;
/** Buffers kept for the next read; one is in use for each log that waits for its disk. */
const SPARE_BUFFERS_MAX = 4;
/** Reads after TERM; as many more to come to the end of a line [man multilog.8]. */
const LAST_READS_MAX = 16;

let peeker: PipePeeker | undefined;
const spare: Uint8Array<ArrayBuffer>[] = [];

/** What a log needs. */
export interface LogJobOptions extends LogEngineOptions {
  readonly poller: Poller;
  /** The pipe, not blocking. */
  readonly fd: number;
  /** Pid of this process. */
  readonly pid: number;
  ended(end: ProcessEnd | undefined): void;
}

/** See above. */
export class LogJob implements Job {
  readonly pid: number;
  readonly #engine: LogEngine;
  readonly #options: LogJobOptions;
  readonly #watch: number;
  #paused = false;
  #reading = false;
  #ending: ProcessEnd | undefined;

  /** Resolves when the log is open. Throws Usage or Temporary. */
  static async start(script: readonly string[], options: LogJobOptions): Promise<LogJob> {
    const engine = LogEngine.open(script, options);
    await engine.ready();
    return new LogJob(engine, options);
  }

  private constructor(engine: LogEngine, options: LogJobOptions) {
    this.#engine = engine;
    this.#options = options;
    this.pid = options.pid;
    this.#watch = options.poller.watch(options.fd, () => this.#read(), { once: true });
  }

  async #read(): Promise<void> {
    if (this.#reading || this.#paused || this.#ending) return;
    this.#reading = true;
    try {
      await this.#readAll();
    } catch (error) {
      this.#options.warn(errorText(error));
      this.#ending ??= { code: EXIT_DIALECTS.chain.temporary, signal: 0 };
    } finally {
      this.#reading = false;
    }
    if (this.#ending) await this.#finish(this.#ending);
    else this.#options.poller.rearm(this.#watch);
  }

  /** Takes what is there. */
  async #readAll(): Promise<void> {
    const buffer = spare.pop() ?? new Uint8Array(READ_BYTES);
    try {
      while (!this.#paused && !this.#ending) {
        if (!await this.#take(buffer)) return;
      }
    } finally {
      if (spare.length < SPARE_BUFFERS_MAX) spare.push(buffer);
    }
  }

  signal(signal: JobSignal): void {
    if (signal === "SIGSTOP") this.#paused = true;
    else if (signal === "SIGCONT") this.#resume();
    else if (signal === "SIGALRM") this.#engine.rotate();
    else if (signal === "SIGHUP" || signal === "SIGINT") this.#engine.setLogging(signal === "SIGHUP");
    else this.#end({ code: 0, signal: 0 });
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (!this.#ending) this.#read();
  }

  #end(end: ProcessEnd): void {
    if (this.#ending) return;
    this.#ending = end;
    if (!this.#reading) this.#finish(end);
  }

  async #finish(end: ProcessEnd): Promise<void> {
    this.#options.poller.unwatch(this.#watch);
    try {
      await this.#readRest();
      await this.#engine.close();
    } catch (error) {
      this.#options.warn(errorText(error));
    }
    this.#options.ended(end);
  }

  /** What is in the pipe, and on to the end of a line. */
  async #readRest(): Promise<void> {
    const buffer = new Uint8Array(READ_BYTES);
    for (let reads = 0; reads < LAST_READS_MAX || !this.#engine.atLineStart; reads++) {
      if (reads === 2 * LAST_READS_MAX || !await this.#take(buffer)) return;
    }
  }

  /** Writes what is in the pipe, and only then takes it out: killed in between, svscan logs it again and loses nothing. */
  async #take(buffer: Uint8Array<ArrayBuffer>): Promise<boolean> {
    peeker ??= new PipePeeker();
    const count = peeker.tryPeek(this.#options.fd, buffer);
    if (count === undefined || count === 0) return false;
    await this.#engine.write(buffer.subarray(0, count));
    for (let taken = 0; taken < count;) taken += tryReadFd(this.#options.fd, buffer.subarray(0, count - taken)) ?? 0;
    return true;
  }
}
