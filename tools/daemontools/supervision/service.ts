/**
 * One service: wants, starts, restarts and stops it as supervise does [man supervise.9]. What runs is a Job: a process, an
 * adopted process, or a log inside this process. Everything here is in the event loop; waiting takes no thread.
 */
import type { Clock, ProcessEnd } from "../../../core/applet.ts";
import { errorText } from "../../../core/errors.ts";
import { tryReadFd } from "../../../core/libc/poll.ts";
import type { Poller } from "../../../core/libc/poll.ts";
import type { ServiceFiles } from "./service_files.ts";
import { WAITS_FOR_SERVICE } from "./status.ts";

/** No service is started again sooner than this after its last start [man supervise.9]. */
export const RESTART_INTERVAL_MS = 1000;
/** Pause after ./init has failed [man supervise.9]. */
export const INIT_PAUSE_MS = 60_000;
/** Letters taken from the control pipe at a time. */
const CONTROL_BYTES = 256;

/** Why ./run is started; its second argument. */
export type StartReason =
  | "auto startup"
  | "abnormal startup"
  | "system failure"
  | "manual restart"
  | "one-time startup";

/** What runs. */
export interface Job {
  readonly pid: number;
  /** A log that svscan keeps in a process of an account; false or absent: `pid` says whether it is inside. */
  readonly isInside?: boolean;
  signal(signal: JobSignal, target: "process" | "group"): void;
}

/** Signals that svc can send, or a number (SHUTDOWN_SIGNAL). */
export type JobSignal =
  | "SIGTERM"
  | "SIGCONT"
  | "SIGSTOP"
  | "SIGHUP"
  | "SIGALRM"
  | "SIGINT"
  | "SIGKILL"
  | "SIGQUIT"
  | "SIGUSR1"
  | "SIGUSR2"
  | number;

/** How a service does what its folder says. */
export interface ServicePlan {
  /** Its name in messages. */
  readonly name: string;
  readonly files: ServiceFiles;
  /** False: there is a file `down`. */
  readonly wanted: boolean;
  /** In place of TERM. */
  readonly stopSignal: JobSignal;
  /** Signals always go to the process group. */
  readonly signalsGroup: boolean;
  /** Starts it; `ended` is called once, with undefined when how it ended is not known. Throws Temporary. */
  start(reason: StartReason, ended: (end: ProcessEnd | undefined) => void): Promise<Job>;
  /** What still runs since before the supervisor before this one was killed; undefined when nothing does. */
  adopt(ended: (end: ProcessEnd | undefined) => void): Job | undefined;
  /** Runs ./init, if there is one; false when it failed. */
  init(): Promise<boolean>;
  /** Runs ./alert, if there is one. */
  alert(pid: number, end: ProcessEnd | undefined): Promise<void>;
  /** Runs ./shutdown, if there is one. */
  shutdown(pid: number): Promise<void>;
  /** Waits for the service that the file `wait` names; `tell` hears the seconds that are left. */
  waitForOther(tell: (seconds: number) => void, cancelled: AbortSignal): Promise<void>;
}

/** What all services of a process share. */
export interface ServiceWorld {
  readonly poller: Poller;
  readonly clock: Clock;
  readonly pid: number;
  warn(text: string): void;
  info(text: string): void;
}

const SIGNALS: Readonly<Record<string, JobSignal>> = {
  h: "SIGHUP",
  a: "SIGALRM",
  i: "SIGINT",
  t: "SIGTERM",
  k: "SIGKILL",
  q: "SIGQUIT",
  U: "SIGUSR1",
  1: "SIGUSR1",
  2: "SIGUSR2",
};

/** See above. */
export class Service {
  /** Resolves when it is supervised no more. */
  readonly exited: Promise<void>;
  readonly #plan: ServicePlan;
  readonly #world: ServiceWorld;
  readonly #exit: () => void;
  readonly #watch: number;
  #want: "up" | "down" | "once";
  #job: Job | undefined;
  #paused = false;
  #exiting = false;
  #gone = false;
  /** Set by r until the next start: the end was asked for. */
  #restarting = false;
  #toGroup = false;
  #changedMs: number;
  #waitSeconds = 0;
  /** When it was last started, in milliseconds that no change of the clock moves. */
  #startedAt = -RESTART_INTERVAL_MS;
  #starting: AbortController | undefined;
  /** Between the decision to start and the job: cannot be called off. */
  #launching = false;

  constructor(plan: ServicePlan, world: ServiceWorld) {
    this.#plan = plan;
    this.#world = world;
    this.#want = plan.wanted ? "up" : "down";
    this.#changedMs = world.clock.nowMs();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.exited = promise;
    this.#exit = resolve;
    this.#watch = world.poller.watch(plan.files.control, () => this.#readControl());
  }

