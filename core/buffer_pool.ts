/**
 * Buffers of 64 KB for whoever moves bulk data and needs one only while it moves: taken when a message body begins, given
 * back when it ends, so that an idle connection holds none.
 */

/** Size of a buffer: one chunk of the submission protocol. */
export const POOLED_BUFFER_BYTES = 64 * 1024;
/** Buffers kept for later; more are left to the garbage collector. */
const KEPT_MAX = 64;

const kept: Uint8Array<ArrayBuffer>[] = [];

/** A buffer with any content. */
export function takeBuffer(): Uint8Array<ArrayBuffer> {
  return kept.pop() ?? new Uint8Array(POOLED_BUFFER_BYTES);
}

/** Gives a buffer back; the caller must not touch it afterwards. */
export function giveBuffer(buffer: Uint8Array<ArrayBuffer>): void {
  if (kept.length < KEPT_MAX) kept.push(buffer);
}
