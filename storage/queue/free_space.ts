/**
 * The guard against a full disk: a message is taken only while there is room to write out everything that the journal
 * holds, and a reserve [decision 0032]. Code 53 before it is too late.
 */
import { errorText } from "../../core/errors.ts";
import { STORE_REFUSAL } from "./parts.ts";
import { QueueRefusal } from "./store_types.ts";

/** Free disk that is never used up. */
export const RESERVE_BYTES = 64 * 1024 * 1024;
/** How long an answer of the file system is believed. */
const FRESH_MS = 250;

/** Asks for free space, at most a few times a second. */
export class FreeSpace {
  readonly #freeBytes: () => Promise<number>;
  readonly #reserveBytes: number;
  readonly #clock: { nowMs(): number };
  #known = 0;
  #askedMs = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;

  constructor(freeBytes: () => Promise<number>, reserveBytes: number, clock: { nowMs(): number }) {
    this.#freeBytes = freeBytes;
    this.#reserveBytes = reserveBytes;
    this.#clock = clock;
  }

  /** Throws QueueRefusal when so many bytes could not be written any more. */
  async check(neededBytes: number): Promise<void> {
    const now = this.#clock.nowMs();
    if (now - this.#askedMs >= FRESH_MS || now < this.#askedMs) {
      this.#asking ??= this.#ask(now).finally(() => this.#asking = undefined);
      await this.#asking;
    }
    if (this.#known < neededBytes + this.#reserveBytes) {
      throw new QueueRefusal(STORE_REFUSAL.write, "queue is short of disk space");
    }
  }

  async #ask(now: number): Promise<void> {
    try {
      this.#known = await this.#freeBytes();
    } catch (error) {
      throw new QueueRefusal(STORE_REFUSAL.write, `cannot tell the queue's free disk space: ${errorText(error)}`);
    }
    this.#askedMs = now;
  }
}
