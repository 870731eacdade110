/**
 * Which database the accounts are in: the embedded one, unless control/host.mysql (or MYSQL_HOST) names a MySQL server
 * [spec formats 22]. The central database of a cluster has its own control files and is opened elsewhere.
 */
import { pathExists } from "../../core/path_exists.ts";
import { Temporary } from "../../core/errors.ts";
import type { GetEnv, Paths } from "../../core/paths.ts";
import type { ControlFiles } from "../control/control.ts";
import type { Database, TableNames } from "./database.ts";
import { USUAL_TABLES } from "./database.ts";
import { openMysql } from "./mysql.ts";
import { type MysqlSettings, parseMysqlHost } from "./mysql_settings.ts";
import { openSqlite } from "./sqlite.ts";

/** What decides about the database. */
export interface DatabaseChoice {
  readonly paths: Paths;
  readonly control: ControlFiles;
  readonly env: GetEnv;
  /** Create database and file where missing (install_tables, the first vadddomain). */
  readonly create?: boolean;
  /** Longest wait for a connection and for an answer of a MySQL server, milliseconds; for daemons that must not wait long. */
  readonly timeoutMs?: number;
}

/**
 * Opens the local database. Without `create` a missing embedded database is an error: the path is wrong or nothing is
 * installed. Throws Temporary.
 */
export async function openDatabase(choice: DatabaseChoice): Promise<Database> {
  const tables = tableNames(choice.env);
  const settings = mysqlSettings(choice);
  if (settings) {
    return await openMysql(settings, {
      tables,
      createDatabase: choice.create ?? false,
      reread() {
        choice.control.reread();
        return mysqlSettings(choice) ?? settings;
      },
    });
  }
  const { database, lib } = choice.paths;
  if (choice.create) Deno.mkdirSync(lib, { recursive: true });
  else if (!pathExists(database)) {
    throw new Temporary(`there is no database ${database}: run install_tables (or check INDIMAIL_ROOT)`);
  }
  return openSqlite(database, { tables });
}

/** How to reach the MySQL server as the control file has it now; undefined where none is named. */
function mysqlSettings({ control, env, timeoutMs = Infinity }: DatabaseChoice): MysqlSettings | undefined {
  const line = env("MYSQL_HOST") || control.line("host.mysql");
  if (!line) return undefined;
  const settings = parseMysqlHost(line, env);
  return {
    ...settings,
    connectTimeoutMs: Math.min(settings.connectTimeoutMs, timeoutMs),
    queryTimeoutMs: Math.min(settings.queryTimeoutMs, timeoutMs),
  };
}

/** Names of tables from the environment [man indimail.7]. */
export function tableNames(env: GetEnv): TableNames {
  return {
    users: env("MYSQL_TABLE") || USUAL_TABLES.users,
    inactiveUsers: env("MYSQL_INACTIVE_TABLE") || USUAL_TABLES.inactiveUsers,
    relay: env("RELAY_TABLE") || USUAL_TABLES.relay,
  };
}
