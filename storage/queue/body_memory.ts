/**
 * Counts the memory that bytes of messages take, under one cap [decision 0032]. When it is reached, bodies that the journal
 * has are let go first, oldest first; a message on its way in that still finds no room goes to its mess file.
 */
import type { HeldMessage } from "./message.ts";

/** Memory for bytes of messages in all. */
export const BUFFER_BYTES_MAX = 64 * 1024 * 1024;

/** The account of one store. */
export class BodyMemory {
  readonly #maxBytes: number;
  readonly #retained = new Set<HeldMessage>();
  #usedBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes in use. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Takes so many bytes; false when there is no room for them. */
  tryReserve(bytes: number): boolean {
    if (this.#usedBytes + bytes > this.#maxBytes) {
      for (const message of this.#retained) {
        this.drop(message);
        if (this.#usedBytes + bytes <= this.#maxBytes) break;
      }
    }
    if (this.#usedBytes + bytes > this.#maxBytes) return false;
    this.#usedBytes += bytes;
    return true;
  }

  /** Gives back what was reserved. */
  release(bytes: number): void {
    this.#usedBytes -= bytes;
  }

  /** Keeps an accepted message's bytes, reserved before, as long as there is room. */
  retain(message: HeldMessage, bytes: Uint8Array, reservedBytes: number): void {
    message.bytes = bytes;
    message.bufferedBytes = reservedBytes;
    this.#retained.add(message);
  }

  /** Lets a message's bytes go. */
  drop(message: HeldMessage): void {
    if (!this.#retained.delete(message)) return;
    this.#usedBytes -= message.bufferedBytes;
    message.bufferedBytes = 0;
    message.bytes = undefined;
  }
}
