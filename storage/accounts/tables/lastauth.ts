/** The last event of each user and service: table lastauth [spec tables]. Rows are written in batches, one transaction. */
import { type Database, numberOf, type Queryable, secondsOf, textOf, timestampText } from "../database.ts";

/** Events: logins by service, and changes of the account. */
export type LastauthService = "imap" | "pop3" | "smtp" | "webm" | "pass" | "add" | "ACTI" | "INAC" | "deli";

/** One event; `quotaBytes` is the usage at that time, `seconds` since 1970. */
export interface LastauthEvent {
  readonly user: string;
  readonly domain: string;
  readonly service: LastauthService;
  readonly remoteIp: string;
  readonly quotaBytes: number;
  readonly gecos: string;
  readonly seconds: number;
}

/** Greatest value of the column quota, an INT. */
const INT_MAX = 2147483647;

/** The events of the local database. */
export class Lastauth {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Keeps events; of several for a user and service the last stays. */
  async write(events: readonly LastauthEvent[]): Promise<void> {
    if (events.length === 0) return;
    await this.#database.transaction(async (on) => {
      for (const event of events) await writeOne(on, event);
    });
  }

  /** The events of a user, newest first. */
  async find(user: string, domain: string): Promise<readonly LastauthEvent[]> {
    const rows = await this.#database.query(
      "SELECT service, remote_ip, quota, gecos, timestamp FROM lastauth WHERE user = ? AND domain = ? " +
        "ORDER BY timestamp DESC, service",
      [user, domain],
    );
    return rows.map((row) => ({
      user,
      domain,
      service: textOf(row, "service") as LastauthService,
      remoteIp: textOf(row, "remote_ip"),
      quotaBytes: numberOf(row, "quota"),
      gecos: textOf(row, "gecos"),
      seconds: secondsOf(row, "timestamp"),
    }));
  }

  /** Addresses with an event since that time, at most `rowsMax`. */
  async since(seconds: number, rowsMax: number): Promise<readonly string[]> {
    const rows = await this.#database.query(
      "SELECT DISTINCT user, domain FROM lastauth WHERE timestamp >= ? ORDER BY domain, user",
      [timestampText(seconds)],
    );
    return rows.slice(0, rowsMax).map((row) => `${textOf(row, "user")}@${textOf(row, "domain")}`);
  }

  /** Forgets a user. */
  async remove(user: string, domain: string): Promise<void> {
    await this.#database.run("DELETE FROM lastauth WHERE user = ? AND domain = ?", [user, domain]);
  }

  /** Forgets a domain. */
  async removeDomain(domain: string): Promise<void> {
    await this.#database.run("DELETE FROM lastauth WHERE domain = ?", [domain]);
  }
}

async function writeOne(on: Queryable, event: LastauthEvent): Promise<void> {
  await on.run(
    "REPLACE INTO lastauth (user, domain, service, remote_ip, quota, gecos, timestamp) VALUES (?, ?, ?, ?, ?, ?, ?)",
    [
      event.user,
      event.domain,
      event.service,
      event.remoteIp.slice(0, 46),
      Math.min(event.quotaBytes, INT_MAX),
      event.gecos.slice(0, 48),
      timestampText(event.seconds),
    ],
  );
}
