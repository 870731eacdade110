/** The log of logins in the database: table vlog [spec tables], off unless asked for. Passwords are never written. */
import { type Database, numberOf, secondsOf, textOf } from "../database.ts";

/** Codes of the column error. */
export const VLOG_CODES = { internal: 0, noSuchUser: 1, success: 2, wrongPassword: 3, denied: 4 } as const;

/** One login. */
export interface LoginRecord {
  readonly user: string;
  readonly domain: string;
  /** The name as the client gave it. */
  readonly logon: string;
  readonly remoteIp: string;
  readonly message: string;
  readonly code: number;
}

/** The logins of the local database. */
export class LoginLog {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Adds a record; long texts are cut to their columns. */
  async add(record: LoginRecord): Promise<void> {
    await this.#database.run(
      "INSERT INTO vlog (user, passwd, domain, logon, remoteip, message, error) VALUES (?, '', ?, ?, ?, ?, ?)",
      [
        record.user.slice(0, 40),
        record.domain.slice(0, 67),
        record.logon.slice(0, 32),
        record.remoteIp.slice(0, 46),
        record.message.slice(0, 254),
        record.code,
      ],
    );
  }

  /** The newest records of a user, newest first. */
  async list(
    user: string,
    domain: string,
    rowsMax: number,
  ): Promise<readonly (LoginRecord & { readonly seconds: number })[]> {
    const rows = await this.#database.query(
      "SELECT logon, remoteip, message, error, timestamp FROM vlog WHERE user = ? AND domain = ? ORDER BY id DESC",
      [user, domain],
    );
    return rows.slice(0, rowsMax).map((row) => ({
      user,
      domain,
      logon: textOf(row, "logon"),
      remoteIp: textOf(row, "remoteip"),
      message: textOf(row, "message"),
      code: numberOf(row, "error"),
      seconds: secondsOf(row, "timestamp"),
    }));
  }

  /** Removes records older than that time. */
  async removeOlder(timestamp: string): Promise<number> {
    return await this.#database.run("DELETE FROM vlog WHERE timestamp < ?", [timestamp]);
  }
}