  /** True while something runs. */
  get isUp(): boolean {
    return this.#job !== undefined;
  }

  /** True when what runs, if anything, runs inside this process. */
  get isInside(): boolean {
    return this.#job?.isInside ?? this.pid === this.#world.pid;
  }

  /** True once `exited` is resolved. */
  get isGone(): boolean {
    return this.#gone;
  }

  get pid(): number {
    return this.#job?.pid ?? this.#world.pid;
  }

  /** Adopts what runs, or runs ./init and then what is wanted. */
  begin(): void {
    const before = this.#plan.files.readStatus();
    this.#job = this.#plan.adopt((end) => this.#ended(end));
    if (this.#job) {
      this.#world.info(`${this.#plan.name}: adopted pid ${this.#job.pid}`);
      this.#startedAt = performance.now();
      if (before?.up) this.#changedMs = Number(before.changedNs / 1_000_000n);
      this.#announce();
      this.#show("up");
      if (!this.#plan.wanted) this.command("d");
      return;
    }
    this.#announce();
    if (this.#want === "down") this.#show("down");
    this.#starting = new AbortController();
    this.#initAndStart(this.#starting);
  }

  async #initAndStart(starting: AbortController): Promise<void> {
    while (!await this.#plan.init()) {
      this.#world.warn(`${this.#plan.name}: ./init failed: tried again in ${INIT_PAUSE_MS / 1000} seconds`);
      await pause(INIT_PAUSE_MS, starting.signal);
      if (starting.signal.aborted) break;
    }
    if (this.#starting !== starting) return;
    this.#starting = undefined;
    if (this.#want === "up" && !starting.signal.aborted) this.#start("auto startup");
  }

  #announce(): void {
    if (this.#gone) return;
    this.#safely(() =>
      this.#plan.files.writeStatus({
        changedNs: BigInt(Math.trunc(this.#changedMs)) * 1_000_000n,
        pid: this.pid,
        paused: this.#job !== undefined && this.#paused,
        want: this.#want === "once" ? undefined : this.#want,
        waitSeconds: this.#waitSeconds,
        up: this.#job !== undefined,
      })
    );
  }

  #show(what: "up" | "down" | undefined): void {
    this.#safely(() => this.#plan.files.show(what));
  }

  /** What cannot be shown to others must not end the supervision. */
  #safely(show: () => void): void {
    try {
      show();
    } catch (error) {
      this.#world.warn(`${this.#plan.name}: ${errorText(error)}`);
    }
  }

