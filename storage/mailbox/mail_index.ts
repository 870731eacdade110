/**
 * The index of one user's mail: an SQLite file beside the Maildir with the columns of each folder as last seen, and for
 * each message what is costly to find (envelope and structure as IMAP text, sizes). All of it can be made again from the
 * Maildir without changing a UID: a file that is broken is deleted. Rows belong to a folder and its UIDVALIDITY.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Columns } from "./columns.ts";

/** Name of the file in the top Maildir. */
export const INDEX_FILE_NAME = "indimail-index.sqlite";
/** Another layout of the tables: an older file is deleted. */
const LAYOUT_VERSION = 1;
/** How long another process may hold the file before we go on without it, milliseconds: it blocks all sessions. */
const BUSY_TIMEOUT_MS = 250;

/** What is known of a folder beside its columns; JSON in the table. */
export interface FolderMeta {
  readonly uidValidity: number;
  readonly uidNext: number;
  /** First UID that is \Recent to the next session. */
  readonly recentFrom: number;
  readonly keywords: readonly string[];
  /** Times and inodes of new/ and cur/ when they were read. */
  readonly newMs: number;
  readonly newInode: number;
  readonly curMs: number;
  readonly curInode: number;
  /** From when on cur/ must be read again to be sure; milliseconds since 1970. */
  readonly curVerifyMs: number;
  readonly uidStamp: string;
  readonly keywordStamp: string;
}

/** A folder as it was saved. */
export interface SavedFolder {
  readonly meta: FolderMeta;
  readonly uids: Uint32Array;
  readonly flags: Uint32Array;
  readonly dates: Float64Array;
  readonly sizes: Float64Array;
  readonly paths: readonly string[];
}

/** What the index keeps of a message. */
export interface MessageRow {
  readonly uid: number;
  readonly envelope: Uint8Array;
  readonly bodyStructure: Uint8Array;
  readonly headerFileBytes: number;
  readonly sizeBytes: number;
}

/** Column of a row that is asked for. */
export type RowField = "envelope" | "structure";

const TABLES = `
  CREATE TABLE folders (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, uidvalidity INTEGER NOT NULL,
    meta TEXT, numbers BLOB, paths TEXT);
  CREATE TABLE messages (folder INTEGER NOT NULL, uid INTEGER NOT NULL, size INTEGER NOT NULL,
    header INTEGER NOT NULL, envelope BLOB NOT NULL, structure BLOB NOT NULL, PRIMARY KEY (folder, uid)) WITHOUT ROWID;
  PRAGMA user_version = ${LAYOUT_VERSION};`;

