/** POP before SMTP: addresses that may relay since their user logged in from there: table relay [spec formats 26]. */
import { type Database, numberOf, type TableNames, textOf, USUAL_TABLES } from "../database.ts";
import { sqlName } from "./schema_ddl.ts";

/** How long a grant holds unless RELAY_CLEAR_MINUTES says otherwise, minutes [spec formats 26]. */
export const RELAY_MINUTES_DEFAULT = 60;

/** One grant; `seconds` since 1970. */
export interface RelayGrant {
  readonly email: string;
  readonly ipAddress: string;
  readonly seconds: number;
}

/** The grants of the local database. */
export class RelayGrants {
  readonly #database: Database;
  readonly #table: string;

  constructor(database: Database, tables: TableNames = USUAL_TABLES) {
    this.#database = database;
    this.#table = sqlName(tables.relay);
  }

  /** Grants, or renews. */
  async add(grant: RelayGrant): Promise<void> {
    await this.#database.run(`REPLACE INTO ${this.#table} (email, ipaddr, timestamp) VALUES (?, ?, ?)`, [
      grant.email,
      grant.ipAddress,
      grant.seconds,
    ]);
  }

  /** Whether someone logged in from there since that time; with `email`, that user. */
  async permitted(
    ipAddress: string,
    options: { readonly email?: string; readonly sinceSeconds: number },
  ): Promise<boolean> {
    const rows = await this.#database.query(
      `SELECT email FROM ${this.#table} WHERE ipaddr = ? AND timestamp > ?`,
      [ipAddress, options.sinceSeconds],
    );
    const { email } = options;
    return email === undefined ? rows.length > 0 : rows.some((row) => textOf(row, "email").toLowerCase() === email);
  }

  /** All grants since that time. */
  async list(sinceSeconds: number): Promise<readonly RelayGrant[]> {
    const rows = await this.#database.query(
      `SELECT email, ipaddr, timestamp FROM ${this.#table} WHERE timestamp > ? ORDER BY ipaddr, email`,
      [sinceSeconds],
    );
    return rows.map((row) => ({
      email: textOf(row, "email"),
      ipAddress: textOf(row, "ipaddr"),
      seconds: numberOf(row, "timestamp"),
    }));
  }

  /** Removes the grants not newer than that time; the number of them. */
  async removeOlder(seconds: number): Promise<number> {
    return await this.#database.run(`DELETE FROM ${this.#table} WHERE timestamp <= ?`, [seconds]);
  }

  /** Removes the grants of a user. */
  async remove(email: string): Promise<void> {
    await this.#database.run(`DELETE FROM ${this.#table} WHERE email = ?`, [email]);
  }
}
