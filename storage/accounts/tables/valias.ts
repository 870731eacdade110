/** Alias lines of virtual addresses: table valias, several rows an alias [spec tables] [man valias.1]. */
import { type Database, DuplicateRow, type Row, textOf } from "../database.ts";

/** One line of one alias: `&address`, `address`, `/path` or `|command`. */
export interface AliasLine {
  readonly alias: string;
  readonly domain: string;
  readonly line: string;
}

function lineOf(row: Row): AliasLine {
  return { alias: textOf(row, "alias"), domain: textOf(row, "domain"), line: textOf(row, "valias_line") };
}

/** The aliases of the local database. */
export class Aliases {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The lines of an alias in the order of their making; empty when it has none. */
  async lines(alias: string, domain: string): Promise<readonly string[]> {
    const rows = await this.#database.query(
      "SELECT valias_line FROM valias WHERE alias = ? AND domain = ? ORDER BY timestamp, valias_line",
      [alias, domain],
    );
    return rows.map((row) => textOf(row, "valias_line"));
  }

  /** All lines of a domain, or of all domains. */
  async list(domain?: string): Promise<readonly AliasLine[]> {
    const rows = await this.#database.query(
      `SELECT alias, domain, valias_line FROM valias ${domain === undefined ? "" : "WHERE domain = ? "}` +
        "ORDER BY domain, alias, timestamp, valias_line",
      domain === undefined ? [] : [domain],
    );
    return rows.map(lineOf);
  }

  /** The lines that are this address, which is in lower case. Goes through the whole table. */
  async leadingTo(address: string): Promise<readonly AliasLine[]> {
    const rows = await this.#database.query(
      "SELECT alias, domain, valias_line FROM valias WHERE LOWER(valias_line) IN (?, ?) ORDER BY domain, alias",
      [address, `&${address}`],
    );
    return rows.map(lineOf);
  }

  /** Adds a line. */
  async add(alias: string, domain: string, line: string): Promise<"added" | "exists"> {
    try {
      await this.#database.run("INSERT INTO valias (alias, domain, valias_line) VALUES (?, ?, ?)", [
        alias,
        domain,
        line,
      ]);
      return "added";
    } catch (error) {
      if (error instanceof DuplicateRow) return "exists";
      throw error;
    }
  }

  /** Replaces a line by another; false when the old one is not there. */
  async replace(
    alias: string,
    domain: string,
    change: { readonly from: string; readonly to: string },
  ): Promise<boolean> {
    const count = await this.#database.run(
      "UPDATE valias SET valias_line = ? WHERE alias = ? AND domain = ? AND valias_line = ?",
      [change.to, alias, domain, change.from],
    );
    return count > 0;
  }

  /** Removes a line, or all of the alias; the number of lines removed. */
  async remove(alias: string, domain: string, line?: string): Promise<number> {
    const where = "DELETE FROM valias WHERE alias = ? AND domain = ?";
    return line === undefined
      ? await this.#database.run(where, [alias, domain])
      : await this.#database.run(`${where} AND valias_line = ?`, [alias, domain, line]);
  }

  /** Removes all aliases of a domain; the number of lines. */
  async removeDomain(domain: string): Promise<number> {
    return await this.#database.run("DELETE FROM valias WHERE domain = ?", [domain]);
  }
}
