/** The virtual domain of a local IP address: table ip_alias_map [spec tables] [man vipmap.8]. */
import { type Database, textOf } from "../database.ts";

/** The IP addresses of the local database. */
export class IpAliases {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The domain of an address; undefined when there is none. */
  async find(ipAddress: string): Promise<string | undefined> {
    const [row] = await this.#database.query("SELECT domain FROM ip_alias_map WHERE ipaddr = ?", [ipAddress]);
    return row && textOf(row, "domain");
  }

  /** The addresses of a domain, or all, with their domains. */
  async list(domain?: string): Promise<readonly { readonly ipAddress: string; readonly domain: string }[]> {
    const rows = domain === undefined
      ? await this.#database.query("SELECT ipaddr, domain FROM ip_alias_map ORDER BY ipaddr")
      : await this.#database.query("SELECT ipaddr, domain FROM ip_alias_map WHERE domain = ? ORDER BY ipaddr", [
        domain,
      ]);
    return rows.map((row) => ({ ipAddress: textOf(row, "ipaddr"), domain: textOf(row, "domain") }));
  }

  /** Gives an address a domain. */
  async set(ipAddress: string, domain: string): Promise<void> {
    await this.#database.run("REPLACE INTO ip_alias_map (ipaddr, domain) VALUES (?, ?)", [ipAddress, domain]);
  }

  /** Removes an address, or only where it has that domain; false when there was none. */
  async remove(ipAddress: string, domain?: string): Promise<boolean> {
    const where = "DELETE FROM ip_alias_map WHERE ipaddr = ?";
    return domain === undefined
      ? await this.#database.run(where, [ipAddress]) > 0
      : await this.#database.run(`${where} AND domain = ?`, [ipAddress, domain]) > 0;
  }
}
