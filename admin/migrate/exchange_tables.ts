/**
 * Which tables an exchange of accounts carries, in what order, and how a row is known by its key and its domain. Columns
 * are schema_table.ts's. Left out: logs (vlog), grants of an hour (relay), the schema's own state (ischema).
 */
import type { Row, SqlValue, TableNames } from "../../storage/accounts/database.ts";
import { type Column, type Table, tableOf } from "../../storage/accounts/tables/schema_table.ts";

/** How a row says which domain it is of: a column with the domain, with `user@domain`, or with either. */
export type DomainColumn = {
  readonly name: string;
  readonly holds: "domain" | "address" | "either";
};

/** One table of an exchange. */
export interface ExchangeTable {
  /** The usual name, which stands in the file. */
  readonly name: string;
  readonly columns: readonly Column[];
  /** What tells a row from all others, in the order that rows are written. */
  readonly key: readonly string[];
  /** Undefined: the rows are the host's and no domain's. */
  readonly domain?: DomainColumn;
}

type Key = Pick<ExchangeTable, "key" | "domain">;

const KEYS: Readonly<Record<string, Key>> = {
  indimail: { key: ["pw_name", "pw_domain"], domain: { name: "pw_domain", holds: "domain" } },
  indibak: { key: ["pw_name", "pw_domain"], domain: { name: "pw_domain", holds: "domain" } },
  vlimits: { key: ["domain"], domain: { name: "domain", holds: "either" } },
  valias: { key: ["alias", "domain", "valias_line"], domain: { name: "domain", holds: "domain" } },
  vfilter: { key: ["emailid", "filter_no"], domain: { name: "emailid", holds: "address" } },
  userquota: { key: ["user", "domain"], domain: { name: "domain", holds: "domain" } },
  lastauth: { key: ["user", "domain", "service"], domain: { name: "domain", holds: "domain" } },
  atrn_map: { key: ["pw_name", "pw_domain", "domain_list"], domain: { name: "pw_domain", holds: "domain" } },
  ip_alias_map: { key: ["ipaddr"], domain: { name: "domain", holds: "domain" } },
  bulkmail: { key: ["emailid", "filename"], domain: { name: "emailid", holds: "address" } },
  fstab: { key: ["filesystem", "host"] },
};
const DIR_CONTROL: Key = { key: ["domain"], domain: { name: "domain", holds: "domain" } };
/** A table of directory states has the file system and letter range in its name. */
const DIR_CONTROL_NAME = /^dir_control[A-Za-z0-9_]{0,53}$/;

/** The names of the tables, in the order of the file; those of directory states come after them. */
export const EXCHANGE_TABLES: readonly string[] = Object.keys(KEYS);

/** The table with this name; undefined when an exchange has none such. */
export function exchangeTable(name: string): ExchangeTable | undefined {
  const key = Object.hasOwn(KEYS, name) ? KEYS[name] : DIR_CONTROL_NAME.test(name) ? DIR_CONTROL : undefined;
  const table: Table | undefined = tableOf(name);
  return key && table && { name, columns: table.columns, ...key };
}

/** Of all tables of a database those of directory states, in the order of the file. */
export function dirControlTables(tables: Iterable<string>): string[] {
  return [...tables].filter((name) => DIR_CONTROL_NAME.test(name)).sort();
}

/** The name that a table has in this installation's database. */
export function ownName(table: string, names: TableNames): string {
  return table === "indimail" ? names.users : table === "indibak" ? names.inactiveUsers : table;
}

/** Whether a column is one of numbers. */
export function isNumeric({ type }: Column): boolean {
  return type !== "char" && type !== "varchar" && type !== "text" && !isTime(type);
}

/** Whether a column of this type is a time, which is text `YYYY-MM-DD HH:MM:SS`. */
export function isTime(type: Column["type"]): boolean {
  return type === "changed" || type === "made";
}

/** The row as either driver gives it back: MySQL's CHAR has no spaces at its end. */
export function keptByBoth(table: ExchangeTable, row: Row): Row {
  let kept: Record<string, SqlValue> | undefined;
  for (const { name, type } of table.columns) {
    const value = row[name];
    if (type !== "char" || typeof value !== "string" || !value.endsWith(" ")) continue;
    kept ??= { ...row };
    kept[name] = value.replace(/ +$/, "");
  }
  return kept ?? row;
}
