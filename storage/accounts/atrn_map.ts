/** Domains that a user may fetch by ATRN: table atrn_map [spec tables] [man vatrn.1]. */
import { type Database, DuplicateRow, textOf } from "./database.ts";

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

  /** Removes a domain of a user, or all; the number removed. */
  async remove(name: string, domain: string, listed?: string): Promise<number> {
    const where = "DELETE FROM atrn_map WHERE pw_name = ? AND pw_domain = ?";
    return listed === undefined
      ? await this.#database.run(where, [name, domain])
      : await this.#database.run(`${where} AND domain_list = ?`, [name, domain, listed]);
  }
}
