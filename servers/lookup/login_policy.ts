/**
 * What lastauth says about a login whose secret was right: has the password or the account grown too old, and is the login
 * too soon after the last to be worth the tasks that follow one [man login_tasks.9] [decision 0084].
 */
import { Usage } from "../../core/errors.ts";
import type { LastauthEvent, LastauthService } from "../../storage/accounts/tables/lastauth.ts";
import type { UserRow } from "../../storage/accounts/users.ts";

/** Environment variables of the policy. */
export const POLICY_ENV = {
  MIN_LOGIN_INTERVAL:
    "seconds that must lie between two logins by IMAP or POP3 for the second to be recorded; default 0",
  TMP_MAILDIR:
    "home that a login by IMAP or POP3 gets instead of its own when it comes before MIN_LOGIN_INTERVAL is over",
  PASSWORD_EXPIRY: "days after which a password that was not changed lets nobody in; default: never",
  ACCT_INACT_EXPIRY: "days without IMAP, POP3 or web mail after which an account lets nobody in; default: never",
} as const;

/** The policy; 0: no limit. */
export interface LoginPolicySettings {
  readonly intervalSeconds: number;
  readonly hastyHome: string | undefined;
  readonly passwordDays: number;
  readonly inactiveDays: number;
}

/** No limit of any kind. */
export const NO_POLICY: LoginPolicySettings = {
  intervalSeconds: 0,
  hastyHome: undefined,
  passwordDays: 0,
  inactiveDays: 0,
};

/** What the policy finds. */
export interface PolicyVerdict {
  /** Why nobody is let in. */
  readonly refusal?: string;
  /** Too soon after the last login. */
  readonly hasty: boolean;
}

const DAY_SECONDS = 86_400;
const LOGINS: readonly LastauthService[] = ["imap", "pop3", "webm"];
/** A password is set when an account is made, too. */
const PASSWORD_CHANGES: readonly LastauthService[] = ["pass", "add"];
/** Logins remembered, as rows of lastauth are written a moment later. */
const REMEMBERED_MAX = 20_000;

/** Reads the policy. Throws Usage naming a variable that is no number. */
export function readPolicy(env: (name: keyof typeof POLICY_ENV) => string | undefined): LoginPolicySettings {
  const number = (name: keyof typeof POLICY_ENV): number => {
    const text = env(name) ?? "";
    if (!/^\d{0,9}$/.test(text)) throw new Usage(`${name}: ${text} is not a number`);
    return Number(text);
  };
  return {
    intervalSeconds: number("MIN_LOGIN_INTERVAL"),
    hastyHome: env("TMP_MAILDIR") || undefined,
    passwordDays: number("PASSWORD_EXPIRY"),
    inactiveDays: number("ACCT_INACT_EXPIRY"),
  };
}

function latest(events: readonly LastauthEvent[], services: readonly LastauthService[]): number {
  return events.reduce((most, { service, seconds }) => services.includes(service) ? Math.max(most, seconds) : most, 0);
}

/** The policy of one daemon. */
export class LoginPolicy {
  readonly #settings: LoginPolicySettings;
  readonly #find: (user: string, domain: string) => Promise<readonly LastauthEvent[]>;
  readonly #logins = new Map<string, number>();

  constructor(
    settings: LoginPolicySettings,
    find: (user: string, domain: string) => Promise<readonly LastauthEvent[]>,
  ) {
    this.#settings = settings;
    this.#find = find;
  }

  /** What holds for a login now. Asks the database only where a limit is set. */
  async check(
    user: UserRow,
    login: { readonly isMailbox: boolean; readonly nowSeconds: number },
  ): Promise<PolicyVerdict> {
    const { intervalSeconds, passwordDays, inactiveDays } = this.#settings;
    const interval = login.isMailbox ? intervalSeconds : 0;
    if (interval === 0 && passwordDays === 0 && inactiveDays === 0) return { hasty: false };
    const events = await this.#find(user.name, user.domain);
    const isOver = (since: number, days: number) =>
      days > 0 && since > 0 && since + days * DAY_SECONDS <= login.nowSeconds;
    const lastLogin = Math.max(latest(events, LOGINS), this.#logins.get(addressOf(user)) ?? 0);
    if (isOver(latest(events, PASSWORD_CHANGES), passwordDays)) {
      return { refusal: "this password has expired: it was not changed for too long", hasty: false };
    }
    if (isOver(lastLogin, inactiveDays)) {
      return { refusal: "this account has expired: it was not used for too long", hasty: false };
    }
    return { hasty: interval > 0 && login.nowSeconds - lastLogin < interval };
  }

  /** The home that a hasty login gets; undefined: its own. */
  get hastyHome(): string | undefined {
    return this.#settings.hastyHome;
  }

  /** Remembers a login that is being recorded. */
  recorded(user: UserRow, nowSeconds: number): void {
    if (this.#settings.intervalSeconds === 0) return;
    const address = addressOf(user);
    this.#logins.delete(address);
    if (this.#logins.size >= REMEMBERED_MAX) this.#logins.delete(this.#logins.keys().next().value!);
    this.#logins.set(address, nowSeconds);
  }
}

function addressOf({ name, domain }: UserRow): string {
  return `${name}@${domain}`;
}
