/**
 * Hosts that did not answer lately are left alone for a while, so that a dead exchanger does not hold every delivery
 * for its connect timeout: what lock/tcpto is to the original [man qmail-remote.9] [spec formats 1.9].
 */

/** How long a host that is down is not tried, unless smtproutes say else [spec formats 8]. */
export const PENALTY_MS = 3_600_000;
/** Failures within this time count as one. */
export const TOLERANCE_MS = 120_000;
/** Failures from which a host is down. */
const FAILURES_MIN = 2;
/** Hosts remembered. */
const HOSTS_MAX = 10_000;

interface Failure {
  count: number;
  lastMs: number;
}

/** What is known of hosts that did not answer. */
export class Penalties {
  readonly #failures = new Map<string, Failure>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** True when the address should not be tried now. */
  isDown(address: string): boolean {
    const failure = this.#failures.get(address);
    return failure !== undefined && failure.count >= FAILURES_MIN && this.#nowMs() - failure.lastMs < PENALTY_MS;
  }

  /** Notes that a connection timed out. */
  failed(address: string): void {
    const now = this.#nowMs();
    const failure = this.#failures.get(address);
    if (!failure) {
      if (this.#failures.size >= HOSTS_MAX) this.#failures.delete(this.#failures.keys().next().value!);
      this.#failures.set(address, { count: 1, lastMs: now });
    } else if (failure.count >= FAILURES_MIN || now - failure.lastMs > TOLERANCE_MS) {
      failure.count = Math.min(failure.count + 1, FAILURES_MIN);
      failure.lastMs = now;
    }
  }

  /** Notes that a connection was made. */
  succeeded(address: string): void {
    this.#failures.delete(address);
  }
}
