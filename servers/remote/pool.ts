/**
 * Connections kept open for the next message to the same host: a session that has just delivered is given here and
 * taken again within seconds.
 */
import type { Session } from "./session.ts";

/** How long a connection waits for the next message. */
const IDLE_MS = 4000;
/** Connections kept in all, and for one host. */
const KEPT_MAX = 100;
const KEPT_PER_HOST_MAX = 20;
/** Messages sent over one connection. */
const MESSAGES_MAX = 100;

interface Kept {
  readonly session: Session;
  readonly untilMs: number;
}

/** Open sessions by host. */
export class SessionPool {
  readonly #kept = new Map<string, Kept[]>();
  #count = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** A session for this key, or undefined. */
  take(key: string): Session | undefined {
    const sessions = this.#kept.get(key);
    const kept = sessions?.pop();
    if (!kept) return undefined;
    this.#count--;
    if (sessions!.length === 0) this.#kept.delete(key);
    return kept.session;
  }

  /** Keeps a session that has delivered, or closes it when there are enough. */
  give(key: string, session: Session): void {
    const sessions = this.#kept.get(key) ?? [];
    if (
      !session.usable || session.messages >= MESSAGES_MAX || this.#count >= KEPT_MAX ||
      sessions.length >= KEPT_PER_HOST_MAX
    ) {
      session.quit();
      return;
    }
    sessions.push({ session, untilMs: Date.now() + IDLE_MS });
    this.#kept.set(key, sessions);
    this.#count++;
    this.#timer ??= setInterval(() => this.#sweep(Date.now()), IDLE_MS / 2);
  }

  /** Ends all. */
  close(): void {
    this.#sweep(Infinity);
  }

  #sweep(nowMs: number): void {
    for (const [key, sessions] of this.#kept) {
      const left = sessions.filter(({ session, untilMs }) => {
        if (untilMs > nowMs) return true;
        session.quit();
        this.#count--;
        return false;
      });
      if (left.length === 0) this.#kept.delete(key);
      else this.#kept.set(key, left);
    }
    if (this.#count === 0 && this.#timer !== undefined) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }
}
