/**
 * Counts of failures that fade: each halves in a given time. A fixed number of them is kept, the one that was touched
 * longest ago goes first, so that no attacker can make them grow.
 */

interface Tally {
  count: number;
  atMs: number;
}

/** A count below this is none. */
const NOTHING = 0.05;

/** Fading counts by key, at most `entriesMax`. */
export class Tallies {
  readonly #entriesMax: number;
  readonly #entries = new Map<string, Tally>();

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  /** How many are kept. */
  get size(): number {
    return this.#entries.size;
  }

  /** The count as it is now. */
  value(key: string, now: { readonly nowMs: number; readonly halfLifeMs: number }): number {
    const tally = this.#entries.get(key);
    return tally ? faded(tally, now) : 0;
  }

  /** Adds to a count (or takes from it); the new count. */
  add(key: string, amount: number, now: { readonly nowMs: number; readonly halfLifeMs: number }): number {
    const count = this.value(key, now) + amount;
    this.#entries.delete(key);
    if (count < NOTHING) return 0;
    if (this.#entries.size >= this.#entriesMax) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    this.#entries.set(key, { count, atMs: now.nowMs });
    return count;
  }

  /** Forgets a count. */
  forget(key: string): void {
    this.#entries.delete(key);
  }

  /** Forgets every count whose key fits. */
  forgetWhere(fits: (key: string) => boolean): void {
    for (const key of this.#entries.keys()) if (fits(key)) this.#entries.delete(key);
  }
}

function faded(tally: Tally, now: { readonly nowMs: number; readonly halfLifeMs: number }): number {
  const elapsedMs = Math.max(0, now.nowMs - tally.atMs);
  return tally.count * 2 ** (-elapsedMs / now.halfLifeMs);
}
