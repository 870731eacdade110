/**
 * Accounts: tables indimail (active) and indibak (inactive); a user is in exactly one of them [spec tables]. Names and
 * domains are lower case here; callers lower them.
 */
import {
  type Database,
  DuplicateRow,
  numberOf,
  type Queryable,
  type Row,
  type SqlValue,
  type TableNames,
  textOf,
  USUAL_TABLES,
} from "./database.ts";
import { insertRows, runsOf } from "./tables/insert_rows.ts";
import { sqlName } from "./tables/schema_ddl.ts";

/** Bits of pw_gid [spec tables, pw_gid bits]. */
export const USER_FLAGS = {
  noPasswordChange: 0x0001,
  noPop: 0x0002,
  noWebmail: 0x0004,
  noImap: 0x0008,
  bounceMail: 0x0010,
  noRelay: 0x0020,
  noDialup: 0x0040,
  qaAdmin: 0x0080,
  noSmtp: 0x0100,
  user0: 0x0200,
  user1: 0x0400,
  user2: 0x0800,
  user3: 0x1000,
  override: 0x2000,
} as const;

/** Rows read at once when all users are gone through. */
const PAGE_ROWS = 1000;

/** One user with secrets, as the tables have it. */
export interface UserRow {
  readonly name: string;
  readonly domain: string;
  /** crypt(3) string, or clear text. */
  readonly password: string;
  /** pw_uid: 0 or 1, markers of the cluster; not a Unix uid. */
  readonly uid: number;
  /** pw_gid: USER_FLAGS. */
  readonly flags: number;
  readonly gecos: string;
  readonly home: string;
  readonly quota: string;
  /** SCRAM or CRAM credential; empty for none. */
  readonly scram: string;
  readonly inactive: boolean;
}

/** What of a user can be changed. */
export type UserChanges = Partial<Omit<UserRow, "name" | "domain" | "inactive">>;

const COLUMNS = "pw_name, pw_domain, pw_passwd, pw_uid, pw_gid, pw_gecos, pw_dir, pw_shell, scram";
const COLUMN_OF = {
  password: "pw_passwd",
  uid: "pw_uid",
  flags: "pw_gid",
  gecos: "pw_gecos",
  home: "pw_dir",
  quota: "pw_shell",
  scram: "scram",
} as const satisfies Record<keyof UserChanges, string>;

function userOf(row: Row): UserRow {
  return {
    name: textOf(row, "pw_name"),
    domain: textOf(row, "pw_domain"),
    password: textOf(row, "pw_passwd"),
    uid: numberOf(row, "pw_uid"),
    flags: numberOf(row, "pw_gid"),
    gecos: textOf(row, "pw_gecos"),
    home: textOf(row, "pw_dir"),
    quota: textOf(row, "pw_shell"),
    scram: textOf(row, "scram"),
    inactive: numberOf(row, "inactive") === 1,
  };
}

/** A user's values in the order of COLUMNS. */
function valuesOf(user: UserRow): readonly SqlValue[] {
  const { name, domain, password, uid, flags, gecos, home, quota, scram } = user;
  return [name, domain, password, uid, flags, gecos, home, quota, scram === "" ? null : scram];
}

/** The users of the local database. */
export class Users {
  readonly #database: Database;
  readonly #active: string;
  readonly #inactive: string;
  readonly #find: string;

  constructor(database: Database, tables: TableNames = USUAL_TABLES) {
    this.#database = database;
    this.#active = sqlName(tables.users);
    this.#inactive = sqlName(tables.inactiveUsers);
    this.#find =
      `SELECT ${COLUMNS}, 0 AS inactive FROM ${this.#active} WHERE pw_name = ? AND pw_domain = ? UNION ALL ` +
      `SELECT ${COLUMNS}, 1 AS inactive FROM ${this.#inactive} WHERE pw_name = ? AND pw_domain = ?`;
  }

