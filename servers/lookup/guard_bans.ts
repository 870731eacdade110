/** Bans of the login guard: who is refused until when, each longer than the one before, a fixed number of them. */
import type { LoginBan } from "../../storage/accounts/logins/login_bans.ts";
import type { GuardLog } from "./guard_log.ts";
import type { GuardSettings } from "./guard_settings.ts";
import { Tallies } from "./guard_tallies.ts";

/** Bans at once; the oldest is given up for a new one above it. */
export const BANS_MAX = 20_000;
/** How often the ends of bans are looked for at most, milliseconds. */
const WATCH_MS_MIN = 250;
/** And at least, so that a clock that was set is noticed. */
const WATCH_MS_MAX = 60_000;
/** Doublings of a ban at most. */
const DOUBLINGS_MAX = 30;

/** What a list of bans needs. */
export interface BanListOptions {
  readonly nowMs: () => number;
  /** Rejects when the daemon stops. */
  readonly sleep: (durationMs: number) => Promise<void>;
  readonly log: GuardLog;
}

/** The bans of one guard. */
export class BanList {
  readonly #options: BanListOptions;
  readonly #bans = new Map<string, LoginBan>();
  /** How often somebody was banned lately. */
  readonly #repeats = new Tallies(BANS_MAX);
  #watching = false;

  constructor(options: BanListOptions) {
    this.#options = options;
  }

  /** How many there are. */
  get size(): number {
    return this.#bans.size;
  }

  /** Whether an account is refused from an address. */
  isBanned(address: string, account: string): boolean {
    if (this.#bans.size === 0) return false;
    return this.#holds(address) || this.#holds(keyOf({ address, account }));
  }

  #holds(key: string): boolean {
    const ban = this.#bans.get(key);
    if (!ban) return false;
    if (ban.untilMs > this.#options.nowMs()) return true;
    this.#end(key, ban, "expired");
    return false;
  }

  /** Starts a ban; its length doubles with each that was not long ago. */
  start(ban: Omit<LoginBan, "untilMs">, settings: Pick<GuardSettings, "ban" | "banmax">): void {
    const nowMs = this.#options.nowMs();
    const key = keyOf(ban);
    const now = { nowMs, halfLifeMs: settings.banmax * 1000 };
    const earlier = Math.min(DOUBLINGS_MAX, Math.round(this.#repeats.value(key, now)));
    this.#repeats.add(key, 1, now);
    const seconds = Math.min(settings.banmax, settings.ban * 2 ** earlier);
    if (!this.#bans.has(key) && this.#bans.size >= BANS_MAX) this.#giveUpOldest();
    this.#bans.delete(key);
    this.#bans.set(key, { ...ban, untilMs: nowMs + seconds * 1000 });
    this.#options.log.banned({ ...ban, seconds });
    void this.#watch();
  }

  #giveUpOldest(): void {
    for (const [key, ban] of this.#bans) return this.#end(key, ban, "too-many");
  }

  #end(key: string, ban: LoginBan, reason: "expired" | "operator" | "too-many"): void {
    this.#bans.delete(key);
    this.#options.log.unbanned({ ...ban, reason });
  }

  /** Lifts the bans that fit; how many they were. */
  lift(fits: (ban: LoginBan) => boolean): number {
    const lifted = [...this.#bans].filter(([, ban]) => fits(ban));
    for (const [key, ban] of lifted) {
      this.#repeats.forget(key);
      this.#end(key, ban, "operator");
    }
    return lifted.length;
  }

  /** Those that end first, at most so many. */
  list(most: number): readonly LoginBan[] {
    this.#endOver();
    return [...this.#bans.values()].sort((one, other) => one.untilMs - other.untilMs).slice(0, most);
  }

  #endOver(): void {
    const nowMs = this.#options.nowMs();
    for (const [key, ban] of this.#bans) if (ban.untilMs <= nowMs) this.#end(key, ban, "expired");
  }

  /** Ends bans at their time, so that the log says so then and not at the next login. */
  async #watch(): Promise<void> {
    if (this.#watching) return;
    this.#watching = true;
    try {
      while (this.#bans.size > 0) {
        let endMs = Infinity;
        for (const { untilMs } of this.#bans.values()) endMs = Math.min(endMs, untilMs);
        const waitMs = endMs - this.#options.nowMs();
        await this.#options.sleep(Math.min(WATCH_MS_MAX, Math.max(WATCH_MS_MIN, waitMs)));
        this.#endOver();
      }
    } catch {
      // the daemon stops: the sleep was ended
    } finally {
      this.#watching = false;
    }
  }
}

function keyOf({ address, account }: Pick<LoginBan, "address" | "account">): string {
  return account === undefined ? address : `${address} ${account}`;
}
