/**
 * The embedded database: node:sqlite in WAL mode, one connection, statements prepared once. A reader never waits; a
 * writer waits for another process at most BUSY_TIMEOUT_MS. Statements outside a transaction wait while one runs.
 */
import { Permanent, Temporary } from "../../core/errors.ts";
import { DatabaseSync, type StatementSync } from "node:sqlite";
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
import { createStatements } from "./tables/schema_ddl.ts";

/** How long a statement waits for another process's lock; the event loop stands meanwhile. */
const BUSY_TIMEOUT_MS = 5000;
/** Prepared statements kept; the repositories have about a hundred. */
const STATEMENTS_MAX = 512;
/** Mode of a new database file: it holds password hashes. */
const FILE_MODE = 0o640;

/** How the database is opened. */
export interface SqliteOptions {
  readonly tables?: TableNames;
}

/** Opens the database file, creating it when missing. Throws Temporary naming the file. */
export function openSqlite(path: string, options: SqliteOptions = {}): Database {
  const database = new SqliteDatabase(path, options.tables ?? USUAL_TABLES);
  database.connect();
  return database;
}

class SqliteDatabase implements Database {
  readonly kind = "sqlite";
  readonly #path: string;
  readonly #tables: TableNames;
  #connection: DatabaseSync | undefined;
  #statements = new Map<string, StatementSync>();
  /** Ends when the transactions begun so far have ended. */
  #turn: Promise<unknown> = Promise.resolve();
  #transactions = 0;

  constructor(path: string, tables: TableNames) {
    this.#path = path;
    this.#tables = tables;
  }

  connect(): DatabaseSync {
    if (this.#connection) return this.#connection;
    try {
      createWithOwner(this.#path);
      const connection = new DatabaseSync(this.#path);
      connection.exec(
        `PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; ` +
          "PRAGMA foreign_keys = OFF",
      );
      this.#connection = connection;
      return connection;
    } catch (error) {
      throw new Temporary(`cannot open database ${this.#path}: ${(error as Error).message}`);
    }
  }

  async query(sql: string, values: readonly SqlValue[] = []): Promise<readonly Row[]> {
    while (this.#transactions > 0) await this.#turn;
    return this.#withTables(() => this.queryNow(sql, values));
  }

  async run(sql: string, values: readonly SqlValue[] = []): Promise<number> {
    while (this.#transactions > 0) await this.#turn;
    return this.#withTables(() => this.runNow(sql, values));
  }

  queryNow(sql: string, values: readonly SqlValue[]): readonly Row[] {
    return this.#guarded(() => this.#prepared(sql).all(...values) as Row[]);
  }

  runNow(sql: string, values: readonly SqlValue[]): number {
    return this.#guarded(() => Number(this.#prepared(sql).run(...values).changes));
  }

  #prepared(sql: string): StatementSync {
    const kept = this.#statements.get(sql);
    if (kept) return kept;
    const statement = this.connect().prepare(sql);
    if (this.#statements.size >= STATEMENTS_MAX) this.#statements.clear();
    this.#statements.set(sql, statement);
    return statement;
  }

  #guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.#refusal(error);
    }
  }

  #refusal(error: unknown): Error {
    if (error instanceof Temporary || error instanceof Permanent) return error;
    const message = error instanceof Error ? error.message : String(error);
    const missing = /^no such table: (?:main\.)?(\S+)/.exec(message);
    if (missing) return new MissingTable(missing[1]!);
    if (message.startsWith("UNIQUE constraint failed")) return new DuplicateRow(message);
    if (message.startsWith("CHECK constraint failed") || message.startsWith("NOT NULL constraint failed")) {
      return new Permanent(`value does not fit its column: ${message}`);
    }
    return new Temporary(`database ${this.#path}: ${message}`);
  }

  #withTables<T>(work: () => T): T {
    for (let retry = 0;; retry++) {
      try {
        return work();
      } catch (error) {
        if (!(error instanceof MissingTable) || retry >= RETRIES_MAX) throw error;
        this.#create(error);
      }
    }
  }

  #create(missing: MissingTable): void {
    const table = layoutOf(missing.table, this.#tables);
    if (!table) throw missing;
    for (const sql of createStatements(table, "sqlite")) this.#guarded(() => this.connect().exec(sql));
  }

  async transaction<T>(work: (connection: Queryable) => Promise<T>): Promise<T> {
    this.#transactions++;
    const turn = this.#turn;
    const done = turn.then(() => this.#transact(work));
    this.#turn = done.then(ignore, ignore);
    try {
      return await done;
    } finally {
      this.#transactions--;
    }
  }

  async #transact<T>(work: (connection: Queryable) => Promise<T>): Promise<T> {
    const inside: Queryable = {
      kind: "sqlite",
      query: (sql, values = []) => Promise.resolve().then(() => this.queryNow(sql, values)),
      run: (sql, values = []) => Promise.resolve().then(() => this.runNow(sql, values)),
    };
    for (let retry = 0;; retry++) {
      this.#guarded(() => this.connect().exec("BEGIN IMMEDIATE"));
      try {
        const result = await work(inside);
        this.#guarded(() => this.connect().exec("COMMIT"));
        return result;
      } catch (error) {
        if (this.#connection?.isTransaction) this.#connection.exec("ROLLBACK");
        if (!(error instanceof MissingTable) || retry >= RETRIES_MAX) throw error;
        this.#create(error);
      }
    }
  }

  version(): number {
    return Number(this.queryNow("PRAGMA data_version", [])[0]?.["data_version"]);
  }

  async reopen(): Promise<void> {
    await this.#turn;
    this.#statements = new Map();
    this.#connection?.close();
    this.#connection = undefined;
  }

  close(): Promise<void> {
    return this.reopen();
  }
}

function ignore(): void {}

/** Makes a missing file with its folder's owner, so that root's commands leave it usable by the lookup daemon. */
function createWithOwner(path: string): void {
  try {
    Deno.openSync(path, { write: true, createNew: true, mode: FILE_MODE }).close();
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return;
    throw error;
  }
  const folder = Deno.statSync(path.slice(0, path.lastIndexOf("/")) || "/");
  if (Deno.uid() === 0 && folder.uid !== null && folder.gid !== null) Deno.chownSync(path, folder.uid, folder.gid);
}
