/**
 * Puts rows into the database, many in a transaction: what is missing is added, what is there and the same counts as done,
 * so that a run that was killed goes on when it is repeated; what differs is told of, replaced, or kept, as asked.
 */
import { Permanent, Temporary } from "../../core/errors.ts";
import type { Database, Queryable, Row, SqlValue, TableNames } from "../../storage/accounts/database.ts";
import { insertRows, runsOf } from "../../storage/accounts/tables/insert_rows.ts";
import { type DatabaseKind, sqlName } from "../../storage/accounts/tables/schema_ddl.ts";
import { type ExchangeTable, exchangeTable, keptByBoth, ownName } from "./exchange_tables.ts";

/** Rows of a transaction. */
export const BATCH_ROWS = 1024;

/** SQLite's integers have 64 bits with a sign. */
const SQLITE_INTEGER_MAX = 9223372036854775807n;

/** How rows meet those that are there. */
export interface ImportRules {
  /** What becomes of a row that is there and differs: told of and left, replaced, or left without a word. */
  readonly differing: "refuse" | "replace" | "keep";
  /** Only look. */
  readonly dryRun: boolean;
}

/** What became of rows. */
export interface RowCounts {
  added: number;
  same: number;
  replaced: number;
  /** There, differing, and left as they were. */
  left: number;
  /** That the database does not take. */
  refused: number;
}

/** A row and what a message calls its place. */
interface PlacedRow {
  readonly row: Row;
  readonly place: string;
}

/** What RowImporter works with. */
export interface ImportContext {
  readonly database: Database;
  readonly names: TableNames;
  readonly rules: ImportRules;
  /** Hears of rows that differ or are refused. */
  readonly told: (place: string, text: string) => void;
}

/** What is to be done with the rows of a batch. */
interface Plan {
  readonly added: readonly PlacedRow[];
  readonly replaced: readonly PlacedRow[];
  readonly same: number;
  readonly left: readonly { readonly place: string; readonly text: string }[];
}

/** Takes rows one by one; `flush` when no more come. */
export class RowImporter {
  readonly counts: RowCounts = { added: 0, same: 0, replaced: 0, left: 0, refused: 0 };
  readonly #context: ImportContext;
  #table: ExchangeTable | undefined;
  #rows: PlacedRow[] = [];

  constructor(context: ImportContext) {
    this.#context = context;
  }

  /** Takes a row; undefined unless a batch is full: then a promise that must be awaited. */
  add(table: ExchangeTable, row: Row, place: string): Promise<void> | undefined {
    const tooGreat = this.#context.database.kind === "sqlite" ? beyondSqlite(table, row) : undefined;
    if (tooGreat !== undefined) {
      this.counts.refused++;
      this.#context.told(place, `${describe(table, row)}: ${tooGreat} is greater than SQLite can keep`);
      return undefined;
    }
    const full = this.#rows.length >= BATCH_ROWS || (this.#table !== undefined && this.#table.name !== table.name);
    const before = full ? this.#taken() : undefined;
    this.#table = table;
    this.#rows.push({ row: keptByBoth(table, row), place });
    return before && this.#write(before.table, before.rows);
  }

  /** Writes the rows that wait. */
  async flush(): Promise<void> {
    const { table, rows } = this.#taken() ?? {};
    if (table && rows) await this.#write(table, rows);
  }

  #taken(): { readonly table: ExchangeTable; readonly rows: readonly PlacedRow[] } | undefined {
    if (!this.#table || this.#rows.length === 0) return undefined;
    const taken = { table: this.#table, rows: this.#rows };
    this.#rows = [];
    return taken;
  }

  async #write(table: ExchangeTable, rows: readonly PlacedRow[]): Promise<void> {
    try {
      this.#count(await this.#apply(table, rows));
    } catch (error) {
      const refusal = asRefusal(error);
      if (!refusal) throw error;
      const [only] = rows;
      if (rows.length > 1) {
        for (const row of rows) await this.#write(table, [row]);
      } else if (only) {
        this.counts.refused++;
        this.#context.told(only.place, `${describe(table, only.row)}: ${refusal}`);
      }
    }
  }

  async #apply(table: ExchangeTable, rows: readonly PlacedRow[]): Promise<Plan> {
    const { database, rules } = this.#context;
    if (rules.dryRun) return await this.#plan(database, table, rows);
    return await database.transaction(async (on) => {
      const plan = await this.#plan(on, table, rows);
      const own = ownName(table.name, this.#context.names);
      const columns = table.columns.map(({ name }) => sqlName(name)).join(", ");
      const valuesOf = ({ row }: PlacedRow) => table.columns.map(({ name }) => row[name] ?? null);
      const verb = rules.differing === "replace" ? "REPLACE" : "INSERT";
      await insertRows(on, { verb, table: sqlName(own), columns }, plan.added.map(valuesOf));
      const other = this.#otherTable(table);
      for (const { row } of other ? plan.replaced : []) {
        const sql = `DELETE FROM ${
          sqlName(ownName(other!.name, this.#context.names))
        } WHERE pw_name = ? AND pw_domain = ?`;
        await on.run(sql, [row["pw_name"] ?? null, row["pw_domain"] ?? null]);
      }
      await insertRows(on, { verb: "REPLACE", table: sqlName(own), columns }, plan.replaced.map(valuesOf));
      return plan;
    });
  }

