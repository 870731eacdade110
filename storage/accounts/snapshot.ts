/**
 * A view of the whole accounts' database at one moment, for going through tables of any size in constant memory while the
 * server works: a read transaction on a connection of its own. SQLite's is a second connection in WAL mode, MySQL's a
 * consistent snapshot whose rows are streamed. Only reads.
 */
import { DatabaseSync } from "node:sqlite";
import { Permanent, Temporary } from "../../core/errors.ts";
import { pathExists } from "../../core/path_exists.ts";
import { type Row, type SqlValue } from "./database.ts";
import { CONNECTION_SETTINGS, connectionOptions, refusal } from "./mysql.ts";
import { type MysqlSettings, parseMysqlHost } from "./mysql_settings.ts";
import type { DatabaseChoice } from "./open_database.ts";
import { type DatabaseKind, sqlName } from "./tables/schema_ddl.ts";

/** Rows handed on at once. */
const BATCH_ROWS = 512;
/** Longest wait for rows of a MySQL server: it may have to sort tens of millions first. */
const ROWS_WAIT_MS = 600_000;

/** The tables at one moment. */
export interface Snapshot {
  readonly kind: DatabaseKind;
  /** Names of all tables and views. */
  readonly tables: ReadonlySet<string>;
  /** Names of a table's columns, in lower case; empty when there is no such table. */
  columns(table: string): Promise<readonly string[]>;
  /**
   * All rows of a SELECT, some at a time. Whole numbers beyond the exact range of a number are texts of digits. Throws
   * Temporary when the database is lost, Permanent for bytes where text should be.
   */
  rows(sql: string, values?: readonly SqlValue[]): AsyncGenerator<readonly Row[]>;
  close(): Promise<void>;
}

/** Opens the local database as openDatabase would, for reading. Throws Temporary. */
export async function openSnapshot(choice: Omit<DatabaseChoice, "create">): Promise<Snapshot> {
  const line = choice.env("MYSQL_HOST") || choice.control.line("host.mysql");
  if (line) return await openMysqlSnapshot(parseMysqlHost(line, choice.env));
  return openSqliteSnapshot(choice.paths.database);
}

/** A snapshot of an embedded database. Throws Temporary naming the file. */
export function openSqliteSnapshot(path: string): Snapshot {
  if (!pathExists(path)) {
    throw new Temporary(`there is no database ${path}: run install_tables (or check INDIMAIL_ROOT)`);
  }
  const refused = (error: unknown) =>
    error instanceof Permanent ? error : new Temporary(`database ${path}: ${(error as Error).message}`);
  let database: DatabaseSync;
  let tables: ReadonlySet<string>;
  try {
    database = new DatabaseSync(path, { readOnly: true });
    database.exec("BEGIN");
    const names = database.prepare("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')").all();
    tables = new Set(names.map(({ name }) => String(name)));
  } catch (error) {
    throw refused(error);
  }
  return {
    kind: "sqlite",
    tables,
    columns(table) {
      const rows = tables.has(table) ? database.prepare(`PRAGMA table_info(${sqlName(table)})`).all() : [];
      return Promise.resolve(rows.map(({ name }) => String(name).toLowerCase()));
    },
    async *rows(sql, values = []) {
      try {
        const statement = database.prepare(sql);
        statement.setReadBigInts(true);
        let batch: Row[] = [];
        for (const row of statement.iterate(...values)) {
          batch.push(exactRow(row));
          if (batch.length < BATCH_ROWS) continue;
          yield batch;
          batch = [];
        }
        if (batch.length > 0) yield batch;
      } catch (error) {
        throw refused(error);
      }
    },
    close() {
      database.close();
      return Promise.resolve();
    },
  };
}

/** The row with numbers for integers, where they are exact. */
function exactRow(row: Record<string, unknown>): Row {
  const exact: Record<string, SqlValue> = {};
  for (const name in row) {
    const value = row[name];
    if (typeof value === "string" || typeof value === "number" || value === null) exact[name] = value;
    else if (typeof value === "bigint") {
      const number = Number(value);
      exact[name] = Number.isSafeInteger(number) ? number : value.toString();
    } else throw new Permanent(`column ${name} holds bytes and not text`);
  }
  return exact;
}

/** What of the driver's connection its promises do not show: rows one after another. */
interface StreamingConnection {
  on(event: "error", heard: () => void): void;
  query(asked: { readonly sql: string; readonly values: readonly SqlValue[] }): {
    stream(options: { readonly highWaterMark: number }): AsyncIterable<Row> & { destroy(error: Error): void };
  };
}

function isStreaming(value: unknown): value is StreamingConnection {
  return typeof value === "object" && value !== null && "query" in value && "on" in value;
}

function streaming(connection: object): StreamingConnection {
  const raw: unknown = Reflect.get(connection, "connection");
  if (!isStreaming(raw)) throw new Temporary("this version of the database driver streams no rows");
  raw.on("error", () => undefined); // a connection that breaks is found by the next statement
  return raw;
}

/** A snapshot of a MySQL database. Throws Temporary. */
export async function openMysqlSnapshot(settings: MysqlSettings): Promise<Snapshot> {
  const driver = await import("mysql2/promise");
  const connection = await driver.createConnection(connectionOptions(settings)).catch((error: unknown) => {
    throw refusal(error, settings);
  });
  const raw = streaming(connection);
  let isBroken = false;
  async function* rows(sql: string, values: readonly SqlValue[] = []): AsyncGenerator<readonly Row[]> {
    const stream = raw.query({ sql, values: [...values] }).stream({ highWaterMark: BATCH_ROWS });
    const tooLate = () => stream.destroy(new Temporary(`no answer from the database within ${ROWS_WAIT_MS} ms`));
    let timer = setTimeout(tooLate, ROWS_WAIT_MS);
    try {
      let batch: Row[] = [];
      for await (const row of stream) {
        batch.push(row);
        if (batch.length < BATCH_ROWS) continue;
        clearTimeout(timer);
        yield batch;
        timer = setTimeout(tooLate, ROWS_WAIT_MS);
        batch = [];
      }
      if (batch.length > 0) yield batch;
    } catch (error) {
      isBroken = true;
      throw refusal(error, settings);
    } finally {
      clearTimeout(timer);
    }
  }
  const texts = async (sql: string, values: readonly SqlValue[] = []) => {
    const found: string[] = [];
    for await (const batch of rows(sql, values)) found.push(...batch.map((row) => String(row["name"])));
    return found;
  };
  try {
    await connection.query(CONNECTION_SETTINGS);
    await connection.query("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ");
    await connection.query("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
    const inDatabase = "WHERE table_schema = DATABASE()";
    const tables = new Set(await texts(`SELECT table_name AS name FROM information_schema.tables ${inDatabase}`));
    return {
      kind: "mysql",
      tables,
      async columns(table) {
        const sql = `SELECT column_name AS name FROM information_schema.columns ${inDatabase} AND table_name = ? ` +
          "ORDER BY ordinal_position";
        return (await texts(sql, [table])).map((name) => name.toLowerCase());
      },
      rows,
      async close() {
        if (isBroken) connection.destroy();
        else await connection.end();
      },
    };
  } catch (error) {
    connection.destroy();
    throw error instanceof Temporary || error instanceof Permanent ? error : refusal(error, settings);
  }
}
