/**
 * Starts programs and keeps them running: the one supervisor of `indimail serve`. Children start stage by stage, a crashed
 * one again but at most once a second, and stop in the opposite order with a deadline. What they write is handed on line by
 * line with their names. Knows nothing of mail.
 */
import { pathExists } from "./path_exists.ts";
import type { ChildProcess, ProcessEnd, SpawnOptions } from "./applet.ts";
import { errorText, Temporary } from "./errors.ts";
import { closeFd, type Descriptor, descriptor, openPipe } from "./libc/fd.ts";
import { LineSplitter } from "./line_splitter.ts";

/** A program to keep running. */
export interface ServiceSpec {
  /** Its name in log and status. */
  readonly name: string;
  /** A program of ours by name, or a file. */
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Lower stages start first and stop last. */
  readonly stage: number;
  /** A file that is there once the program can work (its socket); the next stage waits for it. */
  readonly readyPath?: string;
  /** A part of the line by which the program says that it can work; the next stage, or the end of `start`, waits for it. */
  readonly readyText?: string;
  /** It is started only when this file appears, which is then removed: for what most installations never need. */
  readonly wantedPath?: string;
  /** How long after its start it cannot take signals yet: those of `Supervisor.signal` wait so long. Milliseconds. */
  readonly settleMs?: number;
  /** How long it may take to stop before it is killed. Milliseconds. */
  readonly stopMs: number;
}

/** How a service stands. */
export interface ServiceStatus {
  readonly name: string;
  /** idle: it is started when it is wanted. */
  readonly state: "up" | "waiting" | "stopped" | "idle";
  /** Of the last process; 0 before the first. */
  readonly pid: number;
  /** When that process was started; milliseconds since 1970. */
  readonly startedMs: number;
  /** How often it was started again after it ended by itself. */
  readonly restarts: number;
}

/** What a supervisor needs of the process it lives in. */
export interface SupervisorHooks {
  /** Starts a process: Proc's spawn. */
  spawn(options: SpawnOptions): Promise<ChildProcess>;
  /** A line that the service wrote, or (service "supervisor") one about it. */
  line(service: string, text: string): void;
  /** Something in `status()` is different. */
  changed(): void;
}

/** A service that ended by itself is started again no sooner than this after its last start [man supervise.8]. */
export const RESTART_INTERVAL_MS = 1000;
/** How long the next stage waits for a service's readyPath before it starts nevertheless. */
const READY_WAIT_MS = 10_000;
const READY_POLL_MS = 20;
/** How often a wantedPath is looked for. */
const WANTED_POLL_MS = 500;
const READ_BUFFER_BYTES = 64 * 1024;

class Service {
  readonly spec: ServiceSpec;
  readonly #hooks: SupervisorHooks;
  #state: ServiceStatus["state"] = "stopped";
  #pid = 0;
  #startedMs = 0;
  #restarts = 0;
  #wanted = false;
  #saidReady = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #gone: Promise<void> = Promise.resolve();
  readonly #signalTimers = new Map<Deno.Signal, ReturnType<typeof setTimeout>>();

  constructor(spec: ServiceSpec, hooks: SupervisorHooks) {
    this.spec = spec;
    this.#hooks = hooks;
  }

  status(): ServiceStatus {
    return {
      name: this.spec.name,
      state: this.#state,
      pid: this.#pid,
      startedMs: this.#startedMs,
      restarts: this.#restarts,
    };
  }

  start(): void {
    this.#wanted = true;
    this.#gone = this.#run();
  }

