/**
 * Limits of a domain, or of one user by the key `user@domain`: table vlimits [spec tables]. Consulted where DOMAIN_LIMITS
 * is set. Times are seconds since 1970, -1 for never; counts -1 for unlimited; quotas in bytes, 0 for none.
 */
import { type Database, numberOf, type Row, textOf } from "../database.ts";
import { USER_FLAGS } from "../users.ts";

/** Columns of vlimits and their values when there is no row. */
const DEFAULTS = {
  domain_expiry: -1,
  passwd_expiry: -1,
  maxpopaccounts: -1,
  maxaliases: -1,
  maxforwards: -1,
  maxautoresponders: -1,
  maxmailinglists: -1,
  diskquota: 0,
  maxmsgcount: 0,
  defaultquota: 0,
  defaultmaxmsgcount: 0,
  disable_pop: 0,
  disable_imap: 0,
  disable_dialup: 0,
  disable_passwordchanging: 0,
  disable_webmail: 0,
  disable_relay: 0,
  disable_smtp: 0,
  perm_account: 0,
  perm_alias: 0,
  perm_forward: 0,
  perm_autoresponder: 0,
  perm_maillist: 0,
  perm_quota: 0,
  perm_defaultquota: 0,
};
const COLUMNS = Object.keys(DEFAULTS) as readonly (keyof typeof DEFAULTS)[];

/** Limits by the names of their columns. */
export type Limits = Readonly<Record<keyof typeof DEFAULTS, number>>;

/** The limits where no row says otherwise. */
export const LIMITS_DEFAULT: Limits = DEFAULTS;

/** What perm_* bits take from an administrator of a domain. */
export const LIMIT_PERMISSIONS = { noCreate: 1, noModify: 2, noDelete: 4 } as const;

/**
 * The bits of pw_gid that limits add for users without the override bit. disable_dialup is bit 0x40, as its name says; the
 * original's source has POP3's bit there [spec tables, vlimits].
 */
export function limitFlags(limits: Limits): number {
  return (limits.disable_pop ? USER_FLAGS.noPop : 0) | (limits.disable_imap ? USER_FLAGS.noImap : 0) |
    (limits.disable_smtp ? USER_FLAGS.noSmtp : 0) | (limits.disable_relay ? USER_FLAGS.noRelay : 0) |
    (limits.disable_webmail ? USER_FLAGS.noWebmail : 0) | (limits.disable_dialup ? USER_FLAGS.noDialup : 0) |
    (limits.disable_passwordchanging ? USER_FLAGS.noPasswordChange : 0);
}

function limitsOf(row: Row): Limits {
  const limits = { ...DEFAULTS };
  for (const column of COLUMNS) limits[column] = row[column] === null ? DEFAULTS[column] : numberOf(row, column);
  return limits;
}

/** The limits of the local database. */
export class DomainLimits {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The row of exactly this key (domain or user@domain); undefined when there is none. */
  async row(key: string): Promise<Limits | undefined> {
    const [row] = await this.#database.query(`SELECT ${COLUMNS.join(", ")} FROM vlimits WHERE domain = ?`, [key]);
    return row && limitsOf(row);
  }

  /** What holds for a user: its own row, else the domain's, else the defaults. */
  async of(user: string, domain: string): Promise<Limits> {
    const key = `${user}@${domain}`;
    const rows = await this.#database.query(
      `SELECT domain, ${COLUMNS.join(", ")} FROM vlimits WHERE domain = ? OR domain = ?`,
      [key, domain],
    );
    const row = rows.find((one) => textOf(one, "domain") === key) ?? rows[0];
    return row ? limitsOf(row) : LIMITS_DEFAULT;
  }

  /** Writes the whole row of a key. */
  async set(key: string, limits: Limits): Promise<void> {
    const marks = COLUMNS.map(() => "?").join(", ");
    await this.#database.run(
      `REPLACE INTO vlimits (domain, ${COLUMNS.join(", ")}) VALUES (?, ${marks})`,
      [key, ...COLUMNS.map((column) => limits[column])],
    );
  }

  /** Removes the row of a key; false when there was none. */
  async remove(key: string): Promise<boolean> {
    return await this.#database.run("DELETE FROM vlimits WHERE domain = ?", [key]) > 0;
  }
}
