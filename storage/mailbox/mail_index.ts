/**
 * The index of one user's mail: an SQLite file beside the Maildir with the columns of each folder as last seen, and for
 * each message what is costly to find (envelope and structure as IMAP text, sizes), in blocks (row_block.ts). All of it can
 * be made again from the Maildir without changing a UID: a file that is broken is deleted. Blocks belong to a folder and its
 * UIDVALIDITY.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Columns } from "./columns.ts";
import {
  BlockBuilder,
  type BlockNumbers,
  blockOf,
  mergeRows,
  type MessageRow,
  rowsOfBlock,
  type StoredBlock,
  tryBlockNumbers,
} from "./row_block.ts";

/** Name of the file in the top Maildir. */
export const INDEX_FILE_NAME = "indimail-index.sqlite";
/** Another layout of the tables: an older file is deleted. */
const LAYOUT_VERSION = 2;
/** How long another process may hold the file before we go on without it, milliseconds: it blocks all sessions. */
const BUSY_TIMEOUT_MS = 250;
/** Pages of 4 KB in the log from which a commit writes them to the file: more than a folder of 20,000 messages fills at once. */
const CHECKPOINT_PAGES = 4096;

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

/** One column of the rows of a block. */
export interface BlockColumn {
  readonly uids: Uint32Array;
  readonly lengths: Uint32Array;
  /** The strings one behind the other. */
  readonly bytes: Uint8Array;
}

/** Column of rows that is asked for. */
export type RowField = "envelopes" | "structures";

const TABLES = `
  CREATE TABLE folders (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, uidvalidity INTEGER NOT NULL,
    meta TEXT, numbers BLOB, paths TEXT);
  CREATE TABLE blocks (folder INTEGER NOT NULL, block INTEGER NOT NULL, numbers BLOB NOT NULL,
    envelopes BLOB NOT NULL, structures BLOB NOT NULL, PRIMARY KEY (folder, block));
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
        PRAGMA synchronous = NORMAL; PRAGMA cache_size = -4096; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};`);
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
        this.#run("DELETE FROM blocks WHERE folder = ?", Number(row[0]));
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
      this.#removeRows(id, goneUids);
    });
  }

  /** One column of the blocks from `from` to `to`, in order. */
  *columns(folder: number, field: RowField, range: { from: number; to: number }): Generator<BlockColumn> {
    const statement = this.#statement(
      `SELECT numbers, ${field} FROM blocks WHERE folder = ? AND block BETWEEN ? AND ? ORDER BY block`,
    );
    for (const row of statement.iterate(folder, range.from, range.to)) {
      if (!Array.isArray(row) || !(row[0] instanceof Uint8Array) || !(row[1] instanceof Uint8Array)) continue;
      const numbers = tryBlockNumbers(row[0]);
      if (!numbers) continue;
      const lengths = field === "envelopes" ? numbers.envelopeLengths : numbers.structureLengths;
      yield { uids: numbers.uids, lengths, bytes: row[1] };
    }
  }

  /** Sizes (with CRLF line ends) of all messages of a folder that are known, by blocks. */
  *sizes(folder: number): Generator<BlockNumbers> {
    const statement = this.#statement("SELECT numbers FROM blocks WHERE folder = ? ORDER BY block");
    for (const row of statement.iterate(folder)) {
      const numbers = Array.isArray(row) && row[0] instanceof Uint8Array ? tryBlockNumbers(row[0]) : undefined;
      if (numbers) yield numbers;
    }
  }

  /** Adds the rows of blocks in one transaction; rows that are there for the same UIDs are replaced. */
  addBlocks(folder: number, blocks: readonly StoredBlock[]): void {
    this.transaction(() => {
      for (const block of blocks) {
        const old = this.#block(folder, block.block);
        if (old) this.#writeRows(folder, block.block, mergeRows(rowsOfBlock(old), rowsOfBlock(block)));
        else this.#writeBlock(folder, block);
      }
    });
  }

  /** Forgets a folder, and all below it where `below` is set. */
  removeFolder(name: string, options: { readonly below?: boolean } = {}): void {
    this.transaction(() => {
      for (const [id, other] of this.#folders()) {
        if (other !== name && !(options.below && other.startsWith(`${name}.`))) continue;
        this.#run("DELETE FROM blocks WHERE folder = ?", id);
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

  #removeRows(folder: number, uids: readonly number[]): void {
    const gone = new Set(uids);
    for (const number of new Set(uids.map(blockOf))) {
      const old = this.#block(folder, number);
      if (old) this.#writeRows(folder, number, rowsOfBlock(old).filter((row) => !gone.has(row.uid)));
    }
  }

  #block(folder: number, block: number): StoredBlock | undefined {
    const row = this.#row(
      "SELECT numbers, envelopes, structures FROM blocks WHERE folder = ? AND block = ?",
      folder,
      block,
    );
    if (!row) return undefined;
    const [numbers, envelopes, structures] = row;
    const whole = numbers instanceof Uint8Array && envelopes instanceof Uint8Array && structures instanceof Uint8Array;
    return whole ? { block, numbers, envelopes, structures } : undefined;
  }

  #writeRows(folder: number, block: number, rows: readonly MessageRow[]): void {
    if (rows.length === 0) return this.#run("DELETE FROM blocks WHERE folder = ? AND block = ?", folder, block);
    const builder = new BlockBuilder(block);
    for (const row of rows) builder.add(row.uid, row);
    this.#writeBlock(folder, builder.finish());
  }

  #writeBlock(folder: number, block: StoredBlock): void {
    this.#run(
      "INSERT OR REPLACE INTO blocks (folder, block, numbers, envelopes, structures) VALUES (?, ?, ?, ?, ?)",
      folder,
      block.block,
      block.numbers,
      block.envelopes,
      block.structures,
    );
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