  #changed(): void {
    this.#changedMs = this.#world.clock.nowMs();
    this.#announce();
  }

  #start(reason: StartReason): void {
    if (this.#job || this.#starting || this.#launching || this.#gone) return;
    this.#starting = new AbortController();
    this.#carryOutStart(reason, this.#starting);
  }

  async #carryOutStart(reason: StartReason, starting: AbortController): Promise<void> {
    const { signal } = starting;
    let failed = false;
    try {
      const leftMs = this.#startedAt + RESTART_INTERVAL_MS - performance.now();
      if (leftMs > 0) await pause(leftMs, signal);
      if (!signal.aborted) await this.#plan.waitForOther((seconds) => this.#tellWait(seconds), signal);
      if (this.#waitSeconds !== 0) this.#tellWait(0);
      if (signal.aborted) return;
      this.#starting = undefined;
      this.#startedAt = performance.now();
      this.#launching = true;
      await this.#run(reason);
    } catch (error) {
      if (signal.aborted) return;
      this.#world.warn(`${this.#plan.name}: unable to start ./run: ${errorText(error)}`);
      failed = true;
      this.#starting = undefined;
    } finally {
      this.#launching = false;
    }
    if (!this.#job) this.#startAgain(failed ? "system failure" : "abnormal startup");
  }

  /** Calls off a start that still waits. */
  #cancelStart(): void {
    this.#starting?.abort();
    this.#starting = undefined;
  }

  #tellWait(seconds: number): void {
    if (this.#waitSeconds === 0 || seconds > 0) this.#changedMs = this.#world.clock.nowMs();
    this.#waitSeconds = seconds === Infinity ? WAITS_FOR_SERVICE : seconds;
    this.#announce();
  }

  async #run(reason: StartReason): Promise<void> {
    let endedEarly = false;
    const job = await this.#plan.start(reason, (end) => {
      if (this.#job) this.#ended(end);
      else endedEarly = true;
    });
    if (endedEarly) return;
    this.#job = job;
    this.#paused = false;
    this.#restarting = false;
    this.#changed();
    this.#show("up");
    this.#world.info(`${this.#plan.name}: started pid ${job.pid}`);
    if (this.#want === "down" || this.#exiting) this.#stopJob(job);
  }

  async #ended(end: ProcessEnd | undefined): Promise<void> {
    const job = this.#job;
    if (!job) return;
    this.#job = undefined;
    this.#changed();
    this.#show(this.#want === "up" && !this.#exiting ? undefined : "down");
    this.#world.warn(`${this.#plan.name}: pid ${job.pid} ${endText(end)}`);
    if (this.#exiting) return this.#leave();
    if (this.#want !== "up") return;
    if (this.#restarting) return this.#start("manual restart");
    await this.#plan.alert(job.pid, end);
    this.#startAgain("abnormal startup");
  }

  #startAgain(reason: StartReason): void {
    if (this.#exiting) this.#leave();
    else if (this.#want === "up") this.#start(reason);
  }

  #leave(): void {
    if (this.#gone || this.#job) return;
    this.#show("down");
    this.#announce();
    this.#gone = true;
    this.#cancelStart();
    this.#world.poller.unwatch(this.#watch);
    this.#plan.files.close();
    this.#exit();
  }

  #readControl(): void {
    const letters = new Uint8Array(CONTROL_BYTES);
    const count = tryReadFd(this.#plan.files.control, letters) ?? 0;
    for (const letter of letters.subarray(0, count)) this.command(String.fromCharCode(letter));
  }

  /** Carries out a letter of svc [man svc.8]; one that is unknown does nothing. */
  command(letter: string): void {
    if (this.#gone) return;
    const signal = SIGNALS[letter];
    if (signal !== undefined) this.#signal(signal);
    else if (letter === "G") this.#toGroup = true;
    else if (letter === "u" || letter === "o") this.#setUp(letter);
    else if (letter === "d" || letter === "r") this.#setDown(letter);
    else if (letter === "p" || letter === "c") {
      this.#paused = letter === "p";
      this.#announce();
      this.#signal(this.#paused ? "SIGSTOP" : "SIGCONT");
    } else if (letter === "x") {
      this.#exiting = true;
      this.#announce();
      if (!this.#job && !this.#launching) this.#leave();
    }
  }

  #setUp(letter: "u" | "o"): void {
    this.#want = letter === "u" ? "up" : "once";
    this.#announce();
    if (!this.#job) this.#start(letter === "u" ? "manual restart" : "one-time startup");
  }

  #setDown(letter: "d" | "r"): void {
    this.#want = letter === "d" ? "down" : "up";
    this.#paused = false;
    this.#announce();
    if (this.#job) {
      this.#restarting = letter === "r";
      this.#stopJob(this.#job);
    } else if (letter === "r") this.#start("manual restart");
    else {
      this.#cancelStart();
      if (!this.#launching) this.#show("down");
    }
  }

  #signal(signal: JobSignal): void {
    const target = this.#toGroup || this.#plan.signalsGroup ? "group" : "process";
    this.#toGroup = false;
    this.#job?.signal(signal, target);
  }

  /** ./shutdown, then TERM and CONT. */
  async #stopJob(job: Job): Promise<void> {
    const toGroup = this.#toGroup;
    this.#toGroup = false;
    await this.#plan.shutdown(job.pid);
    if (this.#job !== job) return;
    this.#toGroup = toGroup;
    this.#signal(this.#plan.stopSignal);
    this.#toGroup = toGroup;
    this.#signal("SIGCONT");
  }

  /** Ends it for good: what runs is stopped, and then it is gone (TERM). */
  stop(): void {
    if (this.#gone) return;
    this.#want = "down";
    this.#exiting = true;
    this.#cancelStart();
    this.#announce();
    if (this.#job) this.#stopJob(this.#job);
    else if (!this.#launching) this.#leave();
  }

  /** Supervises it no more and leaves what runs as it is, for the next supervisor to adopt. */
  abandon(): void {
    this.#job = undefined;
    if (this.#gone) return;
    this.#gone = true;
    this.#cancelStart();
    this.#world.poller.unwatch(this.#watch);
    this.#plan.files.close();
    this.#exit();
  }
}

function endText(end: ProcessEnd | undefined): string {
  if (!end) return "ended";
  return end.signal === 0 ? `exited with status ${end.code}` : `was killed by signal ${end.signal}`;
}

/** Resolves after that time, or at once when the signal aborts. */
export function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, durationMs);
    signal.addEventListener("abort", done);
  });
}
