/** Bulletins waiting for a user's next login: table bulkmail [spec tables] [spec formats 26]. */
import { type Database, textOf } from "../database.ts";

/** Folder of a domain with the messages; BULK_MAILDIR. */
export const BULLETIN_FOLDER = "bulk_mail";

/** The waiting bulletins of the local database. */
export class Bulletins {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The file names waiting for an address. */
  async list(address: string): Promise<readonly string[]> {
    const rows = await this.#database.query(
      "SELECT filename FROM bulkmail WHERE emailid = ? ORDER BY zztimestamp, filename",
      [address],
    );
    return rows.map((row) => textOf(row, "filename"));
  }

  /** Lets a bulletin wait for an address. */
  async add(address: string, fileName: string): Promise<void> {
    await this.#database.run("REPLACE INTO bulkmail (emailid, filename) VALUES (?, ?)", [address, fileName]);
  }

  /** Forgets one bulletin, or all, of an address. */
  async remove(address: string, fileName?: string): Promise<void> {
    const where = "DELETE FROM bulkmail WHERE emailid = ?";
    if (fileName === undefined) await this.#database.run(where, [address]);
    else await this.#database.run(`${where} AND filename = ?`, [address, fileName]);
  }
}
