/**
 * Wakes the queue daemon when qmail-queue has left a message in todo/: by a byte in the FIFO lock/trigger where there is
 * one, else by watching todo/; and every 1500 seconds in any case [man qmail-send.9, spec formats 1.2].
 */
import type { Clock } from "../../core/applet.ts";
import { errorText } from "../../core/errors.ts";
import type { QueueLog } from "./log_lines.ts";

/** How often todo/ is read without a trigger. */
export const TODO_INTERVAL_MS = 1_500_000;
/** Triggers within this time cost one reading of todo/. */
const GATHER_MS = 10;

/** What the watch needs. */
export interface TodoWatchOptions {
  /** The folder of one queue. */
  readonly directory: string;
  readonly clock: Clock;
  readonly log: QueueLog;
  /** Reads todo/; never called twice at a time. */
  scan(): Promise<void>;
}

/** The watch over one queue's todo/. */
export class TodoWatch {
  readonly #options: TodoWatchOptions;
  readonly #stopping = new AbortController();
  #wake = new AbortController();
  #trigger: Deno.FsFile | undefined;
  #watcher: Deno.FsWatcher | undefined;
  #listening: Promise<void> | undefined;
  #running: Promise<void> | undefined;

  constructor(options: TodoWatchOptions) {
    this.#options = options;
  }

  /** Reads todo/ once, and from then on at each trigger. */
  start(): void {
    const { directory, log } = this.#options;
    const path = `${directory}/lock/trigger`;
    try {
      if (isFifo(path)) {
        this.#trigger = Deno.openSync(path, { read: true, write: true });
        this.#listening = this.#readTrigger(this.#trigger);
      } else {
        this.#watcher = Deno.watchFs(`${directory}/todo`);
        this.#listening = this.#readEvents(this.#watcher);
      }
    } catch (error) {
      log.warn(`cannot watch ${directory}/todo, reading it every ${TODO_INTERVAL_MS / 1000} s: ${errorText(error)}`);
    }
    this.#running = this.#run();
  }

  /** Reads todo/ soon. */
  wake(): void {
    this.#wake.abort();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.wake();
    this.#watcher?.close();
    if (!this.#trigger || this.#pull()) await this.#listening;
    this.#trigger?.close();
    await this.#running;
  }

  /** Ends the read that waits, through a file of its own, since a read keeps its file busy; false when that fails. */
  #pull(): boolean {
    try {
      using trigger = Deno.openSync(`${this.#options.directory}/lock/trigger`, { read: true, write: true });
      return trigger.writeSync(new Uint8Array(1)) === 1;
    } catch (error) {
      this.#options.log.warn(`cannot write to lock/trigger: ${errorText(error)}`);
      return false;
    }
  }

  async #readTrigger(trigger: Deno.FsFile): Promise<void> {
    const bytes = new Uint8Array(1024);
    while (!this.#stopping.signal.aborted) {
      try {
        if (await trigger.read(bytes) === null) return;
      } catch (error) {
        return this.#options.log.warn(`cannot read lock/trigger: ${errorText(error)}`);
      }
      this.wake();
    }
  }

  async #readEvents(watcher: Deno.FsWatcher): Promise<void> {
    try {
      for await (const event of watcher) if (event.kind !== "access" && event.kind !== "remove") this.wake();
    } catch (error) {
      this.#options.log.warn(`cannot watch todo: ${errorText(error)}`);
    }
  }

  async #run(): Promise<void> {
    const { clock, log, scan } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      try {
        await scan();
      } catch (error) {
        log.warn(`unable to opendir todo, will try later: ${errorText(error)}`);
      }
      await sleep(clock, TODO_INTERVAL_MS, this.#wake.signal);
      if (!signal.aborted) await sleep(clock, GATHER_MS, signal);
    }
  }
}

async function sleep(clock: Clock, durationMs: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(durationMs, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function isFifo(path: string): boolean {
  try {
    return Deno.statSync(path).isFifo === true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
