/** The last time a user was seen over quota: table userquota [spec tables]. */
import { type Database, numberOf } from "../database.ts";

/** The quota observations of the local database. */
export class UserQuotas {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The bytes seen; undefined when the user is not over quota. */
  async find(user: string, domain: string): Promise<number | undefined> {
    const [row] = await this.#database.query("SELECT quota FROM userquota WHERE user = ? AND domain = ?", [
      user,
      domain,
    ]);
    return row && numberOf(row, "quota");
  }

  /** Keeps an observation. */
  async set(user: string, domain: string, usedBytes: number): Promise<void> {
    await this.#database.run("REPLACE INTO userquota (user, domain, quota) VALUES (?, ?, ?)", [
      user,
      domain,
      usedBytes,
    ]);
  }

  /** Forgets the user's observation. */
  async remove(user: string, domain: string): Promise<void> {
    await this.#database.run("DELETE FROM userquota WHERE user = ? AND domain = ?", [user, domain]);
  }

  /** Forgets all of a domain. */
  async removeDomain(domain: string): Promise<void> {
    await this.#database.run("DELETE FROM userquota WHERE domain = ?", [domain]);
  }
}
