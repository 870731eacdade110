/**
 * Accepts messages into the files without the journal: whatever is waiting is written out together, so that folders are
 * synced once for all of them.
 */
import type { HeldMessage } from "./message.ts";
import type { StoreParts } from "./parts.ts";
import { WRITE_OUT_BATCH_MAX, writeOutBatch } from "./write_out.ts";

interface Waiting {
  readonly message: HeldMessage;
  readonly bytes: Uint8Array;
  readonly resolve: (error: unknown) => void;
}

/** Gathers and writes. */
export class FileWriter {
  readonly #parts: StoreParts;
  #waiting: Waiting[] = [];
  #running = false;

  constructor(parts: StoreParts) {
    this.#parts = parts;
  }

  /** Resolves when the message is durable in the layout: undefined, or with what went wrong. */
  write(message: HeldMessage, bytes: Uint8Array): Promise<unknown> {
    return new Promise((resolve) => {
      this.#waiting.push({ message, bytes, resolve });
      if (!this.#running) this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, WRITE_OUT_BATCH_MAX);
      const bodies = new Map(batch.map(({ message, bytes }) => [message, bytes]));
      const readBody = (message: HeldMessage) => Promise.resolve(bodies.get(message)!);
      const failed = await writeOutBatch(this.#parts, [...bodies.keys()], readBody);
      for (const { message, resolve } of batch) resolve(failed.get(message));
    }
    this.#running = false;
  }
}
