/**
 * What waits for its time: attempts of each channel, and completions that failed. A message in files is its number there,
 * 16 bytes; one that could not be written out is parked here under a negative number, as an object.
 */
import type { QueueChannel } from "../../storage/queue/store_types.ts";
import type { Active } from "./active.ts";
import { DueHeap } from "./schedule.ts";

/** For what a message waits: an attempt of a channel, or to be bounced and removed. */
export type Waiting = QueueChannel | "finish";

/** What is due: a message in files, or one that was parked. */
export type Due = { readonly fileId: number } | { readonly active: Active };

/** The waiting messages of one queue, by the time they are due. */
export class Timetable {
  readonly #heaps: Readonly<Record<Waiting, DueHeap>> = {
    local: new DueHeap(),
    remote: new DueHeap(),
    finish: new DueHeap(),
  };
  readonly #parked = new Map<number, Active>();
  readonly #changed: () => void;
  #lastParked = 0;

  /** `changed` is called when something was added: it may be due before all else. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** How many wait, each as often as it was added. */
  get size(): number {
    return this.#all.reduce((sum, heap) => sum + heap.size, 0);
  }

  get #all(): DueHeap[] {
    return Object.values(this.#heaps);
  }

  /** Adds a message in files. */
  addFile(waiting: Waiting, fileId: number, dueMs: number): void {
    this.#heaps[waiting].push(dueMs, fileId);
    this.#changed();
  }

  /** Adds a message that is worked on: by its file when it has one, else parked. */
  add(waiting: Waiting, active: Active, dueMs: number): void {
    const { fileId } = active.message;
    if (fileId !== undefined) return this.addFile(waiting, fileId, dueMs);
    this.#parked.set(--this.#lastParked, active);
    active.parked++;
    this.addFile(waiting, this.#lastParked, dueMs);
  }

  isDue(waiting: Waiting, nowMs: number): boolean {
    return this.#heaps[waiting].firstMs <= nowMs;
  }

  /** Takes the first out; undefined when there is none. */
  take(waiting: Waiting): Due | undefined {
    const key = this.#heaps[waiting].pop();
    if (key === undefined) return undefined;
    const active = this.#parked.get(key);
    if (!active) return { fileId: key };
    this.#parked.delete(key);
    active.parked--;
    return { active };
  }

  /** When the next thing that is not due yet will be; Infinity when there is none. What is due waits for room. */
  nextMs(nowMs: number): number {
    return Math.min(...this.#all.map(({ firstMs }) => firstMs > nowMs ? firstMs : Infinity));
  }

  /** How many are due; looks at all of them. */
  countDue(nowMs: number): number {
    return this.#all.reduce((sum, heap) => sum + heap.countDue(nowMs), 0);
  }

  makeAllDue(nowMs: number): void {
    for (const heap of this.#all) heap.makeAllDue(nowMs);
    this.#changed();
  }
}