  #tableOf(user: { readonly inactive: boolean }): string {
    return user.inactive ? this.#inactive : this.#active;
  }

  /** The user, active before inactive; undefined when there is none. */
  async find(name: string, domain: string, on: Queryable = this.#database): Promise<UserRow | undefined> {
    const [row] = await on.query(this.#find, [name, domain, name, domain]);
    return row && userOf(row);
  }

  /** Adds a user; "exists" when the address is taken, in either table. */
  async add(user: UserRow): Promise<"added" | "exists"> {
    try {
      return await this.#database.transaction(async (on) => {
        if (await this.find(user.name, user.domain, on)) return "exists";
        await this.addMany([user], on);
        return "added";
      });
    } catch (error) {
      if (error instanceof DuplicateRow) return "exists";
      throw error;
    }
  }

  /** Adds users whose addresses are free, many in one statement, inside a transaction. Throws DuplicateRow. */
  async addMany(users: readonly UserRow[], on: Queryable): Promise<void> {
    for (const inactive of [false, true]) {
      const rows = users.filter((user) => user.inactive === inactive).map(valuesOf);
      await insertRows(on, { verb: "INSERT", table: this.#tableOf({ inactive }), columns: COLUMNS }, rows);
    }
  }

  /** Which of these names of a domain are taken, in either table. */
  async taken(domain: string, names: readonly string[], on: Queryable = this.#database): Promise<ReadonlySet<string>> {
    const taken = new Set<string>();
    // a MySQL server would rather read the whole domain by the other index
    const hint = on.kind === "mysql" ? "FORCE INDEX (PRIMARY) " : "";
    for (const run of runsOf(names)) {
      const marks = run.map(() => "?").join(", ");
      for (const table of [this.#active, this.#inactive]) {
        const sql = `SELECT pw_name FROM ${table} ${hint}WHERE pw_domain = ? AND pw_name IN (${marks})`;
        for (const row of await on.query(sql, [domain, ...run])) taken.add(textOf(row, "pw_name"));
      }
    }
    return taken;
  }

  /** Changes what is given; false when there is no such user. */
  async update(name: string, domain: string, changes: UserChanges): Promise<boolean> {
    const sets: string[] = [];
    const values: SqlValue[] = [];
    for (const [field, column] of Object.entries(COLUMN_OF)) {
      const value = changes[field as keyof UserChanges];
      if (value === undefined) continue;
      sets.push(`${column} = ?`);
      values.push(field === "scram" && value === "" ? null : value);
    }
    if (sets.length === 0) return (await this.find(name, domain)) !== undefined;
    const changed = (table: string) =>
      this.#database.run(`UPDATE ${table} SET ${sets.join(", ")} WHERE pw_name = ? AND pw_domain = ?`, [
        ...values,
        name,
        domain,
      ]);
    return (await changed(this.#active)) > 0 || (await changed(this.#inactive)) > 0;
  }

  /** Gives a user another address and home, in whichever table the user is. */
  async relocate(
    from: { readonly name: string; readonly domain: string },
    to: { readonly name: string; readonly domain: string; readonly home: string },
    on: Queryable = this.#database,
  ): Promise<void> {
    for (const table of [this.#active, this.#inactive]) {
      await on.run(
        `UPDATE ${table} SET pw_name = ?, pw_domain = ?, pw_dir = ? WHERE pw_name = ? AND pw_domain = ?`,
        [to.name, to.domain, to.home, from.name, from.domain],
      );
    }
  }

  /** Sets and clears bits of pw_gid without touching others; false when there is no such user. */
  async setFlags(
    name: string,
    domain: string,
    bits: { readonly set?: number; readonly clear?: number },
  ): Promise<boolean> {
    const { set = 0, clear = 0 } = bits;
    const changed = (table: string) =>
      this.#database.run(
        `UPDATE ${table} SET pw_gid = (COALESCE(pw_gid, 0) | ?) & ~? WHERE pw_name = ? AND pw_domain = ?`,
        [set, clear, name, domain],
      );
    return (await changed(this.#active)) > 0 || (await changed(this.#inactive)) > 0;
  }

  /** Removes the user from both tables; false when there was none. */
  async remove(name: string, domain: string): Promise<boolean> {
    return await this.#database.transaction(async (on) => {
      const where = "WHERE pw_name = ? AND pw_domain = ?";
      const active = await on.run(`DELETE FROM ${this.#active} ${where}`, [name, domain]);
      const inactive = await on.run(`DELETE FROM ${this.#inactive} ${where}`, [name, domain]);
      return active + inactive > 0;
    });
  }

  /** Moves the user to the active or the inactive table; false when there is no such user. */
  async setInactive(name: string, domain: string, inactive: boolean): Promise<boolean> {
    const [from, to] = inactive ? [this.#active, this.#inactive] : [this.#inactive, this.#active];
    const where = "WHERE pw_name = ? AND pw_domain = ?";
    return await this.#database.transaction(async (on) => {
      const user = await this.find(name, domain, on);
      if (!user) return false;
      if (user.inactive === inactive) return true;
      await on.run(`DELETE FROM ${to} ${where}`, [name, domain]);
      await on.run(`INSERT INTO ${to} (${COLUMNS}) SELECT ${COLUMNS} FROM ${from} ${where}`, [name, domain]);
      await on.run(`DELETE FROM ${from} ${where}`, [name, domain]);
      return true;
    });
  }

  /** All users of a domain, or of all domains, in order of domain and name, the active ones first. */
  async *list(domain?: string): AsyncGenerator<UserRow> {
    for await (const page of this.pages(domain)) yield* page;
  }

  /** The users as `list` gives them, at most PAGE_ROWS at a time, so that memory does not grow with their number. */
  async *pages(domain?: string): AsyncGenerator<readonly UserRow[]> {
    for (const inactive of [false, true]) yield* this.#pagesOf(inactive, domain);
  }

  async *#pagesOf(inactive: boolean, domain: string | undefined): AsyncGenerator<readonly UserRow[]> {
    let [lastDomain, lastName] = [domain ?? "", ""];
    const after = domain === undefined
      ? "(pw_domain > ? OR (pw_domain = ? AND pw_name > ?))"
      : "pw_domain = ? AND pw_name > ?";
    const sql = `SELECT ${COLUMNS}, ${inactive ? 1 : 0} AS inactive FROM ${this.#tableOf({ inactive })} ` +
      `WHERE ${after} ORDER BY pw_domain, pw_name LIMIT ${PAGE_ROWS}`;
    for (;;) {
      const rows = await this.#database.query(
        sql,
        domain === undefined ? [lastDomain, lastDomain, lastName] : [domain, lastName],
      );
      if (rows.length > 0) yield rows.map(userOf);
      const last = rows.at(-1);
      if (rows.length < PAGE_ROWS || !last) return;
      [lastDomain, lastName] = [textOf(last, "pw_domain"), textOf(last, "pw_name")];
    }
  }

  /** How many users a domain has, in both tables. */
  async count(domain: string): Promise<{ readonly active: number; readonly inactive: number }> {
    const of = async (table: string) => {
      const [row] = await this.#database.query(`SELECT COUNT(*) AS users FROM ${table} WHERE pw_domain = ?`, [domain]);
      return row ? numberOf(row, "users") : 0;
    };
    return { active: await of(this.#active), inactive: await of(this.#inactive) };
  }

  /** The names of a domain's users whose comment begins so. */
  async namesWithGecos(domain: string, start: string): Promise<readonly string[]> {
    const names: string[] = [];
    for (const table of [this.#active, this.#inactive]) {
      const sql = `SELECT pw_name FROM ${table} WHERE pw_domain = ? AND SUBSTR(pw_gecos, 1, ?) = ?`;
      for (const row of await this.#database.query(sql, [domain, start.length, start])) {
        names.push(textOf(row, "pw_name"));
      }
    }
    return names;
  }

  /** The quotas of a domain's users, each with the number of users that have it; without those exempt from limits. */
  async quotas(domain: string): Promise<readonly { readonly quota: string; readonly count: number }[]> {
    const found: { quota: string; count: number }[] = [];
    for (const table of [this.#active, this.#inactive]) {
      const sql = `SELECT pw_shell, COUNT(*) AS users FROM ${table} ` +
        "WHERE pw_domain = ? AND (COALESCE(pw_gid, 0) & ?) = 0 GROUP BY pw_shell";
      const rows = await this.#database.query(sql, [domain, USER_FLAGS.override]);
      for (const row of rows) found.push({ quota: textOf(row, "pw_shell"), count: numberOf(row, "users") });
    }
    return found;
  }

  /** How many users a domain has, active or not. */
  async total(domain: string): Promise<number> {
    const { active, inactive } = await this.count(domain);
    return active + inactive;
  }

  /** Removes all users of a domain; the number of them. */
  async removeDomain(domain: string): Promise<number> {
    return await this.#database.transaction(async (on) =>
      await on.run(`DELETE FROM ${this.#active} WHERE pw_domain = ?`, [domain]) +
      await on.run(`DELETE FROM ${this.#inactive} WHERE pw_domain = ?`, [domain])
    );
  }
}
