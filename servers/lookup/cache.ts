/**
 * Answers kept for a while, for the lookup daemon. With the embedded database everything goes as soon as another process
 * changes it; with a server after a time, and when a command says so (`forget`).
 */

/** How long an answer is kept where changes of the database are not seen. What is not there is asked again sooner. */
export const KEPT_MS = { found: 60_000, absent: 5_000 } as const;

interface Kept<T> {
  readonly value: T;
  readonly untilMs: number;
}

/** Values by address, at most `entriesMax`; the oldest go first. */
export class AnswerCache<T> {
  readonly #entriesMax: number;
  readonly #nowMs: () => number;
  #entries = new Map<string, Kept<T>>();

  constructor(entriesMax: number, nowMs: () => number) {
    this.#entriesMax = entriesMax;
    this.#nowMs = nowMs;
  }

  /** The number of answers kept. */
  get size(): number {
    return this.#entries.size;
  }

  /** The kept value; undefined when there is none or it is too old. */
  get(key: string): T | undefined {
    const kept = this.#entries.get(key);
    if (kept === undefined) return undefined;
    if (kept.untilMs > this.#nowMs()) return kept.value;
    this.#entries.delete(key);
    return undefined;
  }

  /** Keeps a value. */
  set(key: string, value: T, keptMs: number): void {
    if (this.#entriesMax === 0) return;
    this.#entries.delete(key);
    if (this.#entries.size >= this.#entriesMax) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    this.#entries.set(key, { value, untilMs: this.#nowMs() + keptMs });
  }

  /** Drops the values of an address, of a domain, or all. */
  forget(key?: string): void {
    if (key === undefined) this.#entries = new Map();
    else if (key.includes("@")) this.#entries.delete(key);
    else for (const kept of this.#entries.keys()) if (kept.endsWith(`@${key}`)) this.#entries.delete(kept);
  }
}
