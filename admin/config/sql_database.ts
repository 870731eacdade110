/**
 * sql-database: puts a control file of assignments into a MySQL table, for ctrlenv, which asks this program for values.
 */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { latin1Text, utf8Bytes } from "../../core/bytes.ts";
import { errorText, Permanent, Temporary, Usage } from "../../core/errors.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import { type Database, DuplicateRow, MissingTable, textOf } from "../../storage/accounts/database.ts";
import { openMysql } from "../../storage/accounts/mysql.ts";
import { parseMysqlHost } from "../../storage/accounts/mysql_settings.ts";
import { sqlName } from "../../storage/accounts/tables/schema_ddl.ts";

/** What FILE.sql says: `server:user:password:database:table`. */
interface SqlPlace {
  readonly server: string;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly table: string;
}

/** Largest assignment file, bytes. */
const FILE_BYTES_MAX = 64 * 1024 * 1024;
const SQL_FILE_MODE = 0o640;
/** Variables of the environment that count here too; where the server is, the .sql file says. */
const CONNECTION_VARIABLES = /^MYSQL_OPT_/;

function readText(path: string): string {
  try {
    if (Deno.statSync(path).size > FILE_BYTES_MAX) throw new Temporary(`it is larger than ${FILE_BYTES_MAX} bytes`);
    return latin1Text(Deno.readFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new Permanent(`there is no ${path}`);
    throw new Temporary(`unable to read ${path}: ${errorText(error)}`);
  }
}

function readPlace(path: string): SqlPlace {
  const fields = readText(path).split("\n", 1)[0]!.split(":");
  const [server = "", user = "", password = "", database = "", table = ""] = fields;
  if (fields.length !== 5 || server === "" || database === "" || table === "") {
    throw new Permanent(`${path} must be a line server:user:password:database:table`);
  }
  return { server, user, password, database, table };
}

/** The assignments of a file: address and value. A line that is a single dot ends it, # begins a comment. */
export function parseAssignments(text: string): (readonly [address: string, value: string])[] {
  const assignments: (readonly [string, string])[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith(".")) break;
    const [, address, value] = /^[=+]([^:]*):(.*?):?$/.exec(line.replace(/#.*/, "").trim()) ?? [];
    if (address !== undefined && value !== undefined) assignments.push([address, value]);
  }
  return assignments;
}

async function withDatabase<T>(proc: Proc, place: SqlPlace, work: (database: Database) => Promise<T>): Promise<T> {
  const all = proc.env.all();
  const isSocket = place.server.startsWith("/");
  const line = [isSocket ? "" : place.server, place.user, place.password, isSocket ? place.server : ""].join(":");
  const settings = parseMysqlHost(line, (name) => CONNECTION_VARIABLES.test(name) ? all[name] : undefined);
  const database = await openMysql({ ...settings, database: place.database });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

async function createTable(database: Database, table: string): Promise<void> {
  await database.run(
    `CREATE TABLE IF NOT EXISTS ${table} (addr CHAR(64) NOT NULL, value CHAR(128) NOT NULL, ` +
      "timestamp TIMESTAMP DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP NOT NULL, " +
      "PRIMARY KEY (addr), INDEX timestamp (timestamp))",
  );
}

/** Puts all assignments in; the count of rows that changed. One that is there already is reported, unless replaced. */
async function load(proc: Proc, job: { place: SqlPlace; text: string; replace: boolean }): Promise<number> {
  const table = sqlName(job.place.table);
  return await withDatabase(proc, job.place, async (database) => {
    await createTable(database, table);
    let rows = 0;
    for (const [address, value] of parseAssignments(job.text)) {
      try {
        const verb = job.replace ? "REPLACE" : "INSERT";
        rows += await database.run(`${verb} INTO ${table} (addr, value) VALUES (?, ?)`, [address, value]);
      } catch (error) {
        if (!(error instanceof DuplicateRow)) throw error;
        proc.log.line(`warning: ${address} is in the table already: -r replaces it`);
      }
    }
    return rows;
  });
}

async function find(proc: Proc, place: SqlPlace, address: string): Promise<string | undefined> {
  return await withDatabase(proc, place, async (database) => {
    try {
      const [row] = await database.query(`SELECT value FROM ${sqlName(place.table)} WHERE addr = ?`, [address]);
      return row ? textOf(row, "value") : undefined;
    } catch (error) {
      if (error instanceof MissingTable) return undefined;
      throw error;
    }
  });
}

export const applet = defineApplet({
  names: ["sql-database"],
  section: 8,
  summary: "put a control file of assignments into a MySQL table",
  role: "admin",
  dialect: "qmail",
  options: {
    skip: { flag: "S", help: "write the .sql file only, no table" },
    replace: { flag: "r", help: "replace what is in the table under the same address" },
    server: { flag: "s", value: "server", help: "MySQL server, a host or the path of a socket" },
    user: { flag: "u", value: "user", help: "user of the database" },
    password: { flag: "p", value: "password", help: "password of the user" },
    database: { flag: "d", value: "database", help: "name of the database" },
    table: { flag: "t", value: "table", help: "name of the table" },
    find: { long: "find", value: "address", help: "print the value of an address; the filename ends in .sql then" },
  },
  operands: [{ name: "filename", help: "a control file" }],
  description:
    `With -s, -u, -p, -d and -t sql-database writes the control file FILENAME.sql, which says where the table is.
It then makes the table, where it is missing, and puts in the assignments of the control file, lines =address:value: as
cdb-database reads them, one row for each address.`,
  exits: {
    "100": "FILENAME.sql is missing or wrong; with --find: there is no such address",
    "111": "the server is in trouble",
  },
  files: { "control/filename": "the assignments", "control/filename.sql": "where the table is" },
  examples: [{
    command: "sql-database -s localhost -u indimail -p x -d indimail -t keys keys",
    help: "for ctrlenv -f keys.sql",
  }],
  seeAlso: ["ctrlenv(8)", "cdb-database(8)"],
  source: ["[man sql-database.9]"],
  async run(proc) {
    const { server, user, password, database, table, skip, replace, find: address } = proc.options;
    const name = proc.args[0] ?? "";
    const path = name.startsWith("/") ? name : `${proc.paths.control}/${name}`;
    if (address !== undefined) {
      const value = await find(proc, readPlace(path), address);
      if (value === undefined) return EXIT_DIALECTS.qmail.permanent;
      await proc.stdout.write(utf8Bytes(value));
      return EXIT_DIALECTS.qmail.ok;
    }
    const given = [server, user, password, database, table];
    const whole = given.every((each) => each !== undefined);
    if (!whole && given.some((each) => each !== undefined)) {
      throw new Usage("-s, -u, -p, -d and -t must be given together");
    }
    if (given.some((each) => /[:\n]/.test(each ?? ""))) throw new Usage("a colon cannot be part of these");
    if (table !== undefined && !/^[A-Za-z_]\w{0,63}$/.test(table)) throw new Usage(`${table} cannot be a table's name`);
    const text = readText(path);
    if (whole) {
      await Deno.writeTextFile(`${path}.sql`, `${given.join(":")}\n`, { mode: SQL_FILE_MODE });
      await proc.stdout.write(utf8Bytes(`created file ${name}.sql\n`));
    }
    const place = readPlace(`${path}.sql`);
    if (!skip) await proc.stdout.write(utf8Bytes(`${await load(proc, { place, text, replace })} rows affected\n`));
    return EXIT_DIALECTS.qmail.ok;
  },
});
