/**
 * Adopts an IndiMail: its control files, folders and tables are ours already, so this checks them, and adds what they lack.
 * Tables and columns are only ever added; the rest is told.
 */
import { pathExists } from "../../core/path_exists.ts";
import { readMailRoots } from "../../core/mail_roots.ts";
import { numberOf, textOf } from "../../storage/accounts/database.ts";
import { openMysqlSnapshot, type Snapshot } from "../../storage/accounts/snapshot.ts";
import { parseMysqlHost } from "../../storage/accounts/mysql_settings.ts";
import { readFallback } from "../../storage/accounts/virtual_domains.ts";
import { createTables, missingSteps, upgradeSchema } from "../../storage/accounts/tables/ischema.ts";
import { addColumnStatement, sqlName } from "../../storage/accounts/tables/schema_ddl.ts";
import { type Column, type Table, TABLES } from "../../storage/accounts/tables/schema_table.ts";
import type { AdoptContext, Found, Step } from "./adopt_types.ts";
import { ownName } from "./exchange_tables.ts";
import { HomeRoots } from "./home_roots.ts";

/** What is there and what is to be done; undefined when no control/host.mysql names a database. */
export async function lookAtIndimail(context: AdoptContext): Promise<Found | undefined> {
  const { command, env } = context;
  const line = env("MYSQL_HOST") || command.control.line("host.mysql");
  if (!line) return undefined;
  const settings = parseMysqlHost(line, env);
  const snapshot = await openMysqlSnapshot(settings);
  try {
    const facts = [`IndiMail: database ${settings.database} on ${settings.socketPath ?? settings.host}`];
    const steps: Step[] = [];
    for (const name of ["host.master", "host.cntrl"]) {
      if (command.control.line(name)) facts.push(`control/${name}: the cluster's tables are used as they are`);
    }
    await lookAtTables(context, snapshot, { facts, steps });
    await lookAtSchema(context, snapshot, steps);
    await lookAtHomes(context, snapshot, { facts, steps });
    await lookAtDomains(context, snapshot, facts);
    return { facts, bad: [], steps };
  } finally {
    await snapshot.close();
  }
}

/** Where findings go. */
interface Gathered {
  readonly facts: string[];
  readonly steps: Step[];
}

async function lookAtTables({ command }: AdoptContext, snapshot: Snapshot, { facts, steps }: Gathered): Promise<void> {
  const { database, tables: names } = command.accounts;
  const missing: string[] = [];
  for (const table of TABLES) {
    if (table.database === "central" || table.name === "dir_control") continue;
    const own = ownName(table.name, names);
    if (!snapshot.tables.has(own)) missing.push(own);
    else await lookAtColumns(snapshot, { ...table, name: own }, { facts, steps, add: (sql) => database.run(sql) });
  }
  if (missing.length === 0) return;
  steps.push({
    text: `make the tables ${missing.join(", ")}`,
    async run() {
      await createTables(database);
      return `${missing.length} tables made`;
    },
  });
}

async function lookAtColumns(
  snapshot: Snapshot,
  table: Table,
  { facts, steps, add }: Gathered & { readonly add: (sql: string) => Promise<unknown> },
): Promise<void> {
  const widths = new Map<string, number>();
  const sql = "SELECT LOWER(column_name) AS name, character_maximum_length AS width FROM information_schema.columns " +
    "WHERE table_schema = DATABASE() AND table_name = ?";
  for await (const rows of snapshot.rows(sql, [table.name])) {
    for (const row of rows) widths.set(textOf(row, "name"), numberOf(row, "width"));
  }
  const missing = table.columns.filter(({ name }) => !widths.has(name));
  // the schema's own steps add it, and write down that they have
  const added = missing.filter(({ name }) => name !== "scram");
  for (const column of added) {
    steps.push({
      text: `add column ${column.name} to table ${table.name}`,
      async run() {
        await add(addColumnStatement(table.name, column));
        return `column ${table.name}.${column.name} added`;
      },
    });
  }
  const narrow = ({ name, width = 0 }: Column) => widths.has(name) && width > 0 && (widths.get(name) ?? 0) < width;
  for (const column of table.columns.filter(narrow)) {
    if (column.name.startsWith("ip") || column.name === "remote_ip") continue; // widened by steps of the schema
    facts.push(
      `column ${table.name}.${column.name} has ${widths.get(column.name)} characters, ours has ${column.width}`,
    );
  }
  const known = new Set(table.columns.map(({ name }) => name));
  const more = [...widths.keys()].filter((name) => !known.has(name));
  if (more.length > 0) facts.push(`table ${table.name} also has ${more.join(", ")}, which stays and is not used`);
}

async function lookAtSchema({ command }: AdoptContext, snapshot: Snapshot, steps: Step[]): Promise<void> {
  const done = new Set<number>();
  if (snapshot.tables.has("ischema")) {
    for await (const rows of snapshot.rows("SELECT id FROM ischema")) {
      for (const row of rows) done.add(numberOf(row, "id"));
    }
  }
  const missing = missingSteps(done);
  if (missing.length === 0) return;
  steps.push({
    text: `apply the schema's steps ${missing.join(", ")}`,
    async run() {
      return `schema: ${(await upgradeSchema(command.accounts.database)).length} steps`;
    },
  });
}

async function lookAtHomes({ command }: AdoptContext, snapshot: Snapshot, { facts, steps }: Gathered): Promise<void> {
  const { tables: names } = command.accounts;
  const roots = new HomeRoots(command.paths);
  for (const [table, kind] of [[names.users, "active"], [names.inactiveUsers, "inactive"]] as const) {
    if (!snapshot.tables.has(table)) continue;
    let users = 0;
    for await (const rows of snapshot.rows(`SELECT pw_name, pw_domain, pw_dir FROM ${sqlName(table)}`)) {
      users += rows.length;
      for (const row of rows) roots.note(row);
    }
    facts.push(`${users} ${kind} users`);
  }
  for (const { directory } of await command.domains.list()) roots.add(directory.slice(0, directory.lastIndexOf("/")));
  const known = readMailRoots(command.paths);
  const folders = roots.folders.filter((root) => !known.some((one) => root === one || root.startsWith(`${one}/`)));
  if (folders.length === 0) return;
  steps.push({
    text: `let the server's roles into ${folders.join(", ")} (control/mailroots)`,
    async run() {
      const told: string[] = [];
      await roots.open(command, (text) => told.push(text));
      return ["control/mailroots", ...told].join("; ");
    },
  });
}

async function lookAtDomains({ command }: AdoptContext, snapshot: Snapshot, facts: string[]): Promise<void> {
  const domains = await command.domains.list();
  facts.push(`${domains.length} domains in users/assign`);
  for (const { domain, directory, aliasOf } of domains) {
    if (!pathExists(directory)) facts.push(`${domain}: its folder ${directory} is not there`);
    else if (aliasOf === undefined && readFallback(directory) === undefined) {
      facts.push(
        `${domain}: ${directory}/.qmail-default runs neither vdelivermail nor vfilter, so its users cannot log in`,
      );
    }
    const own = domain.replaceAll(".", "_");
    if (snapshot.tables.has(own)) facts.push(`${domain}: users in its own table ${own} (a large site) are not read`);
    if (!await command.domains.isComplete(domain)) {
      facts.push(`${domain}: not in rcpthosts, so no mail is accepted for it`);
    }
  }
}
