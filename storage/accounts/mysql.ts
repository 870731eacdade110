/**
 * MySQL and MariaDB by mysql2: a small pool, statements prepared on the server, UTC timestamps as text. A lost or slow
 * server gives Temporary and is tried anew by the next statement; nothing here has to be restarted.
 */
import { isIP } from "node:net";
import type { FieldPacket, PoolConnection, ResultSetHeader, RowDataPacket } from "mysql2/promise";
import type { Pool } from "mysql2/promise";
import { Permanent, Temporary } from "../../core/errors.ts";
import { connectUnixStream } from "../../core/net/unix_stream.ts";
import {
  type Database,
  DuplicateRow,
  layoutOf,
  MissingTable,
  type Queryable,
  RETRIES_MAX,
  type Row,
  type SqlValue,
  type TableNames,
  USUAL_TABLES,
} from "./database.ts";
import type { MysqlSettings } from "./mysql_settings.ts";
import { createStatements, sqlName } from "./tables/schema_ddl.ts";

/** Connections open at once: the lookup daemon's work is short, more would only wait inside the server. */
const CONNECTIONS_MAX = 8;
/** Statements waiting for a connection; above it they fail at once, so that a dead server piles nothing up. */
const WAITING_MAX = 1024;
/** Prepared statements kept on a connection. */
const STATEMENTS_MAX = 512;
/** Server errors by number [MariaDB error codes]. */
const ERROR = {
  badDatabase: 1049,
  duplicate: 1062,
  deadlock: 1213,
  noSuchTable: 1146,
  shutdown: 1053,
  readOnlyOption: 1290,
  readOnlyTransaction: 1792,
  readOnlyMode: 1836,
  connectionKilled: 1927,
  badNull: 1048,
  outOfRange: 1264,
  tooLong: 1406,
} as const;

/** The first statement on a connection: times are UTC, what does not fit is refused. */
export const CONNECTION_SETTINGS = "SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES'";

/** After these another connection may find what this one does not have. */
const LEAVE: ReadonlySet<number> = new Set([
  ERROR.shutdown,
  ERROR.connectionKilled,
  ERROR.readOnlyOption,
  ERROR.readOnlyTransaction,
  ERROR.readOnlyMode,
]);

/** How the database is opened. */
export interface MysqlOptions {
  readonly tables?: TableNames;
  /** CREATE DATABASE IF NOT EXISTS first (install_tables). */
  readonly createDatabase?: boolean;
  /** The settings as they are now, asked at reopen. Throws Permanent. */
  readonly reread?: () => MysqlSettings;
}

/** Makes the pool; connections open at the first statement. Throws Temporary only with createDatabase. */
export async function openMysql(settings: MysqlSettings, options: MysqlOptions = {}): Promise<Database> {
  const driver = await import("mysql2/promise");
  if (options.createDatabase) {
    const pool = driver.createPool({ ...poolOptions(settings), database: "" });
    try {
      await pool.query(`CREATE DATABASE IF NOT EXISTS ${sqlName(settings.database)}`);
    } catch (error) {
      throw refusal(error, settings);
    } finally {
      await pool.end();
    }
  }
  return new MysqlDatabase((now) => driver.createPool(poolOptions(now)), settings, options);
}

function poolOptions(settings: MysqlSettings) {
  return {
    ...connectionOptions(settings),
    connectionLimit: CONNECTIONS_MAX,
    queueLimit: WAITING_MAX,
    maxPreparedStatements: STATEMENTS_MAX,
  };
}

/** What the driver is told about a connection; first of all it is to run CONNECTION_SETTINGS. Throws Permanent. */
export function connectionOptions(settings: MysqlSettings) {
  const { socketPath } = settings;
  const tls = settings.tls === "off" ? {} : { ssl: tlsOptions(settings) };
  return {
    ...(socketPath === undefined
      ? { host: settings.host, port: settings.port }
      : { socketPath, stream: () => connectUnixStream(socketPath) }),
    user: settings.user,
    password: settings.password,
    database: settings.database,
    ...tls,
    connectTimeout: settings.connectTimeoutMs,
    charset: "utf8mb4",
    dateStrings: true,
    timezone: "Z",
    supportBigNumbers: true,
    multipleStatements: false,
  };
}

