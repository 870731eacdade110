/**
 * The SQL database of the accounts behind one small interface: bound parameters, transactions, missing tables created at
 * first use. Drivers: sqlite.ts (embedded, the default) and mysql.ts. Repositories (users.ts …) write SQL that both take.
 */
import { Permanent, Temporary } from "../../core/errors.ts";
import type { DatabaseKind } from "./tables/schema_ddl.ts";
import { tableOf } from "./tables/schema_table.ts";
import type { Table } from "./tables/schema_table.ts";

export type { DatabaseKind } from "./tables/schema_ddl.ts";

/** What may be bound to a `?`. Texts are Unicode. */
export type SqlValue = string | number | null;

/** One row by column name. Timestamps are UTC text `YYYY-MM-DD HH:MM:SS`. */
export type Row = Readonly<Record<string, SqlValue>>;

/** Statements on one connection. */
export interface Queryable {
  readonly kind: DatabaseKind;
  /** All rows of a SELECT. The statement stays prepared, so its text must come from a constant. */
  query(sql: string, values?: readonly SqlValue[]): Promise<readonly Row[]>;
  /** Runs a change and gives the number of rows it touched. */
  run(sql: string, values?: readonly SqlValue[]): Promise<number>;
}

/**
 * A database. Every method throws Temporary when the database cannot be reached or is too slow, DuplicateRow when a key
 * exists, Permanent when a value does not fit its column.
 */
export interface Database extends Queryable {
  /**
   * Runs `work` as one transaction: all of it or nothing. It may be run again (a table was missing, or a deadlock), so it
   * must do nothing but statements.
   */
  transaction<T>(work: (connection: Queryable) => Promise<T>): Promise<T>;
  /** A number that changes when another process has changed the database; undefined where that cannot be told. */
  version(): number | undefined;
  /** Closes all connections; the next statement opens them again (INT of inlookup). */
  reopen(): Promise<void>;
  close(): Promise<void>;
}

/** A row with this key is there already. */
export class DuplicateRow extends Permanent {
  override name = "DuplicateRow";
}

/** A statement named a table that is not there; drivers turn it into a creation and a retry. */
export class MissingTable extends Temporary {
  override name = "MissingTable";
  readonly table: string;

  constructor(table: string) {
    super(`no table ${table}`);
    this.table = table;
  }
}

/** Names of the tables that settings may change; the rest have the usual ones. */
export interface TableNames {
  /** Active users: MYSQL_TABLE, default indimail. */
  readonly users: string;
  /** Inactive users: MYSQL_INACTIVE_TABLE, default indibak. */
  readonly inactiveUsers: string;
  /** POP before SMTP: RELAY_TABLE, default relay. */
  readonly relay: string;
}

/** The usual names. */
export const USUAL_TABLES: TableNames = { users: "indimail", inactiveUsers: "indibak", relay: "relay" };

/** The layout of a table as it is named here; undefined when it is none of ours. */
export function layoutOf(name: string, names: TableNames): Table | undefined {
  if (name === names.users) return { ...tableOf("indimail")!, name };
  if (name === names.inactiveUsers) return { ...tableOf("indibak")!, name };
  if (name === names.relay) return { ...tableOf("relay")!, name };
  return tableOf(name);
}

/** Times a transaction or statement is run again before its error counts. */
export const RETRIES_MAX = 20;

/** A text column's value; the empty string for NULL. */
export function textOf(row: Row, column: string): string {
  const value = row[column];
  return value === null || value === undefined ? "" : String(value);
}

/** A number column's value; 0 for NULL. */
export function numberOf(row: Row, column: string): number {
  return Number(row[column] ?? 0);
}

/** A timestamp column's value in seconds since 1970. */
export function secondsOf(row: Row, column: string): number {
  const text = textOf(row, column);
  return text === "" ? 0 : Math.floor(Date.parse(`${text.replace(" ", "T")}Z`) / 1000);
}

/** Seconds since 1970 as the text of a timestamp column. */
export function timestampText(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ");
}
