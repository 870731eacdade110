/**
 * Passwords that are stored in a weaker form than control/passwordscheme asks for are stored anew after a login by PLAIN
 * or LOGIN, off its path and in batches. What cannot be written is forgotten: the next login tries again, and no
 * password stays in memory [decision 0073].
 */
import { errorText } from "../../core/errors.ts";
import type { Logger } from "../../core/log.ts";
import type { Accounts } from "../../storage/accounts/accounts.ts";
import { type PasswordRenewal, PasswordRenewals } from "../../storage/accounts/logins/password_renewal.ts";
import {
  fallsShort,
  schemeOf,
  strengthened,
  type WantedScheme,
} from "../../storage/accounts/logins/password_strength.ts";
import type { UserRow } from "../../storage/accounts/users.ts";

/** How long passwords are gathered. */
export const RENEWAL_DELAY_MS = 1000;
/** Passwords waiting to be hashed at most; those above wait for their next login. */
export const RENEWALS_MAX = 1000;
/** Renewals in one transaction. */
const BATCH_MAX = 100;

interface Waiting {
  readonly user: UserRow;
  readonly password: string;
}

/** The renewals of one daemon. */
export class PasswordRenewer {
  readonly #log: Logger;
  readonly #table: PasswordRenewals;
  #wanted: WantedScheme | undefined;
  #waiting = new Map<string, Waiting>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #working: Promise<void> | undefined;

  constructor(accounts: Accounts, log: Logger, wanted: WantedScheme | undefined) {
    this.#log = log;
    this.#table = new PasswordRenewals(accounts.database, accounts.tables);
    this.#wanted = wanted;
  }

  /** Takes another wish. */
  configure(wanted: WantedScheme | undefined): void {
    this.#wanted = wanted;
  }

  /** Has a password that was just right stored anew, soon, if it falls short. */
  note(user: UserRow, password: string): void {
    if (!this.#wanted || !fallsShort(user, this.#wanted)) return;
    const address = `${user.name}@${user.domain}`;
    if (this.#waiting.size >= RENEWALS_MAX && !this.#waiting.has(address)) return;
    this.#waiting.set(address, { user, password });
    this.#schedule();
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#working) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#work();
    }, RENEWAL_DELAY_MS);
  }

  #work(): Promise<void> {
    return this.#working ??= this.#renewAll().finally(() => {
      this.#working = undefined;
      if (this.#waiting.size > 0) this.#schedule();
    });
  }

  async #renewAll(): Promise<void> {
    const entries = [...this.#waiting.values()];
    this.#waiting = new Map();
    for (let at = 0; at < entries.length; at += BATCH_MAX) {
      try {
        await this.#renew(entries.slice(at, at + BATCH_MAX));
      } catch (error) {
        this.#log.line(`inlookup: warning: passwords not stored anew: ${errorText(error)}`);
        return;
      }
    }
  }

  async #renew(entries: readonly Waiting[]): Promise<void> {
    const renewals: PasswordRenewal[] = [];
    for (const { user, password } of entries) { // one at a time: logins go first
      const before = { password: user.password, scram: user.scram };
      const after = this.#wanted && await strengthened(password, before, this.#wanted);
      if (after) renewals.push({ name: user.name, domain: user.domain, before, after });
    }
    for (const { name, domain, after } of await this.#table.apply(renewals)) {
      this.#log.line(
        `inlookup: password of ${name}@${domain} stored anew: ${schemeOf(after.password) ?? "clear text"}`,
      );
    }
  }

  /** Stores what waits, and stops. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#working;
    if (this.#waiting.size > 0) await this.#renewAll();
  }
}
