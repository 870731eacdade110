/**
 * When a message is tried again, and a heap of due times that costs 16 bytes a message, for backlogs of a million. Times
 * are milliseconds since 1970; the schedule itself counts seconds, as the original's does [spec formats 1.8].
 */
import type { QueueChannel } from "../../storage/queue/store_types.ts";

/** Growth of the root of a message's age from one attempt to the next [spec formats 1.8]. */
const SKIP: Readonly<Record<QueueChannel, number>> = { local: 10, remote: 20 };

/** When a message that arrived at `birthMs` and has just failed is tried again [man qmail-send.9, Retry Schedule]. */
export function nextAttemptMs(birthMs: number, nowMs: number, channel: QueueChannel): number {
  const root = integerRoot(ageSeconds(birthMs, nowMs)) + SKIP[channel];
  return (Math.floor(birthMs / 1000) + root * root) * 1000;
}

/**
 * When a message found on disk is tried: at the first time of its schedule that is not past; at once before its first
 * retry, since nobody knows whether there was an attempt.
 */
export function resumedAttemptMs(birthMs: number, nowMs: number, channel: QueueChannel): number {
  const skip = SKIP[channel];
  const steps = Math.floor(integerRoot(ageSeconds(birthMs, nowMs)) / skip);
  if (steps === 0) return birthMs;
  const root = (steps + 1) * skip;
  return (Math.floor(birthMs / 1000) + root * root) * 1000;
}

function ageSeconds(birthMs: number, nowMs: number): number {
  return Math.max(0, Math.floor(nowMs / 1000) - Math.floor(birthMs / 1000));
}

function integerRoot(number: number): number {
  return Math.floor(Math.sqrt(number));
}

const FIRST_CAPACITY = 64;

/** Numbers (of messages) by the time they are due; the earliest comes first. */
export class DueHeap {
  #dues = new Float64Array(FIRST_CAPACITY);
  #keys = new Float64Array(FIRST_CAPACITY);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The time of the first; Infinity when there is none. */
  get firstMs(): number {
    return this.#size === 0 ? Infinity : this.#dues[0]!;
  }

  /** How many are due; looks at all of them. */
  countDue(nowMs: number): number {
    let count = 0;
    for (let at = 0; at < this.#size; at++) if (this.#dues[at]! <= nowMs) count++;
    return count;
  }

  push(dueMs: number, key: number): void {
    if (this.#size === this.#dues.length) this.#resize(this.#size * 2);
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#dues[parent]! <= dueMs) break;
      this.#dues[at] = this.#dues[parent]!;
      this.#keys[at] = this.#keys[parent]!;
      at = parent;
    }
    this.#dues[at] = dueMs;
    this.#keys[at] = key;
  }

  /** Takes the first out; undefined when there is none. */
  pop(): number | undefined {
    if (this.#size === 0) return undefined;
    const key = this.#keys[0]!;
    const dueMs = this.#dues[--this.#size]!;
    const last = this.#keys[this.#size]!;
    let at = 0;
    for (let child = 1; child < this.#size; child = 2 * at + 1) {
      if (child + 1 < this.#size && this.#dues[child + 1]! < this.#dues[child]!) child++;
      if (this.#dues[child]! >= dueMs) break;
      this.#dues[at] = this.#dues[child]!;
      this.#keys[at] = this.#keys[child]!;
      at = child;
    }
    this.#dues[at] = dueMs;
    this.#keys[at] = last;
    if (this.#size >= FIRST_CAPACITY && this.#size * 4 <= this.#dues.length) this.#resize(this.#dues.length / 2);
    return key;
  }

  /** Makes everything due, oldest schedule first. */
  makeAllDue(nowMs: number): void {
    for (let at = 0; at < this.#size; at++) this.#dues[at] = Math.min(this.#dues[at]!, nowMs);
  }

  #resize(capacity: number): void {
    const dues = new Float64Array(capacity);
    const keys = new Float64Array(capacity);
    dues.set(this.#dues.subarray(0, this.#size));
    keys.set(this.#keys.subarray(0, this.#size));
    this.#dues = dues;
    this.#keys = keys;
  }
}
