/**
 * What nssd serves now: settings, database, source; HUP puts others in their place while questions go on. The database is
 * that of nssd.conf: a MySQL server, an SQLite file, or the installation's own [man nssd.conf.5].
 */
import { errorText, Permanent, Temporary } from "../../core/errors.ts";
import { pathExists } from "../../core/path_exists.ts";
import type { GetEnv, Paths } from "../../core/paths.ts";
import type { Database } from "../../storage/accounts/database.ts";
import { openMysql } from "../../storage/accounts/mysql.ts";
import { parseMysqlHost } from "../../storage/accounts/mysql_settings.ts";
import { openDatabase } from "../../storage/accounts/open_database.ts";
import { openSqlite } from "../../storage/accounts/sqlite.ts";
import type { ControlFiles } from "../../storage/control/control.ts";
import { NameSource, type NameSourceParts } from "./name_source.ts";
import { NAME_QUERIES, type NameQuery } from "./protocol.ts";
import { type NssSettings, parseNssSettings } from "./settings.ts";

/** Where the daemon runs. */
export interface NssPlace {
  /** nssd.conf. */
  readonly file: string;
  readonly paths: Paths;
  readonly control: ControlFiles;
  readonly env: GetEnv;
  readonly log: NameSourceParts["log"];
}

/** Settings with what was opened by them. */
interface Serving {
  readonly settings: NssSettings;
  readonly database: Database;
  readonly source: NameSource;
}

/** Reads nssd.conf. Throws Permanent naming file and key. */
export function readNssSettings(file: string): NssSettings {
  try {
    return parseNssSettings(Deno.readTextFileSync(file));
  } catch (error) {
    if (error instanceof Permanent) throw new Permanent(`${file}: ${error.message}`);
    throw new Permanent(`cannot read ${file}: ${errorText(error)}`);
  }
}

/** Opens the database of the settings. Throws Permanent or Temporary. */
export async function openNssDatabase(settings: NssSettings, place: NssPlace): Promise<Database> {
  const { paths, control, env } = place;
  const { host, socket, database, timeoutMs } = settings;
  if (host === "" && socket === "") {
    if (database === "") return await openDatabase({ paths, control, env, timeoutMs });
    if (!database.startsWith("/")) throw new Permanent(`${place.file}: database ${database} needs host or socket`);
    if (!pathExists(database)) throw new Temporary(`${place.file}: there is no database ${database}`);
    return openSqlite(database);
  }
  if (database === "") throw new Permanent(`${place.file}: database is missing`);
  const own: Readonly<Record<string, string>> = {
    MYSQL_HOST: host || "localhost",
    MYSQL_USER: settings.username,
    MYSQL_PASSWD: settings.password,
    MYSQL_DATABASE: database,
    MYSQL_SOCKET: socket,
    MYSQL_VPORT: String(settings.port),
  };
  const mysql = parseMysqlHost("", (name) => own[name] ?? env(name));
  const limits = { connectTimeoutMs: Math.min(mysql.connectTimeoutMs, timeoutMs), queryTimeoutMs: timeoutMs };
  return await openMysql({ ...mysql, ...limits });
}

/** The source of the settings that hold. */
export class NssService {
  readonly #place: NssPlace;
  #serving: Serving;

  private constructor(place: NssPlace, serving: Serving) {
    this.#place = place;
    this.#serving = serving;
  }

  static async open(settings: NssSettings, place: NssPlace): Promise<NssService> {
    return new NssService(place, await open(settings, place));
  }

  /** The settings that hold. */
  get settings(): NssSettings {
    return this.#serving.settings;
  }

  /** As NameSource.has. */
  has(query: NameQuery): boolean {
    return this.#serving.source.has(query);
  }

  /** As NameSource.ask. */
  ask(query: NameQuery, key?: string): Promise<readonly (readonly string[])[]> {
    return this.#serving.source.ask(query, key);
  }

  /** Reads nssd.conf again. Throws Permanent or Temporary, and all stays as it was. */
  async reload(): Promise<void> {
    const next = await open(readNssSettings(this.#place.file), this.#place);
    const before = this.#serving;
    this.#serving = next;
    await before.source.idle();
    await before.database.close();
  }

  /** Closes the database. */
  async close(): Promise<void> {
    await this.#serving.database.close();
  }
}

async function open(settings: NssSettings, place: NssPlace): Promise<Serving> {
  const { control, env, log } = place;
  for (const warning of settings.warnings) log("warning", `${place.file}: ${warning}`);
  if (!NAME_QUERIES.some((query) => settings.statements.has(query))) {
    throw new Permanent(`${place.file}: no statement at all, such as getpwnam`);
  }
  const database = await openNssDatabase(settings, place);
  const defaultDomain = env("DEFAULT_DOMAIN") || control.line("envnoathost") || control.line("me") || "localhost";
  return { settings, database, source: new NameSource({ database, settings, defaultDomain, log }) };
}
