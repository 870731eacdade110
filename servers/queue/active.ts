/**
 * A message while the queue works on it: its recipients that are not done, the attempts that run. And the queue of
 * attempts that wait for a free slot. What is not worked on is a number in a heap (schedule.ts), not an object here.
 */
import type { MessageBody, QueueChannel, QueuedMessage } from "../../storage/queue/store_types.ts";

/** A message that is being worked on. */
export interface Active {
  readonly message: QueuedMessage;
  /** Recipients not done. */
  left: number;
  /** Done records on their way to the disk. */
  marking: number;
  /** Attempts that run, by channel. */
  readonly attempts: Record<QueueChannel, Attempt | undefined>;
  /** How often it waits in the schedule under a number of its own, because it could not be written out. */
  parked: number;
  /** The bytes, while an attempt runs. */
  body: Promise<MessageBody> | undefined;
  /** Attempts repeated at once because the delivery daemon went away. */
  lostAttempts: number;
  /** All is done: the bounce is being made, the message removed. */
  completing: boolean;
}

/** One attempt at the recipients of one channel. */
export interface Attempt {
  readonly active: Active;
  readonly channel: QueueChannel;
  /** Recipients to try: indexes into the message's. */
  readonly indexes: readonly number[];
  /** How many of them have been started. */
  started: number;
  /** How many have no final outcome yet. */
  unsettled: number;
  /** How many have not been reported on: they may need the message's bytes. */
  owed: number;
  deferred: number;
  /** How many were in flight when the daemon went away. */
  lost: number;
  /** The message is too old: what fails temporarily fails for good. */
  readonly dying: boolean;
}

/** A message to work on. */
export function newActive(message: QueuedMessage): Active {
  let left = 0;
  for (const recipient of message.recipients) if (!recipient.done) left++;
  return {
    message,
    left,
    marking: 0,
    attempts: { local: undefined, remote: undefined },
    parked: 0,
    body: undefined,
    lostAttempts: 0,
    completing: false,
  };
}

/** Starts an attempt at what is not done in a channel; undefined when nothing is left there or one runs already. */
export function tryNewAttempt(
  active: Active,
  channel: QueueChannel,
  options: { readonly dying: boolean },
): Attempt | undefined {
  if (active.attempts[channel]) return undefined;
  const indexes: number[] = [];
  for (const [index, recipient] of active.message.recipients.entries()) {
    if (recipient.channel === channel && !recipient.done) indexes.push(index);
  }
  if (indexes.length === 0) return undefined;
  const attempt = {
    active,
    channel,
    indexes,
    started: 0,
    unsettled: indexes.length,
    owed: indexes.length,
    deferred: 0,
    lost: 0,
    ...options,
  };
  active.attempts[channel] = attempt;
  return attempt;
}

/** First in, first out, without moving what waits. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}
