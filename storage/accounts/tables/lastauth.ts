/** The last event of each user and service: table lastauth [spec tables]. Rows are written in batches, one transaction. */
import {
  type Database,
  numberOf,
  type Queryable,
  type Row,
  secondsOf,
  type SqlValue,
  textOf,
  timestampText,
} from "../database.ts";
import { insertRows } from "./insert_rows.ts";

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

  /** Keeps events of users that have none of their services, many in one statement, inside a transaction. */
  async addMany(events: readonly LastauthEvent[], on: Queryable): Promise<void> {
    await insertRows(on, { verb: "REPLACE", table: "lastauth", columns: COLUMNS }, events.map(valuesOf));
  }

  /** The events of a user, newest first. */
  async find(user: string, domain: string): Promise<readonly LastauthEvent[]> {
    const rows = await this.#database.query(
      `SELECT ${COLUMNS} FROM lastauth WHERE user = ? AND domain = ? ORDER BY timestamp DESC, service`,
      [user, domain],
    );
    return rows.map(eventOf);
  }

  /** The events of all users of a domain from one name to another, by user, newest first. */
  async between(domain: string, first: string, last: string): Promise<ReadonlyMap<string, readonly LastauthEvent[]>> {
    const rows = await this.#database.query(
      `SELECT ${COLUMNS} FROM lastauth WHERE domain = ? AND user >= ? AND user <= ? ORDER BY timestamp DESC, service`,
      [domain, first, last],
    );
    return Map.groupBy(rows.map(eventOf), ({ user }) => user.toLowerCase());
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

const COLUMNS = "user, domain, service, remote_ip, quota, gecos, timestamp";

function eventOf(row: Row): LastauthEvent {
  return {
    user: textOf(row, "user"),
    domain: textOf(row, "domain"),
    service: textOf(row, "service") as LastauthService,
    remoteIp: textOf(row, "remote_ip"),
    quotaBytes: numberOf(row, "quota"),
    gecos: textOf(row, "gecos"),
    seconds: secondsOf(row, "timestamp"),
  };
}

function valuesOf(event: LastauthEvent): readonly SqlValue[] {
  return [
    event.user,
    event.domain,
    event.service,
    event.remoteIp.slice(0, 46),
    Math.min(event.quotaBytes, INT_MAX),
    event.gecos.slice(0, 48),
    timestampText(event.seconds),
  ];
}

async function writeOne(on: Queryable, event: LastauthEvent): Promise<void> {
  await on.run(`REPLACE INTO lastauth (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)`, valuesOf(event));
}
