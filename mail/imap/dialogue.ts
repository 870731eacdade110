/**
 * What a server's session of IMAP and one of POP3 have in common: the client's connection read by commands and written
 * by batches, with counts; waiting that a stop cuts off; and the end of a session, said once.
 */
import { errorText, Temporary, TimedOut } from "../../core/errors.ts";
import { ImapInput, LineTooLong } from "./input.ts";
import { ImapOutput } from "./output.ts";
import type { ImapWire } from "./session_types.ts";

const STOPPING = "the server is going down";

/** Why a dialogue ended, beside the protocol's own command for it. */
export type DialogueEnd = "disconnected" | "timeout" | "refused" | "stopped";

/** How a protocol behaves at the end. */
export interface DialogueSettings {
  readonly wire: ImapWire;
  /** Aborts when the server stops. */
  readonly stopping: AbortSignal;
  /** The line of last words. */
  readonly farewell: (text: string) => string;
  /** Last words when the session was refused; undefined: the refusal itself was the last. */
  readonly refused?: string;
  /** What nobody foresaw. */
  readonly surprise: (reason: string) => void;
}

/** One client's dialogue; `E` is the reason that the protocol adds: `logout`, `quit`. */
export class Dialogue<E extends string> {
  readonly input: ImapInput;
  readonly out: ImapOutput;
  /** Set by whoever ends the session; the loop ends after the command. */
  endReason: E | DialogueEnd | undefined;
  receivedBytes = 0;
  sentBytes = 0;
  readonly #settings: DialogueSettings;
  #lost: { readonly error: unknown } | undefined;
  #flushing: Promise<void> | undefined;
  #waiting = false;
  #saidFarewell = false;

  constructor(settings: DialogueSettings) {
    const { wire } = settings;
    this.#settings = settings;
    this.out = new ImapOutput(wire);
    const reader = {
      read: async (into: Uint8Array) => {
        const count = await this.#waitFor(() => wire.read(into));
        this.receivedBytes += count ?? 0;
        return count;
      },
      readable: () => this.#waitFor(() => wire.readable()),
    };
    this.input = new ImapInput(reader, () => this.flush());
  }

  /** Greets, and runs commands until the session ends; then the last words. Never throws for what a client does. */
  async run(greet: () => void | Promise<void>, command: () => Promise<void>): Promise<void> {
    const { stopping, refused } = this.#settings;
    const stop = () => this.#stop();
    stopping.addEventListener("abort", stop, { once: true });
    if (stopping.aborted) stop();
    try {
      await greet();
      while (this.endReason === undefined) await command();
      if (this.endReason === "refused" && refused !== undefined) await this.#farewell(refused);
      if (this.endReason === "stopped") await this.#farewell(STOPPING);
      await this.flush();
    } catch (error) {
      await this.#ended(error);
    } finally {
      stopping.removeEventListener("abort", stop);
    }
  }

  /** Sends what is gathered; one write at a time. */
  async flush(): Promise<void> {
    while (this.#flushing) await this.#flushing;
    if (this.out.length === 0) return;
    this.sentBytes += this.out.length;
    this.#flushing = this.#guard(this.out.flush());
    try {
      await this.#flushing;
    } finally {
      this.#flushing = undefined;
    }
  }

  /** Throws again what ends the session: the connection is gone, or a line has no end. The rest is for the command. */
  rethrowIfOver(error: unknown): void {
    if (this.#lost) throw this.#lost.error;
    if (error instanceof LineTooLong) throw error;
  }

  /** Waits for the client, unless the server stops. */
  async #waitFor<T>(read: () => Promise<T>): Promise<T> {
    if (this.endReason === "stopped") await this.#guard(Promise.reject(new Temporary(STOPPING)));
    this.#waiting = true;
    try {
      return await this.#guard(read());
    } finally {
      this.#waiting = false;
    }
  }

  /** Remembers that it was the connection that failed, not the store. */
  async #guard<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      this.#lost ??= { error };
      throw error;
    }
  }

  /** The server stops: a command that runs is finished first, one that waits for the client is cut off. */
  #stop(): void {
    this.endReason ??= "stopped";
    if (this.#waiting) this.#farewell(STOPPING).finally(() => this.#settings.wire.close());
  }

  /** The last words, by what ended the session. */
  async #ended(error: unknown): Promise<void> {
    if (this.endReason === "stopped") return await this.#farewell(STOPPING);
    if (this.endReason !== undefined) return;
    if (error instanceof TimedOut || error instanceof LineTooLong) {
      this.endReason = error instanceof TimedOut ? "timeout" : "refused";
      return await this.#farewell(error instanceof TimedOut ? "silent for too long" : error.message);
    }
    this.endReason = "disconnected";
    if (!this.#lost) this.#settings.surprise(errorText(error));
  }

  /** Says the last words once; a client that is gone needs none. */
  async #farewell(text: string): Promise<void> {
    if (this.#saidFarewell) return;
    this.#saidFarewell = true;
    this.out.line(this.#settings.farewell(text));
    await this.flush().catch((error) => this.#lost ??= { error });
  }
}