/** An open index. Every method may throw an SQLite error; IndexPool.use deals with it. */
export class MailIndex {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /** Opens or makes the file. */
  constructor(path: string) {
    Deno.openSync(path, { write: true, create: true, mode: 0o600 }).close();
    this.#database = new DatabaseSync(path);
    try {
      this.#database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}; PRAGMA journal_mode = WAL;
        PRAGMA synchronous = NORMAL; PRAGMA cache_size = -4096;`);
      const version = this.#row("PRAGMA user_version")?.[0];
      if (version === 0) this.#database.exec(`BEGIN IMMEDIATE; ${TABLES} COMMIT;`);
      else if (version !== LAYOUT_VERSION) throw new LayoutError();
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  /** The number of a folder; rows of another UIDVALIDITY are removed. */
  folderId(name: string, uidValidity: number): number {
    const row = this.#row("SELECT id, uidvalidity FROM folders WHERE name = ?", name);
    if (row && row[1] === uidValidity) return Number(row[0]);
    return this.transaction(() => {
      if (row) {
        this.#run("DELETE FROM messages WHERE folder = ?", Number(row[0]));
        this.#run("UPDATE folders SET uidvalidity = ?, meta = NULL WHERE id = ?", uidValidity, Number(row[0]));
        return Number(row[0]);
      }
      this.#run("INSERT INTO folders (name, uidvalidity) VALUES (?, ?)", name, uidValidity);
      return Number(this.#row("SELECT last_insert_rowid()")![0]);
    });
  }

  /** The folder as it was saved; undefined when it was not. */
  savedFolder(name: string): SavedFolder | undefined {
    const row = this.#row("SELECT meta, numbers, paths FROM folders WHERE name = ?", name);
    if (!row || typeof row[0] !== "string" || !(row[1] instanceof Uint8Array) || typeof row[2] !== "string") {
      return undefined;
    }
    const meta = tryMeta(row[0]);
    if (!meta) return undefined;
    const paths = row[2] === "" ? [] : row[2].split("\n");
    const count = paths.length;
    if (row[1].length !== count * 24) return undefined;
    const bytes = row[1].slice().buffer;
    return {
      meta,
      dates: new Float64Array(bytes, 0, count),
      sizes: new Float64Array(bytes, count * 8, count),
      uids: new Uint32Array(bytes, count * 16, count),
      flags: new Uint32Array(bytes, count * 20, count),
      paths,
    };
  }

  /** Saves a folder and removes the rows of messages that are gone. */
  saveFolder(
    name: string,
    state: { readonly meta: FolderMeta; readonly columns: Columns; readonly flags: Uint32Array },
    goneUids: readonly number[],
  ): void {
    const { meta, columns, flags } = state;
    const count = columns.count;
    const numbers = new Uint8Array(count * 24);
    new Float64Array(numbers.buffer, 0, count).set(columns.dates.subarray(0, count));
    new Float64Array(numbers.buffer, count * 8, count).set(columns.sizes.subarray(0, count));
    new Uint32Array(numbers.buffer, count * 16, count).set(columns.uids.subarray(0, count));
    new Uint32Array(numbers.buffer, count * 20, count).set(flags.subarray(0, count));
    const id = this.folderId(name, meta.uidValidity);
    this.transaction(() => {
      this.#run(
        "UPDATE folders SET meta = ?, numbers = ?, paths = ? WHERE id = ?",
        JSON.stringify(meta),
        numbers,
        columns.paths.join("\n"),
        id,
      );
      for (const uid of goneUids) this.#run("DELETE FROM messages WHERE folder = ? AND uid = ?", id, uid);
    });
  }

  /** One column of the messages from `from` to `to`, [uid, bytes] by ascending UID. */
  *rows(folder: number, field: RowField, range: { from: number; to: number }): Generator<[number, Uint8Array]> {
    const statement = this.#statement(
      `SELECT uid, ${field} FROM messages WHERE folder = ? AND uid BETWEEN ? AND ? ORDER BY uid`,
    );
    for (const row of statement.iterate(folder, range.from, range.to)) {
      if (Array.isArray(row) && row[1] instanceof Uint8Array) yield [Number(row[0]), row[1]];
    }
  }

  /** One column of a message. */
  row(folder: number, field: RowField, uid: number): Uint8Array | undefined {
    const value = this.#row(`SELECT ${field} FROM messages WHERE folder = ? AND uid = ?`, folder, uid)?.[0];
    return value instanceof Uint8Array ? value : undefined;
  }

  /** Sizes (with CRLF line ends) of all messages of a folder that are known, [uid, bytes]. */
  *sizes(folder: number): Generator<[number, number]> {
    const statement = this.#statement("SELECT uid, size FROM messages WHERE folder = ? ORDER BY uid");
    for (const row of statement.iterate(folder)) {
      if (Array.isArray(row)) yield [Number(row[0]), Number(row[1])];
    }
  }

  /** Adds rows in one transaction. */
  addRows(folder: number, rows: readonly MessageRow[]): void {
    this.transaction(() => {
      const statement = this.#statement(
        "INSERT OR REPLACE INTO messages (folder, uid, size, header, envelope, structure) VALUES (?, ?, ?, ?, ?, ?)",
      );
      for (const row of rows) {
        statement.run(folder, row.uid, row.sizeBytes, row.headerFileBytes, row.envelope, row.bodyStructure);
      }
    });
  }

  /** Forgets a folder, and all below it where `below` is set. */
  removeFolder(name: string, options: { readonly below?: boolean } = {}): void {
    this.transaction(() => {
      for (const [id, other] of this.#folders()) {
        if (other !== name && !(options.below && other.startsWith(`${name}.`))) continue;
        this.#run("DELETE FROM messages WHERE folder = ?", id);
        this.#run("DELETE FROM folders WHERE id = ?", id);
      }
    });
  }

  /** Renames a folder and all below it. */
  renameFolder(from: string, to: string): void {
    this.transaction(() => {
      for (const [id, name] of this.#folders()) {
        if (name !== from && !name.startsWith(`${from}.`)) continue;
        this.#run("UPDATE folders SET name = ? WHERE id = ?", to + name.slice(from.length), id);
      }
    });
  }

  /** Runs `run` in a transaction. */
  transaction<T>(run: () => T): T {
    this.#database.exec("BEGIN IMMEDIATE");
    let result: T;
    try {
      result = run();
    } catch (error) {
      this.#database.exec("ROLLBACK");
      throw error;
    }
    this.#database.exec("COMMIT");
    return result;
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  #folders(): [number, string][] {
    const folders: [number, string][] = [];
    for (const row of this.#statement("SELECT id, name FROM folders").all()) {
      if (Array.isArray(row)) folders.push([Number(row[0]), String(row[1])]);
    }
    return folders;
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#database.prepare(sql);
      returnArrays(statement);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #run(sql: string, ...values: (string | number | Uint8Array)[]): void {
    this.#statement(sql).run(...values);
  }

  #row(sql: string, ...values: (string | number)[]): readonly unknown[] | undefined {
    const row: unknown = this.#statement(sql).get(...values);
    return Array.isArray(row) ? row : undefined;
  }
}

/** Rows as arrays: three times as fast as objects. The type declarations do not know the method yet. */
function returnArrays(statement: StatementSync): void {
  if ("setReturnArrays" in statement && typeof statement.setReturnArrays === "function") {
    statement.setReturnArrays(true);
  }
}

function tryMeta(text: string): FolderMeta | undefined {
  try {
    const meta: FolderMeta = JSON.parse(text);
    return Array.isArray(meta.keywords) && Number.isSafeInteger(meta.uidNext) ? meta : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The tables are of another version of ours. */
export class LayoutError extends Error {}