function tlsOptions({ tls, tlsCaFile, host }: MysqlSettings) {
  // the driver checks no name against an address, so a certificate for another host would do
  if (tls === "identity" && isIP(host) !== 0) {
    throw new Permanent(`VERIFY_IDENTITY needs the name of the database server, not the address ${host}`);
  }
  return {
    rejectUnauthorized: tls === "authority" || tls === "identity",
    verifyIdentity: tls === "identity",
    ...(tlsCaFile === undefined ? {} : { ca: Deno.readTextFileSync(tlsCaFile) }),
  };
}

/**
 * Set on a connection of the pool: what we wait for no longer the server gives up as well, since it would not notice that
 * we are gone and what waits for a lock would pile up there. (MariaDB for all statements, MySQL for waits for rows.)
 */
function patience(queryTimeoutMs: number): string {
  const seconds = Math.max(1, Math.ceil(queryTimeoutMs / 1000));
  return `, innodb_lock_wait_timeout = ${seconds} /*M!100100 , max_statement_time = ${seconds} */`;
}

class MysqlDatabase implements Database {
  readonly kind = "mysql";
  readonly #makePool: (settings: MysqlSettings) => Pool;
  readonly #reread: (() => MysqlSettings) | undefined;
  #settings: MysqlSettings;
  readonly #tables: TableNames;
  #pool: Pool | undefined;
  #prepared = new WeakSet<object>();

  constructor(makePool: (settings: MysqlSettings) => Pool, settings: MysqlSettings, options: MysqlOptions) {
    this.#makePool = makePool;
    this.#settings = settings;
    this.#reread = options.reread;
    this.#tables = options.tables ?? USUAL_TABLES;
  }

  query(sql: string, values: readonly SqlValue[] = []): Promise<readonly Row[]> {
    return this.#single((connection) => this.#query(connection, sql, values), { repeatable: true });
  }

  run(sql: string, values: readonly SqlValue[] = []): Promise<number> {
    return this.#single((connection) => this.#run(connection, sql, values), { repeatable: false });
  }

  /** A statement by itself; again when its table was missing, a deadlock ended it, or (reads) the connection had died. */
  async #single<T>(work: (connection: PoolConnection) => Promise<T>, kind: { repeatable: boolean }): Promise<T> {
    for (let retry = 0;; retry++) {
      const connection = await this.#connect();
      try {
        const result = await work(connection);
        connection.release();
        return result;
      } catch (error) {
        this.#giveBack(connection, error);
        const again = kind.repeatable && retry === 0 && isDeadConnection(error);
        if (!again && !(await this.#mayRetry(error, retry))) throw this.#refusal(error);
      }
    }
  }

  async transaction<T>(work: (connection: Queryable) => Promise<T>): Promise<T> {
    for (let retry = 0;; retry++) {
      const connection = await this.#connect();
      try {
        await this.#plain(connection, "START TRANSACTION");
        const result = await work({
          kind: "mysql",
          query: (sql, values = []) => this.#query(connection, sql, values),
          run: (sql, values = []) => this.#run(connection, sql, values),
        });
        await this.#plain(connection, "COMMIT");
        connection.release();
        return result;
      } catch (error) {
        // closing the connection is the rollback that cannot fail
        connection.destroy();
        if (!(await this.#mayRetry(error, retry))) throw this.#refusal(error);
      }
    }
  }

  async #connect(): Promise<PoolConnection> {
    let connection: PoolConnection | undefined;
    try {
      this.#pool ??= this.#makePool(this.#settings);
      connection = await inTime(this.#pool.getConnection(), this.#settings.connectTimeoutMs, {
        what: "no free connection to the database",
        late: (free) => free.release(),
      });
      if (!this.#prepared.has(connection.connection)) {
        await this.#plain(connection, CONNECTION_SETTINGS + patience(this.#settings.queryTimeoutMs));
        if (this.#settings.initCommand) await this.#plain(connection, this.#settings.initCommand);
        this.#prepared.add(connection.connection);
      }
      return connection;
    } catch (error) {
      connection?.destroy();
      throw this.#refusal(error);
    }
  }

  /** A statement without values and answer, not prepared. */
  async #plain(connection: PoolConnection, sql: string): Promise<void> {
    await this.#answered(connection.query(sql));
  }

  /** A connection that is no longer good, or whose server has become another's copy, is not used again. */
  #giveBack(connection: PoolConnection, error: unknown): void {
    if (isServerError(error) && !LEAVE.has(errorNumber(error) ?? 0)) connection.release();
    else connection.destroy();
  }

