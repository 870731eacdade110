/**
 * What the database has of a domain, in every table: found, removed and renamed as a whole [spec tables]. Users' homes are
 * in pw_dir and must be moved by the caller [man vrenamedomain.9].
 */
import type { Accounts } from "../accounts.ts";
import { numberOf, type Queryable, textOf } from "../database.ts";
import { dirControlTable } from "../tables/dir_control.ts";
import { sqlName } from "../tables/schema_ddl.ts";

/** Columns with the domain's name, of tables beside those of the users. */
const DOMAIN_COLUMNS = [
  ["valias", "domain"],
  ["userquota", "domain"],
  ["lastauth", "domain"],
  ["vlimits", "domain"],
  ["atrn_map", "pw_domain"],
  ["ip_alias_map", "domain"],
] as const;

/** Columns with `user@domain`. */
const ADDRESS_COLUMNS = [["vfilter", "emailid"], ["bulkmail", "emailid"], ["vlimits", "domain"]] as const;

/** Width of pw_dir [spec tables]. */
export const HOME_CHARACTERS_MAX = 156;
/** Width of valias_line [spec tables]. */
const ALIAS_LINE_MAX = 190;

/** Two texts joined; `||` means "or" to MySQL. */
function joined(kind: Queryable["kind"], left: string, right: string): string {
  return kind === "mysql" ? `CONCAT(${left}, ${right})` : `${left} || ${right}`;
}

/** Removes all rows of a domain in all tables, but for dir_control and (with `keepUsers`) the users. */
export async function removeDomainRows(
  { database, tables }: Accounts,
  domain: string,
  options: { readonly keepUsers?: boolean } = {},
): Promise<void> {
  const suffix = `@${domain}`;
  const users = options.keepUsers ? [] : [[tables.users, "pw_domain"], [tables.inactiveUsers, "pw_domain"]] as const;
  await database.transaction(async (on) => {
    for (const [table, column] of [...ADDRESS_COLUMNS, [tables.relay, "email"] as const]) {
      await on.run(`DELETE FROM ${sqlName(table)} WHERE SUBSTR(${column}, ?) = ?`, [-suffix.length, suffix]);
    }
    for (const [table, column] of [...DOMAIN_COLUMNS, ...users]) {
      await on.run(`DELETE FROM ${sqlName(table)} WHERE ${column} = ?`, [domain]);
    }
  });
}

/** A folder of homes that moves: both end in a slash. */
export interface MovedHomes {
  readonly from: string;
  readonly to: string;
}

/** A domain that gets another name. */
export interface RenamedDomain {
  readonly from: string;
  readonly to: string;
  readonly homes: readonly MovedHomes[];
  /** Suffixes of the dir_control tables that know the domain. */
  readonly trees: readonly string[];
}

/** Whether the longer name fits: undefined, or what does not. */
export async function tooLongFor({ database, tables }: Accounts, renamed: RenamedDomain): Promise<string | undefined> {
  const { from, to } = renamed;
  const more = to.length - from.length;
  for (const table of [tables.users, tables.inactiveUsers]) {
    const sql = `SELECT MAX(LENGTH(pw_dir)) AS longest FROM ${sqlName(table)} WHERE pw_domain = ?`;
    const [row] = await database.query(sql, [from]);
    if (row && numberOf(row, "longest") + more > HOME_CHARACTERS_MAX) {
      return `a home would be longer than ${HOME_CHARACTERS_MAX} characters`;
    }
  }
  const line = (await linesTo(database, from)).find((one) => one.line.length + more > ALIAS_LINE_MAX);
  return line && `the alias line ${line.line} would be longer than ${ALIAS_LINE_MAX} characters`;
}

/** Gives all rows of a domain another name, as one transaction; nothing when that was done before. */
export async function renameDomainRows({ database, tables }: Accounts, renamed: RenamedDomain): Promise<void> {
  const { from, to, homes, trees } = renamed;
  await database.transaction(async (on) => {
    const moved = `WHEN SUBSTR(pw_dir, 1, ?) = ? THEN ${joined(on.kind, "?", "SUBSTR(pw_dir, ?)")} `;
    const home = homes.length === 0 ? "pw_dir" : `CASE ${moved.repeat(homes.length)}ELSE pw_dir END`;
    const places = homes.flatMap((one) => [one.from.length, one.from, one.to, one.from.length + 1]);
    for (const table of [tables.users, tables.inactiveUsers].map(sqlName)) {
      const sql = `UPDATE ${table} SET pw_dir = ${home}, pw_domain = ? WHERE pw_domain = ?`;
      await on.run(sql, [...places, to, from]);
    }
    const columns = [...DOMAIN_COLUMNS, ...trees.map((tree) => [dirControlTable(tree), "domain"] as const)];
    for (const [table, column] of columns) {
      await on.run(`UPDATE ${sqlName(table)} SET ${column} = ? WHERE ${column} = ?`, [to, from]);
    }
    const suffix = `@${from}`;
    await on.run(`DELETE FROM ${sqlName(tables.relay)} WHERE SUBSTR(email, ?) = ?`, [-suffix.length, suffix]);
    for (const [table, column] of ADDRESS_COLUMNS) {
      const name = `SUBSTR(${column}, 1, LENGTH(${column}) - ?)`;
      await on.run(
        `UPDATE ${sqlName(table)} SET ${column} = ${joined(on.kind, name, "?")} WHERE SUBSTR(${column}, ?) = ?`,
        [suffix.length, `@${to}`, -suffix.length, suffix],
      );
    }
    await renameLinesTo(on, from, to);
  });
}

interface AliasLine {
  readonly alias: string;
  readonly domain: string;
  readonly line: string;
}

/** The alias lines of all domains that forward to an address of this one. */
async function linesTo(on: Pick<Queryable, "query">, domain: string): Promise<readonly AliasLine[]> {
  const suffix = `@${domain}`;
  const rows = await on.query("SELECT alias, domain, valias_line FROM valias WHERE SUBSTR(valias_line, ?) = ?", [
    -suffix.length,
    suffix,
  ]);
  return rows.map((row) => ({
    alias: textOf(row, "alias"),
    domain: textOf(row, "domain"),
    line: textOf(row, "valias_line"),
  })).filter(({ line }) => !/^[|/.]/.test(line));
}

/** Lines that forward to the old name forward to the new one; one that is there already stays the only one. */
async function renameLinesTo(on: Queryable, from: string, to: string): Promise<void> {
  const where = "WHERE alias = ? AND domain = ? AND valias_line = ?";
  for (const { alias, domain, line } of await linesTo(on, from)) {
    const renamed = line.slice(0, -from.length) + to;
    const there = await on.query(`SELECT alias FROM valias ${where}`, [alias, domain, renamed]);
    if (there.length > 0) await on.run(`DELETE FROM valias ${where}`, [alias, domain, line]);
    else await on.run(`UPDATE valias SET valias_line = ? ${where}`, [renamed, alias, domain, line]);
  }
}
