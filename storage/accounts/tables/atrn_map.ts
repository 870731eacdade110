/** Domains that a user may fetch by ATRN: table atrn_map [spec tables] [man vatrn.1] [rfc2645]. */
import { type Database, DuplicateRow, type Row, textOf } from "../database.ts";

/** Rows read at once when all are gone through. */
const PAGE_ROWS = 1000;

/** One row: a user and a domain that it may fetch. */
export interface AtrnAccess {
  readonly name: string;
  readonly domain: string;
  readonly listed: string;
}

function accessOf(row: Row): AtrnAccess {
  return { name: textOf(row, "pw_name"), domain: textOf(row, "pw_domain"), listed: textOf(row, "domain_list") };
}

const COLUMNS = "pw_name, pw_domain, domain_list";

/** The ATRN domains of the local database. */
export class AtrnMap {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The domains of a user. */
  async list(name: string, domain: string): Promise<readonly string[]> {
    const rows = await this.#database.query(
      "SELECT domain_list FROM atrn_map WHERE pw_name = ? AND pw_domain = ? ORDER BY domain_list",
      [name, domain],
    );
    return rows.map((row) => textOf(row, "domain_list"));
  }

  /** The users who may fetch a domain. */
  async usersOf(listed: string): Promise<readonly AtrnAccess[]> {
    const sql = `SELECT ${COLUMNS} FROM atrn_map WHERE domain_list = ? ORDER BY pw_domain, pw_name`;
    return (await this.#database.query(sql, [listed])).map(accessOf);
  }

  /** All rows in order of user and domain, a page at a time. */
  async *all(): AsyncGenerator<AtrnAccess> {
    const after = "pw_domain > ? OR (pw_domain = ? AND (pw_name > ? OR (pw_name = ? AND domain_list > ?)))";
    const sql = `SELECT ${COLUMNS} FROM atrn_map WHERE ${after} ORDER BY pw_domain, pw_name, domain_list ` +
      `LIMIT ${PAGE_ROWS}`;
    for (let last: AtrnAccess = { name: "", domain: "", listed: "" };;) {
      const { name, domain, listed } = last;
      const page = (await this.#database.query(sql, [domain, domain, name, name, listed])).map(accessOf);
      yield* page;
      if (page.length < PAGE_ROWS) return;
      last = page.at(-1) ?? last;
    }
  }

  /** Adds a domain to a user. */
  async add(name: string, domain: string, listed: string): Promise<"added" | "exists"> {
    try {
      const sql = "INSERT INTO atrn_map (pw_name, pw_domain, domain_list) VALUES (?, ?, ?)";
      await this.#database.run(sql, [name, domain, listed]);
      return "added";
    } catch (error) {
      if (error instanceof DuplicateRow) return "exists";
      throw error;
    }
  }

  /** Puts another domain in the place of one; "missing" when the user has not the one, "exists" when it has the other. */
  async rename(user: AtrnAccess, listed: string): Promise<"renamed" | "missing" | "exists"> {
    try {
      const sql = "UPDATE atrn_map SET domain_list = ? WHERE pw_name = ? AND pw_domain = ? AND domain_list = ?";
      const rows = await this.#database.run(sql, [listed, user.name, user.domain, user.listed]);
      return rows > 0 ? "renamed" : "missing";
    } catch (error) {
      if (error instanceof DuplicateRow) return "exists";
      throw error;
    }
  }

  /** Removes a domain of a user, or all; the number removed. */
  async remove(name: string, domain: string, listed?: string): Promise<number> {
    const where = "DELETE FROM atrn_map WHERE pw_name = ? AND pw_domain = ?";
    return listed === undefined
      ? await this.#database.run(where, [name, domain])
      : await this.#database.run(`${where} AND domain_list = ?`, [name, domain, listed]);
  }

  /** Removes a domain from all users. */
  async removeListed(listed: string): Promise<number> {
    return await this.#database.run("DELETE FROM atrn_map WHERE domain_list = ?", [listed]);
  }
}