  /** A user is in one of two tables. */
  #otherTable({ name }: ExchangeTable): ExchangeTable | undefined {
    return name === "indimail" ? exchangeTable("indibak") : name === "indibak" ? exchangeTable("indimail") : undefined;
  }

  async #plan(on: Queryable, table: ExchangeTable, rows: readonly PlacedRow[]): Promise<Plan> {
    const { names, rules } = this.#context;
    const there = await existingRows(on, { table, own: ownName(table.name, names) }, rows);
    const other = this.#otherTable(table);
    const elsewhere = other && await existingRows(on, { table: other, own: ownName(other.name, names) }, rows);
    const [added, replaced, left]: [PlacedRow[], PlacedRow[], { place: string; text: string }[]] = [[], [], []];
    let same = 0;
    for (const placed of rows) {
      const key = keyOf(table, placed.row);
      const before = there.get(key);
      const differing = before
        ? differingColumns(table, before, placed.row)
        : elsewhere?.has(key)
        ? [`it is ${table.name === "indimail" ? "inactive" : "active"} here`]
        : undefined;
      if (!differing) added.push(placed);
      else if (differing.length === 0) same++;
      else if (rules.differing === "replace") replaced.push(placed);
      else left.push({ place: placed.place, text: `${describe(table, placed.row)} differs: ${differing.join(", ")}` });
    }
    return { added, replaced, same, left };
  }

  #count({ added, replaced, same, left }: Plan): void {
    this.counts.added += added.length;
    this.counts.replaced += replaced.length;
    this.counts.same += same;
    this.counts.left += left.length;
    if (this.#context.rules.differing === "keep") return;
    for (const { place, text } of left) this.#context.told(place, text);
  }
}

function keyOf({ key }: ExchangeTable, row: Row): string {
  return JSON.stringify(key.map((name) => row[name]));
}

/** The column with a number that SQLite would round. */
function beyondSqlite({ columns }: ExchangeTable, row: Row): string | undefined {
  return columns.find(({ name, type }) => {
    const value = type === "unsigned" ? row[name] : undefined;
    return typeof value === "string" && BigInt(value) > SQLITE_INTEGER_MAX;
  })?.name;
}

/** The row in words: table and key, which are no secrets. */
function describe(table: ExchangeTable, row: Row): string {
  return `${table.name} ${table.key.map((name) => JSON.stringify(row[name])).join(" ")}`;
}

function differingColumns(table: ExchangeTable, before: Row, after: Row): string[] {
  return table.columns.map(({ name }) => name).filter((name) => !isSame(before[name], after[name]));
}

/** Numbers beyond the exact range are texts of digits. */
function isSame(one: SqlValue | undefined, other: SqlValue | undefined): boolean {
  return one === other || (one !== null && other !== null && String(one) === String(other));
}

/** The rows that are there with the keys of these. */
async function existingRows(
  on: Queryable,
  from: { readonly table: ExchangeTable; readonly own: string },
  rows: readonly PlacedRow[],
): Promise<Map<string, Row>> {
  const { table, own } = from;
  const found = new Map<string, Row>();
  const select = `SELECT ${table.columns.map((column) => exactColumn(column, on.kind)).join(", ")} FROM ${
    sqlName(own)
  }`;
  const columns = table.key.map(sqlName);
  const keys = rows.map(({ row }) => table.key.map((name) => row[name] ?? null));
  const whole = keys.filter((key) => !key.includes(null));
  for (const run of runsOf(whole)) {
    const sql = `${select} WHERE ${isOneOf(columns, run.length, on.kind)}`;
    for (const row of await on.query(sql, run.flat())) found.set(keyOf(table, row), row);
  }
  const equal = on.kind === "mysql" ? "<=>" : "IS";
  for (const key of keys.filter((key) => key.includes(null))) {
    const sql = `${select} WHERE ${columns.map((column) => `${column} ${equal} ?`).join(" AND ")}`;
    for (const row of await on.query(sql, key)) found.set(keyOf(table, row), row);
  }
  return found;
}

/** The embedded driver gives no integers beyond the exact range. */
function exactColumn({ name, type }: ExchangeTable["columns"][number], kind: DatabaseKind): string {
  const wide = kind === "sqlite" && (type === "bigint" || type === "unsigned");
  return wide ? `CAST(${sqlName(name)} AS TEXT) AS ${sqlName(name)}` : sqlName(name);
}

function isOneOf(columns: readonly string[], count: number, kind: DatabaseKind): string {
  const [first] = columns;
  if (columns.length === 1) return `${first} IN (${Array(count).fill("?").join(", ")})`;
  const marks = Array(count).fill(`(${columns.map(() => "?").join(", ")})`).join(", ");
  return `(${columns.join(", ")}) IN (${kind === "mysql" ? marks : `VALUES ${marks}`})`;
}

/** What the database said of a row that it will never take, without the value; undefined for anything else. */
function asRefusal(error: unknown): string | undefined {
  if (error instanceof Permanent) return error.message;
  // a character that the server's own character set has not, an impossible date: values, although not told as such
  const said = error instanceof Temporary ? error.message : "";
  const [, kind, column] = /Incorrect (string|datetime|integer) value[^]* for column (\S+)/.exec(said) ?? [];
  return kind === undefined ? undefined : `column ${column} of this database cannot hold its ${kind} value`;
}
