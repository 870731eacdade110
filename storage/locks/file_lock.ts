/**
 * A lock between processes (and between owners within one): flock(2) on a file of its own, which is made where missing and
 * never removed. Lost with the process, so a crash leaves no lock behind. Waiting is polled: there is no other way to give
 * up after a time.
 */
import { Temporary } from "../../core/errors.ts";

/** Wait between two tries: from the first to the second, doubling. Milliseconds. */
const WAIT_MS_FIRST = 1;
const WAIT_MS_LAST = 50;
/** How long a lock is waited for unless said otherwise, milliseconds. */
export const LOCK_TIMEOUT_MS = 10_000;

/** A lock that is held. */
export class FileLock {
  #file: Deno.FsFile | undefined;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /** Takes the lock if it is free; undefined when somebody holds it. Throws Deno.errors where the file cannot be made. */
  static try(path: string): FileLock | undefined {
    const file = Deno.openSync(path, { write: true, create: true, mode: 0o600 });
    try {
      if (file.tryLockSync(true)) return new FileLock(file);
    } catch (error) {
      file.close();
      throw error;
    }
    file.close();
    return undefined;
  }

  /** Takes the lock, waiting at most `timeoutMs`; then throws Temporary naming the file. */
  static async acquire(path: string, timeoutMs = LOCK_TIMEOUT_MS): Promise<FileLock> {
    let waitMs = WAIT_MS_FIRST;
    for (let waitedMs = 0;; waitedMs += waitMs, waitMs = Math.min(waitMs * 2, WAIT_MS_LAST)) {
      const lock = FileLock.try(path);
      if (lock) return lock;
      if (waitedMs >= timeoutMs) throw new Temporary(`${path} is locked by another process`);
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }

  /** Gives the lock back. Safe to call twice. */
  release(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}

/** Runs `run` with the lock held. */
export async function withFileLock<T>(path: string, run: () => T | Promise<T>, timeoutMs?: number): Promise<T> {
  const lock = await FileLock.acquire(path, timeoutMs);
  try {
    return await run();
  } finally {
    lock.release();
  }
}
