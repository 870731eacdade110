/**
 * Schema steps already applied: table ischema [spec tables, schema history]. A database of the original gets the missing
 * ones; a database of ours is made with all of them.
 */
import type { Database, TableNames } from "../database.ts";
import { numberOf } from "../database.ts";
import { Permanent, Temporary } from "../../../core/errors.ts";
import { createStatements, domainIndexStatement } from "./schema_ddl.ts";
import { TABLES } from "./schema_table.ts";

/** One step; a failing statement is taken as done before (its column is there). */
interface SchemaStep {
  readonly id: number;
  readonly comment: string;
  readonly sql?: string;
}

const STEPS: readonly SchemaStep[] = [
  { id: 1, comment: "table ischema" },
  { id: 2, comment: "scram in indimail", sql: "ALTER TABLE indimail ADD COLUMN scram CHAR(255)" },
  { id: 3, comment: "scram in indibak", sql: "ALTER TABLE indibak ADD COLUMN scram CHAR(255)" },
  { id: 4, comment: "no mailing_list in vfilter", sql: "ALTER TABLE vfilter DROP COLUMN mailing_list" },
  { id: 5, comment: "IPv6 in relay", sql: "ALTER TABLE relay MODIFY ipaddr CHAR(46) NOT NULL" },
  { id: 6, comment: "IPv6 in ip_alias_map", sql: "ALTER TABLE ip_alias_map MODIFY ipaddr CHAR(46) NOT NULL" },
  { id: 7, comment: "IPv6 in lastauth", sql: "ALTER TABLE lastauth MODIFY remote_ip CHAR(46) NOT NULL" },
  { id: 8, comment: "IPv6 in host_table", sql: "ALTER TABLE host_table MODIFY ipaddr CHAR(46) NOT NULL" },
];

/** Creates every local table that is missing; the names of all. */
export async function createTables(database: Database): Promise<readonly string[]> {
  const tables = TABLES.filter((table) => table.database !== "central" && table.name !== "dir_control");
  for (const table of tables) {
    for (const sql of createStatements(table, database.kind)) await database.run(sql);
  }
  await upgradeSchema(database);
  return tables.map((table) => table.name);
}

/**
 * Adds the index that finds the users of one domain to tables of users that were made without it; their names. Readers and
 * writers of a MySQL server go on meanwhile; the embedded database's writers wait. Throws Temporary when it takes longer
 * than the database is waited for.
 */
export async function addDomainIndexes(database: Database, names: TableNames): Promise<readonly string[]> {
  const added: string[] = [];
  for (const name of [names.users, names.inactiveUsers]) {
    if (await hasDomainIndex(database, name)) continue;
    try {
      await database.run(domainIndexStatement(name, database.kind));
    } catch (error) {
      if (!(error instanceof Temporary)) throw error;
      const remedy = "run install_tables with MYSQL_OPT_READ_TIMEOUT=3600 to give it an hour";
      throw new Temporary(`table ${name} gets no index of domains: ${error.message}: ${remedy}`);
    }
    added.push(name);
  }
  return added;
}

async function hasDomainIndex(database: Database, table: string): Promise<boolean> {
  const sql = database.kind === "mysql"
    ? "SELECT 1 AS found FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = ? " +
      "AND seq_in_index = 1 AND column_name = 'pw_domain' LIMIT 1"
    : "SELECT 1 AS found FROM sqlite_master JOIN pragma_index_info(sqlite_master.name) AS part " +
      "WHERE type = 'index' AND tbl_name = ? AND part.seqno = 0 AND part.name = 'pw_domain' LIMIT 1";
  return (await database.query(sql, [table])).length > 0;
}

/** Creates every table of the central database that is missing; the names of all. */
export async function createCentralTables(database: Database): Promise<readonly string[]> {
  const tables = TABLES.filter((table) => table.database !== "local");
  for (const table of tables) {
    for (const sql of createStatements(table, database.kind)) await database.run(sql);
  }
  return tables.map((table) => table.name);
}

/** The steps that a database lacks which has recorded those: the number of each with what it does. */
export function missingSteps(done: ReadonlySet<number>): readonly string[] {
  return STEPS.filter((step) => !done.has(step.id)).map((step) => `${step.id} ${step.comment}`);
}

/** Applies the steps that are not recorded yet and records them; the ids of those. */
export async function upgradeSchema(database: Database): Promise<readonly number[]> {
  const done = new Set((await database.query("SELECT id FROM ischema")).map((row) => numberOf(row, "id")));
  const missing = STEPS.filter((step) => !done.has(step.id));
  for (const step of missing) {
    if (step.sql !== undefined && database.kind === "mysql") await applied(database, step.sql);
    await database.run("INSERT INTO ischema (id, comment) VALUES (?, ?)", [step.id, step.comment]);
  }
  return missing.map((step) => step.id);
}

/** Runs an ALTER TABLE; the column being there (or gone) already, or the table missing, is as good as done. */
async function applied(database: Database, sql: string): Promise<void> {
  try {
    await database.run(sql);
  } catch (error) {
    const message = (error as Error).message;
    const asGood = /Duplicate column|check that (?:it|column\/key) exists|doesn't exist|Can't DROP/.test(message);
    if (!asGood) throw new Permanent(`cannot upgrade the database: ${message}`);
  }
}

/** The id of the last step that was applied; 0 when none is recorded. */
export async function schemaId(database: Database): Promise<number> {
  const [row] = await database.query("SELECT COALESCE(MAX(id), 0) AS id FROM ischema");
  return row ? numberOf(row, "id") : 0;
}

/** A line of a site's indimail.schema [man ischema.9]. */
export interface SchemaLine {
  readonly id: number;
  readonly kind: "sql" | "cmd";
  readonly ignoreErrors: boolean;
  readonly comment: string;
  readonly statement: string;
}

/** The lines in the order of their ids; comments and empty ones are none. Throws Permanent naming file and line. */
export function parseSchemaFile(text: string, path: string): readonly SchemaLine[] {
  const steps: SchemaLine[] = [];
  text.split("\n").forEach((line, at) => {
    if (line.trim() === "" || line.startsWith("#")) return;
    const match = /^(\d{1,9}):(sql|cmd):(YES|NO):([^:]*):(.+)$/i.exec(line);
    if (!match) throw new Permanent(`${path} line ${at + 1}: not ID:sql or cmd:YES or NO:comment:statement`);
    const [, id = "", kind = "", ignore = "", comment = "", statement = ""] = match;
    steps.push({
      id: Number(id),
      kind: kind.toLowerCase() === "sql" ? "sql" : "cmd",
      ignoreErrors: ignore.toUpperCase() === "YES",
      comment,
      statement,
    });
  });
  return steps.sort((a, b) => a.id - b.id);
}
