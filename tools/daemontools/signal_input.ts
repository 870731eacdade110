/**
 * Standard input whose reading a signal can interrupt without losing a byte: what is not handed out stays in the pipe
 * for the next process that reads it. poll(2) waits on a pool thread; the read itself is only done when asked for.
 */
import { untilReadable } from "../../core/libc/fd.ts";
import { tryReadFd } from "../../core/libc/poll.ts";

/** See above. */
export class SignalInput {
  readonly #fd: number;
  #wake: (() => void) | undefined;
  #woken = false;

  constructor(fd = 0) {
    this.#fd = fd;
  }

  /** Makes the read that waits, or the next one, give undefined. */
  interrupt(): void {
    this.#woken = true;
    this.#wake?.();
  }

  /** Reads what is there, waiting for it: the count of bytes, null at the end, undefined when interrupted. */
  async read(into: Uint8Array<ArrayBuffer>): Promise<number | null | undefined> {
    for (;;) {
      if (!this.#woken) await this.#wait();
      if (this.#woken) {
        this.#woken = false;
        return undefined;
      }
      const count = tryReadFd(this.#fd, into);
      if (count !== undefined) return count === 0 ? null : count;
    }
  }

  /** A promise of its own each time: one that lives on would gather all who waited for it. */
  #wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      untilReadable(this.#fd).then(resolve, resolve);
    });
  }
}

/** Writes text lines to a stream one after the other; `flush` waits for all. */
export class LineQueue {
  readonly #write: (bytes: Uint8Array) => Promise<void>;
  #last: Promise<void> = Promise.resolve();

  constructor(write: (bytes: Uint8Array) => Promise<void>) {
    this.#write = write;
  }

  /** A line without its newline. */
  line(text: string): void {
    this.bytes(new TextEncoder().encode(`${text}\n`));
  }

  /** Whole lines. */
  bytes(bytes: Uint8Array): void {
    this.#last = this.#last.then(() => this.#write(bytes)).catch(() => {}); // standard error is gone: nobody to tell
  }

  flush(): Promise<void> {
    return this.#last;
  }
}
