/**
 * The rows of an export: every table by its key in the order of bytes, which both drivers can give, in the form that both
 * can keep. Constant memory; the database sorts.
 */
import type { SqlValue, TableNames } from "../../storage/accounts/database.ts";
import type { Snapshot } from "../../storage/accounts/snapshot.ts";
import { type DatabaseKind, sqlName } from "../../storage/accounts/tables/schema_ddl.ts";
import { formatRow } from "./exchange_lines.ts";
import {
  dirControlTables,
  type DomainColumn,
  EXCHANGE_TABLES,
  type ExchangeTable,
  exchangeTable,
  isNumeric,
  isTime,
  keptByBoth,
  ownName,
} from "./exchange_tables.ts";

/** What is exported. */
export interface ExportedRows {
  readonly snapshot: Snapshot;
  readonly names: TableNames;
  /** Undefined: all, also rows of no domain. */
  readonly domains: readonly string[] | undefined;
  /** Hears of a column that is not carried. */
  readonly told: (text: string) => void;
}

/** The lines of all rows, some at a time. */
export async function* rowLines(exported: ExportedRows): AsyncGenerator<readonly string[]> {
  const { snapshot, names, domains } = exported;
  for (const name of [...EXCHANGE_TABLES, ...dirControlTables(snapshot.tables)]) {
    const table = exchangeTable(name);
    const own = ownName(name, names);
    if (!table || !snapshot.tables.has(own) || (domains && !table.domain)) continue;
    const there = await snapshot.columns(own);
    const known = new Set(table.columns.map((column) => column.name));
    const more = there.filter((column) => !known.has(column));
    if (more.length > 0) exported.told(`table ${own}: ${more.join(", ")}: none of our columns, not exported`);
    const { sql, values } = selection(table, { own, kind: snapshot.kind, there, domains });
    for await (const rows of snapshot.rows(sql, values)) {
      yield rows.map((row) => formatRow(name, keptByBoth(table, row)));
    }
  }
}

/** How a table is read. */
interface Selection {
  readonly own: string;
  readonly kind: DatabaseKind;
  readonly there: readonly string[];
  readonly domains: readonly string[] | undefined;
}

function selection(table: ExchangeTable, from: Selection): { readonly sql: string; readonly values: SqlValue[] } {
  const { own, kind, there, domains } = from;
  // a database of the original may lack a column that came later
  const columns = table.columns.map((column) => {
    if (there.includes(column.name)) return sqlName(column.name);
    const absent = column.default ?? (column.null ? "NULL" : isNumeric(column) ? 0 : "''");
    return `${isTime(column.type) ? "'1970-01-01 00:00:01'" : absent} AS ${sqlName(column.name)}`;
  });
  const values: SqlValue[] = [];
  const where = domains && table.domain ? ` WHERE ${isOfDomains(table.domain, domains, values)}` : "";
  const order = table.key.map((name) => byteOrder(table, name, kind)).join(", ");
  return { sql: `SELECT ${columns.join(", ")} FROM ${sqlName(own)}${where} ORDER BY ${order}`, values };
}

function isOfDomains({ name, holds }: DomainColumn, domains: readonly string[], values: SqlValue[]): string {
  const column = sqlName(name);
  const parts: string[] = [];
  if (holds !== "address") {
    parts.push(`${column} IN (${domains.map(() => "?").join(", ")})`);
    values.push(...domains);
  }
  if (holds !== "domain") {
    for (const domain of domains) {
      parts.push(`SUBSTR(${column}, ?) = ?`);
      values.push(-(domain.length + 1), `@${domain}`);
    }
  }
  return `(${parts.join(" OR ")})`;
}

/** SQLite orders texts by their bytes; MySQL by a collation, which depends on the server. */
function byteOrder(table: ExchangeTable, name: string, kind: DatabaseKind): string {
  const column = table.columns.find((one) => one.name === name);
  if (kind === "mysql" && column && !isNumeric(column)) {
    return `CAST(CONVERT(${sqlName(name)} USING utf8mb4) AS BINARY)`;
  }
  return name === "valias_line" ? "RTRIM(`valias_line`, ' ')" : sqlName(name);
}