  async #mayRetry(error: unknown, retry: number): Promise<boolean> {
    if (retry >= RETRIES_MAX) return false;
    const number = errorNumber(error);
    if (number === ERROR.deadlock) return true;
    return number === ERROR.noSuchTable && await this.#create(error);
  }

  async #create(error: unknown): Promise<boolean> {
    const name = /Table '[^'.]*\.([^']+)' doesn't exist/.exec((error as Error).message)?.[1];
    const table = name === undefined ? undefined : layoutOf(name, this.#tables);
    if (!table) return false;
    const connection = await this.#connect();
    try {
      for (const sql of createStatements(table, "mysql")) await this.#plain(connection, sql);
    } catch (failure) {
      throw this.#refusal(failure);
    } finally {
      connection.release();
    }
    return true;
  }

  async #query(connection: PoolConnection, sql: string, values: readonly SqlValue[]): Promise<readonly Row[]> {
    const asked: Promise<[RowDataPacket[], FieldPacket[]]> = connection.execute(sql, [...values]);
    return (await this.#answered(asked))[0];
  }

  async #run(connection: PoolConnection, sql: string, values: readonly SqlValue[]): Promise<number> {
    const asked: Promise<[ResultSetHeader, FieldPacket[]]> = connection.execute(sql, [...values]);
    return (await this.#answered(asked))[0].affectedRows;
  }

  /** The driver's own timeout does not cover the preparing of a statement. */
  #answered<T>(asked: Promise<T>): Promise<T> {
    return inTime(asked, this.#settings.queryTimeoutMs, { what: "no answer from the database" });
  }

  #refusal(error: unknown): Error {
    return refusal(error, this.#settings);
  }

  version(): undefined {
    return undefined;
  }

  async reopen(): Promise<void> {
    if (this.#reread) this.#settings = this.#reread();
    await this.close();
  }

  async close(): Promise<void> {
    const pool = this.#pool;
    this.#pool = undefined;
    await pool?.end();
  }
}

/** What an error of the driver is to the caller: Temporary, DuplicateRow, MissingTable or Permanent. */
export function refusal(error: unknown, settings: MysqlSettings): Error {
  if (error instanceof Temporary || error instanceof Permanent) return error;
  const message = error instanceof Error ? error.message : String(error);
  const server = settings.socketPath ?? `${settings.host}:${settings.port}`;
  switch (errorNumber(error)) {
    case ERROR.duplicate:
      return new DuplicateRow(message);
    case ERROR.tooLong:
    case ERROR.badNull:
    case ERROR.outOfRange:
      return new Permanent(`value does not fit its column: ${message}`);
    case ERROR.noSuchTable:
      return new MissingTable(message);
    case ERROR.badDatabase:
      return new Temporary(`database server ${server} has no database ${settings.database}: run install_tables`);
    default:
      return new Temporary(`database server ${server}: ${message || "connection failed"}`);
  }
}

/** What is awaited, unless it takes too long: then throws Temporary, and what comes later goes to `late`. */
async function inTime<T>(
  awaited: Promise<T>,
  timeoutMs: number,
  options: { readonly what: string; readonly late?: (value: T) => void },
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timedOut = new Promise<typeof TOO_LATE>((resolve) => timer = setTimeout(() => resolve(TOO_LATE), timeoutMs));
  const first = await Promise.race([awaited, timedOut]).finally(() => clearTimeout(timer));
  if (first !== TOO_LATE) return first;
  awaited.then(options.late, () => undefined);
  throw new Temporary(`${options.what} within ${timeoutMs} ms`);
}

const TOO_LATE = Symbol("too late");

function errorNumber(error: unknown): number | undefined {
  return error instanceof Error && "errno" in error && typeof error.errno === "number" ? error.errno : undefined;
}

/** Whether the server answered with an error (the connection is still good), rather than being lost or slow. */
function isServerError(error: unknown): boolean {
  return error instanceof Error && "sqlState" in error && !("fatal" in error && error.fatal === true);
}

/** A connection that broke; whether the statement was done is unknown. */
function isDeadConnection(error: unknown): boolean {
  const number = errorNumber(error);
  if (number === ERROR.connectionKilled || number === ERROR.shutdown) return true;
  const code = error instanceof Error && "code" in error ? error.code : "";
  return code === "EPIPE" || code === "ECONNRESET" || code === "PROTOCOL_CONNECTION_LOST";
}
