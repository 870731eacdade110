/** What the lookup daemon tells root and its own account of refused logins: `indimail unban`, `indimail status`. */

/** An address that may not log in for a time, or an account that may not from there. */
export interface LoginBan {
  /** IPv4 address, or IPv6 network of 64 bits. */
  readonly address: string;
  /** The account; undefined: all. */
  readonly account?: string;
  /** When it ends, milliseconds since 1970. */
  readonly untilMs: number;
  /** Failures that led to it. */
  readonly failures: number;
}

/** How the guard stands. */
export interface LoginGuardStatus {
  /** The bans, at most BANS_LISTED_MAX, those that end first before the others. */
  readonly bans: readonly LoginBan[];
  /** How many there are in all. */
  readonly bansTotal: number;
  /** Logins refused by a ban since the daemon started. */
  readonly refused: number;
  /** Answers delayed since the daemon started. */
  readonly slowed: number;
}

/** Bans in one answer. */
export const BANS_LISTED_MAX = 1000;
