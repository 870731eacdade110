/**
 * CREATE TABLE statements from schema_table.ts for both drivers. SQLite gets what MySQL has by itself: widths are checked
 * and the `timestamp` of a changed row moves (by a trigger).
 */
import type { Column, Table } from "./schema_table.ts";

/** The two drivers. */
export type DatabaseKind = "sqlite" | "mysql";

/** A name that may stand in a statement; table names come from settings. Throws RangeError for any other. */
export function sqlName(name: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name)) throw new RangeError(`${name} cannot be the name of a table`);
  return `\`${name}\``;
}

/** The statements that create a table and its indexes where they are missing; safe to repeat. */
export function createStatements(table: Table, kind: DatabaseKind): readonly string[] {
  return kind === "mysql"
    ? [mysqlTable(table)]
    : [sqliteTable(table), ...sqliteIndexes(table), ...sqliteTriggers(table)];
}

/** The statement that adds a column to a MySQL table that was made without it. */
export function addColumnStatement(table: string, column: Column): string {
  return `ALTER TABLE ${sqlName(table)} ADD COLUMN ${mysqlColumn(column)}`;
}

/** The statement that gives a table of users the index of domains, without a lock that others wait for on a MySQL server. */
export function domainIndexStatement(table: string, kind: DatabaseKind): string {
  const key = ["pw_domain", "pw_name"];
  if (kind === "sqlite") return sqliteIndex(table, key);
  return `ALTER TABLE ${sqlName(table)} ADD KEY (${keyColumns(key, kind)}), ALGORITHM=INPLACE, LOCK=NONE`;
}

const MYSQL_TYPES = {
  text: "TEXT",
  tinyint: "TINYINT",
  smallint: "SMALLINT",
  int: "INT",
  bigint: "BIGINT",
  unsigned: "BIGINT UNSIGNED",
} as const;

function mysqlColumn(column: Column): string {
  const name = sqlName(column.name);
  const rest = `${column.null ? "" : " NOT NULL"}${column.default === undefined ? "" : ` DEFAULT ${column.default}`}`;
  switch (column.type) {
    case "id":
      return `${name} BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY`;
    case "changed":
      return `${name} TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP`;
    case "made":
      return `${name} TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP`;
    case "char":
    case "varchar":
      return `${name} ${column.type.toUpperCase()}(${column.width})${rest}`;
    default:
      return `${name} ${MYSQL_TYPES[column.type]}${rest}`;
  }
}

function mysqlTable(table: Table): string {
  const parts = table.columns.map(mysqlColumn);
  if (table.primary) parts.push(`PRIMARY KEY (${keyColumns(table.primary, "mysql")})`);
  for (const key of table.unique ?? []) parts.push(`UNIQUE KEY (${keyColumns(key, "mysql")})`);
  for (const key of table.indexes ?? []) parts.push(`KEY (${keyColumns(key, "mysql")})`);
  return `CREATE TABLE IF NOT EXISTS ${sqlName(table.name)} (${parts.join(", ")})`;
}

/** Column names of a key; a prefix length `pw_gecos(25)` is MySQL's only. */
function keyColumns(key: readonly string[], kind: DatabaseKind): string {
  return key.map((column) => {
    const [name = "", length] = column.split("(");
    return sqlName(name) + (length !== undefined && kind === "mysql" ? `(${length}` : "");
  }).join(", ");
}

function sqliteColumn(column: Column): string {
  const name = sqlName(column.name);
  const rest = `${column.null ? "" : " NOT NULL"}${column.default === undefined ? "" : ` DEFAULT ${column.default}`}`;
  switch (column.type) {
    case "id":
      return `${name} INTEGER PRIMARY KEY AUTOINCREMENT`;
    case "changed":
    case "made":
      return `${name} TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP`;
    case "char":
    case "varchar":
      return `${name} TEXT${rest} CHECK (length(${name}) <= ${column.width})`;
    case "text":
      return `${name} TEXT${rest}`;
    default:
      return `${name} INTEGER${rest}`;
  }
}

function sqliteTable(table: Table): string {
  const parts = table.columns.map(sqliteColumn);
  if (table.primary) parts.push(`PRIMARY KEY (${keyColumns(table.primary, "sqlite")})`);
  for (const key of table.unique ?? []) parts.push(`UNIQUE (${keyColumns(key, "sqlite")})`);
  return `CREATE TABLE IF NOT EXISTS ${sqlName(table.name)} (${parts.join(", ")})`;
}

function sqliteIndexes(table: Table): string[] {
  return (table.indexes ?? []).map((key) => sqliteIndex(table.name, key));
}

function sqliteIndex(table: string, key: readonly string[]): string {
  const name = sqlName(`${table}_${key.map((column) => column.split("(")[0]).join("_")}`.slice(0, 64));
  return `CREATE INDEX IF NOT EXISTS ${name} ON ${sqlName(table)} (${keyColumns(key, "sqlite")})`;
}

function sqliteTriggers(table: Table): string[] {
  return table.columns.filter((column) => column.type === "changed").map((column) => {
    const [name, changed] = [sqlName(table.name), sqlName(column.name)];
    return `CREATE TRIGGER IF NOT EXISTS ${sqlName(`${table.name}_changed`.slice(0, 64))} AFTER UPDATE ON ${name} ` +
      `FOR EACH ROW WHEN NEW.${changed} = OLD.${changed} ` +
      `BEGIN UPDATE ${name} SET ${changed} = CURRENT_TIMESTAMP WHERE rowid = NEW.rowid; END`;
  });
}
