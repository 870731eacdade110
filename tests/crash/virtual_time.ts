/**
 * Timers that fire only when nothing else can go on, so that a simulated run takes no real time and is the same each
 * time. Works together with SimulatedDisk, whose operations take microtasks only.
 */
import { setImmediate } from "node:timers";

interface Timer {
  readonly dueMs: number;
  readonly run: () => void;
}

/** Timers fired in one run before it counts as stuck. */
const FIRED_MAX = 10_000;
/** A run on a disk that has failed for good is given up after so much virtual time. */
export const GIVE_UP_MS = 20_000;

/** The time of one run. Installs itself in place of setTimeout while `drive` works. */
export class VirtualTime {
  #nowMs: number;
  #timers = new Map<number, Timer>();
  #next = 1;

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  /** Milliseconds, moved on only by timers. */
  nowMs(): number {
    return this.#nowMs;
  }

  /**
   * Lets `work` go on until it ends, or until `stopped` says that it never will: then undefined, and its timers are
   * forgotten.
   */
  async drive<T>(work: () => Promise<T>, stopped: () => boolean): Promise<T | undefined> {
    const real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };
    const replaced = {
      setTimeout: (run: () => void, delayMs = 0) => {
        const id = this.#next++;
        this.#timers.set(id, { dueMs: this.#nowMs + delayMs, run });
        return id;
      },
      clearTimeout: (id?: number) => void (id !== undefined && this.#timers.delete(id)),
    };
    Object.assign(globalThis, replaced);
    try {
      return await this.#drive(work, stopped);
    } finally {
      Object.assign(globalThis, real);
      this.#timers.clear();
    }
  }

  async #drive<T>(work: () => Promise<T>, stopped: () => boolean): Promise<T | undefined> {
    let end: { readonly value: T } | { readonly error: unknown } | undefined;
    work().then((value) => end = { value }, (error: unknown) => end = { error });
    for (let fired = 0; fired < FIRED_MAX; fired++) {
      await new Promise<void>((resolve) => setImmediate(() => resolve())); // all microtasks are done then
      if (stopped()) return undefined;
      if (end) {
        if ("error" in end) throw end.error;
        return end.value;
      }
      this.#fireNext();
    }
    throw new Error("simulated run does not come to an end");
  }

  #fireNext(): void {
    let first: [number, Timer] | undefined;
    for (const entry of this.#timers) if (!first || entry[1].dueMs < first[1].dueMs) first = entry;
    if (!first) throw new Error("simulated run is stuck: nothing is under way and no timer is set");
    this.#timers.delete(first[0]);
    this.#nowMs = Math.max(this.#nowMs, first[1].dueMs);
    first[1].run();
  }
}

/** A generator of pseudo-random numbers in [0, 1) (mulberry32): the same for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
