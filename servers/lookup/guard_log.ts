/**
 * Log lines of the login guard, all of one form: `inlookup: guard EVENT address=A account=U …`, where a star stands for
 * every account and a dash for no address. An attack makes many events: lines of a kind above a number a minute are only
 * counted.
 */
import { shown } from "../../storage/accounts/names.ts";

/** Lines a minute about bans, and about delayed answers. */
export const GUARD_LINES_MAX = { bans: 300, slowed: 60 } as const;
const MINUTE_MS = 60_000;
/** Account names in the log are cut. */
const NAME_CHARACTERS_MAX = 100;

/** Whom a line is about. */
interface Named {
  readonly address?: string | undefined;
  readonly account?: string | undefined;
}

/** Lines of one kind in the minute that runs. */
interface Budget {
  readonly linesMax: number;
  startMs: number;
  written: number;
  dropped: number;
}

/** The log of one guard. */
export class GuardLog {
  readonly #line: (text: string) => void;
  readonly #nowMs: () => number;
  readonly #bans: Budget = { linesMax: GUARD_LINES_MAX.bans, startMs: 0, written: 0, dropped: 0 };
  readonly #slowed: Budget = { linesMax: GUARD_LINES_MAX.slowed, startMs: 0, written: 0, dropped: 0 };

  constructor(line: (text: string) => void, nowMs: () => number) {
    this.#line = line;
    this.#nowMs = nowMs;
  }

  /** A ban begins. */
  banned(ban: Named & { readonly seconds: number; readonly failures: number }): void {
    this.#write(this.#bans, `banned ${nameOf(ban)} seconds=${ban.seconds} failures=${ban.failures}`);
  }

  /** A ban ends. */
  unbanned(ban: Named & { readonly reason: string }): void {
    this.#write(this.#bans, `unbanned ${nameOf(ban)} reason=${ban.reason}`);
  }

  /** An answer is delayed. */
  slowed(login: Named & { readonly delayMs: number; readonly failures: number }): void {
    this.#write(this.#slowed, `slowed ${nameOf(login)} delay_ms=${login.delayMs} failures=${login.failures}`);
  }

  #write(budget: Budget, text: string): void {
    const nowMs = this.#nowMs();
    if (nowMs - budget.startMs >= MINUTE_MS || nowMs < budget.startMs) {
      if (budget.dropped > 0) this.#line(`inlookup: guard suppressed lines=${budget.dropped}`);
      Object.assign(budget, { startMs: nowMs, written: 0, dropped: 0 });
    }
    if (budget.written < budget.linesMax) {
      budget.written++;
      this.#line(`inlookup: guard ${text}`);
    } else budget.dropped++;
  }
}

function nameOf({ address = "-", account = "*" }: Named): string {
  return `address=${address} account=${shown(account.slice(0, NAME_CHARACTERS_MAX))}`;
}