  /** Starts it now, or when it is wanted. */
  begin(): void {
    const { wantedPath } = this.spec;
    if (wantedPath === undefined) return this.start();
    removeStale(wantedPath); // who wants it now asks again
    this.#state = "idle";
    this.#timer = setInterval(() => {
      if (!pathExists(wantedPath)) return;
      clearInterval(this.#timer);
      removeStale(wantedPath);
      this.start();
    }, WANTED_POLL_MS);
  }

  /** One life of the process, from start to end. */
  async #run(): Promise<void> {
    this.#startedMs = Date.now();
    const { name, program, args, env } = this.spec;
    const pipe = openPipe();
    const output = descriptor(pipe.reading);
    let ended: Promise<ProcessEnd>;
    try {
      const fds = { 0: "null", 1: pipe.writing, 2: pipe.writing } as const;
      const child = await this.#hooks.spawn({ program, args, env, fds, newSession: true });
      this.#pid = child.pid;
      ended = child.ended;
    } catch (error) {
      output.close();
      this.#hooks.line("supervisor", `${name}: ${errorText(error)}`);
      return this.#startLater();
    } finally {
      closeFd(pipe.writing);
    }
    this.#state = "up";
    this.#hooks.changed();
    if (!this.#wanted) this.signal("SIGTERM"); // told to stop while it was starting
    // a grandchild may hold the pipe open after the end: its lines are still read then
    this.#readLines(output).finally(() => output.close());
    const end = await ended;
    this.#state = "stopped";
    if (this.#wanted) {
      this.#hooks.line("supervisor", `${name} (pid ${this.#pid}) ${endText(end)}; starting it again`);
      this.#restarts++;
      this.#startLater();
    }
    this.#hooks.changed();
  }

  async #readLines(output: Descriptor): Promise<void> {
    const { name, readyText } = this.spec;
    const splitter = new LineSplitter((text) => {
      this.#saidReady ||= readyText !== undefined && text.includes(readyText);
      this.#hooks.line(name, text);
    });
    const buffer = new Uint8Array(READ_BUFFER_BYTES);
    for (;;) {
      const count = await output.read(buffer);
      if (count === null) break;
      splitter.push(buffer.subarray(0, count));
    }
    splitter.end();
  }

  #startLater(): void {
    if (!this.#wanted) return;
    this.#state = "waiting";
    const delayMs = Math.max(0, this.#startedMs + RESTART_INTERVAL_MS - Date.now());
    this.#timer = setTimeout(() => this.start(), delayMs);
  }

  /** Waits until the service's readyPath is there and its readyText was said; gives up after a while. */
  async ready(): Promise<void> {
    const { readyPath, readyText, name } = this.spec;
    if (this.spec.wantedPath !== undefined) return;
    for (let waitedMs = 0; waitedMs < READY_WAIT_MS && this.#wanted; waitedMs += READY_POLL_MS) {
      if ((readyPath === undefined || pathExists(readyPath)) && (readyText === undefined || this.#saidReady)) return;
      await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
    }
    if (this.#wanted) this.#hooks.line("supervisor", `${name} is not ready after ${READY_WAIT_MS} ms`);
  }

  signal(signal: Deno.Signal): void {
    if (this.#state !== "up") return;
    try {
      Deno.kill(this.#pid, signal);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /**
   * Like `signal`, but never before the process has had the time to install its handlers. When it has ended by then, the
   * next one gets none: that began after what the signal is about.
   */
  signalSettled(signal: Deno.Signal): void {
    const startedMs = this.#startedMs;
    const waitMs = startedMs + (this.spec.settleMs ?? 0) - Date.now();
    if (waitMs <= 0) return this.signal(signal);
    clearTimeout(this.#signalTimers.get(signal));
    const later = () => this.#startedMs === startedMs && this.signal(signal);
    this.#signalTimers.set(signal, setTimeout(later, waitMs));
  }

  async stop(): Promise<void> {
    this.#wanted = false;
    for (const timer of this.#signalTimers.values()) clearTimeout(timer);
    clearTimeout(this.#timer);
    if (this.#state === "waiting" || this.#state === "idle") this.#state = "stopped";
    this.signal("SIGTERM");
    const deadline = setTimeout(() => {
      this.#hooks.line("supervisor", `${this.spec.name} did not stop within ${this.spec.stopMs} ms: killed`);
      this.signal("SIGKILL");
    }, this.spec.stopMs);
    await this.#gone;
    clearTimeout(deadline);
  }
}

function endText(end: ProcessEnd): string {
  return end.signal === 0 ? `ended with exit code ${end.code}` : `was killed by signal ${end.signal}`;
}

/** Removes a socket that an earlier process left, so that its presence means that the service is ready. */
function removeStale(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** A set of services under one roof. */
export class Supervisor {
  readonly #services: readonly Service[];
  readonly #stages: readonly number[];
  #stopping = false;

  constructor(specs: readonly ServiceSpec[], hooks: SupervisorHooks) {
    if (new Set(specs.map(({ name }) => name)).size !== specs.length) throw new Temporary("two services have one name");
    this.#services = specs.map((spec) => new Service(spec, hooks));
    this.#stages = [...new Set(specs.map(({ stage }) => stage))].sort((a, b) => a - b);
  }

  #stage(stage: number): readonly Service[] {
    return this.#services.filter(({ spec }) => spec.stage === stage);
  }

  /** Starts all, stage by stage; resolves when the last stage is ready. */
  async start(): Promise<void> {
    for (const stage of this.#stages) {
      if (this.#stopping) return;
      for (const service of this.#stage(stage)) {
        if (service.spec.readyPath !== undefined) removeStale(service.spec.readyPath);
        service.begin();
      }
      await Promise.all(this.#stage(stage).map((service) => service.ready()));
    }
  }

  /** Stops all, last stage first; resolves when every process is gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const stage of this.#stages.toReversed()) {
      await Promise.all(this.#stage(stage).map((service) => service.stop()));
    }
  }

  /** Ends the named services, as a stop would, and starts each again. */
  restart(names: readonly string[]): void {
    for (const service of this.#services) {
      if (names.includes(service.spec.name)) service.signalSettled("SIGTERM");
    }
  }

  /** Sends a signal to every service that runs; to one that has just started, when it has settled. */
  signal(signal: Deno.Signal): void {
    for (const service of this.#services) service.signalSettled(signal);
  }

  /** How each service stands, in the order given. */
  status(): ServiceStatus[] {
    return this.#services.map((service) => service.status());
  }
}
