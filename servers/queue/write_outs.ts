/**
 * Writes deferred messages out to qmail's files in batches: whatever comes while one batch is being written goes into
 * the next, so that the syncs are shared.
 */
import { errorText } from "../../core/errors.ts";
import type { QueuedMessage, QueueStore } from "../../storage/queue/store_types.ts";
import type { QueueLog } from "./log_lines.ts";

/** Messages of one batch. */
const BATCH_MESSAGES_MAX = 500;

/** The messages to write out. */
export class WriteOuts {
  readonly #store: QueueStore;
  readonly #log: QueueLog;
  #waiting: { readonly message: QueuedMessage; readonly written: () => void }[] = [];
  #running: Promise<void> | undefined;

  constructor(store: QueueStore, log: QueueLog) {
    this.#store = store;
    this.#log = log;
  }

  /** Calls `written` when the message is in files, or when that failed: then its `fileId` is still undefined. */
  add(message: QueuedMessage, written: () => void): void {
    this.#waiting.push({ message, written });
    this.#running ??= this.#run();
  }

  /** Resolves when nothing waits. */
  async settled(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // what is deferred in the same tick goes into the same batch
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH_MESSAGES_MAX);
      try {
        await this.#store.writeOut(batch.map(({ message }) => message));
      } catch (error) {
        this.#log.warn(`trouble writing out messages, they stay in the journal: ${errorText(error)}`);
      }
      for (const { written } of batch) written();
    }
    this.#running = undefined;
  }
}
