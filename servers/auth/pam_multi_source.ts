/**
 * Where pam-multi gets the password hash or the expiry times of a user [man pam-multi.8]: a statement (-m), a command (-c),
 * or our own accounts (-s iauth). Names go into statements as bound values, and into commands only when a shell can read
 * nothing else into them.
 */
import type { ChildProcess, SpawnOptions } from "../../core/applet.ts";
import { errorText, Permanent, Temporary } from "../../core/errors.ts";
import { pathExists } from "../../core/path_exists.ts";
import type { GetEnv, Paths } from "../../core/paths.ts";
import type { Database } from "../../storage/accounts/database.ts";
import { openMysql } from "../../storage/accounts/mysql.ts";
import { parseMysqlHost } from "../../storage/accounts/mysql_settings.ts";
import { openDatabase } from "../../storage/accounts/open_database.ts";
import { openSqlite } from "../../storage/accounts/sqlite.ts";
import { boundValues, parseSqlTemplate, type SqlPlaces } from "../../storage/accounts/tables/sql_template.ts";
import { ControlFiles } from "../../storage/control/control.ts";

/** A user's name in its parts. */
export interface UserParts {
  readonly user: string;
  readonly domain: string;
}

/** How a database is reached; nothing given: the installation's own. */
export interface DatabaseOptions {
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** Name on the server; or, without host, the path of an SQLite file. */
  readonly database: string | undefined;
  /** Host, or the path of a Unix socket. */
  readonly host: string | undefined;
  readonly port: string | undefined;
}

/** Where the program runs. */
export interface SourcePlace {
  readonly paths: Paths;
  readonly env: GetEnv;
  readonly spawn: (options: SpawnOptions) => Promise<ChildProcess>;
}

/** Longest output of a command that is read. */
const OUTPUT_BYTES_MAX = 4096;
/** How long a statement may take. */
const STATEMENT_TIMEOUT_MS = 10_000;

/** `%u` and `%U` are the user, `%d` and `%D` the domain. */
const PLACES: SqlPlaces = {
  pattern: /%(?:([uUdD])|%)/g,
  nameOf: ([, letter]) => letter?.toLowerCase(),
};

/** The parts of a name at its last `@`. */
export function partsOf(name: string, defaultDomain: string): UserParts {
  const at = name.lastIndexOf("@");
  return at < 0 ? { user: name, domain: defaultDomain } : { user: name.slice(0, at), domain: name.slice(at + 1) };
}

/**
 * A statement or command as it stands in a PAM file: in the brackets that keep its blanks together, where they came
 * through, or without.
 */
export function unbracketed(text: string): string {
  return /^\[([\s\S]*)\]$/.exec(text.trim())?.[1] ?? text;
}

async function open(options: DatabaseOptions, place: SourcePlace): Promise<Database> {
  const { paths, env } = place;
  const { host, database, user, password, port } = options;
  if (host === undefined) {
    if (database === undefined) {
      return await openDatabase({
        paths,
        control: new ControlFiles(paths.control),
        env,
        timeoutMs: STATEMENT_TIMEOUT_MS,
      });
    }
    if (!database.startsWith("/")) throw new Permanent(`-D ${database} needs -H, a host or the path of a socket`);
    if (!pathExists(database)) throw new Temporary(`there is no database ${database}`);
    return openSqlite(database);
  }
  const own: Readonly<Record<string, string>> = {
    MYSQL_HOST: host.startsWith("/") ? "localhost" : host,
    MYSQL_SOCKET: host.startsWith("/") ? host : "",
    MYSQL_USER: user ?? "",
    MYSQL_PASSWD: password ?? "",
    MYSQL_DATABASE: database ?? "",
    MYSQL_VPORT: port ?? "",
  };
  const settings = parseMysqlHost("", (name) => own[name] ?? env(name));
  const limits = { connectTimeoutMs: STATEMENT_TIMEOUT_MS, queryTimeoutMs: STATEMENT_TIMEOUT_MS };
  return await openMysql({ ...settings, ...limits });
}

/** The first row's values, joined with commas; undefined when there is none. Throws Temporary or Permanent. */
export async function askStatement(
  statement: string,
  user: UserParts,
  where: { readonly options: DatabaseOptions; readonly place: SourcePlace },
): Promise<string | undefined> {
  const template = parseSqlTemplate(unbracketed(statement), PLACES);
  const database = await open(where.options, where.place);
  try {
    const [row] = await database.query(template.sql, boundValues(template, { u: user.user, d: user.domain }));
    return row && Object.values(row).map((value) => value === null ? "" : String(value)).join(",");
  } finally {
    await database.close();
  }
}

/** Names that mean nothing to a shell, in quotations or without. */
const PLAIN_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.+@-]*$/;

/**
 * The command for a user; undefined for a name that a shell could read as anything but a name, which no command gets to
 * see.
 */
export function fillCommand(command: string, user: UserParts): string | undefined {
  if (!PLAIN_NAME.test(user.user) || !PLAIN_NAME.test(user.domain)) return undefined;
  return unbracketed(command).replace(
    PLACES.pattern,
    (found, letter?: string) => letter === undefined ? "%" : /u/i.test(found) ? user.user : user.domain,
  );
}

/** What a command writes, by sh; undefined when it writes nothing. Throws Temporary when it fails. */
export async function askCommand(command: string, user: UserParts, place: SourcePlace): Promise<string | undefined> {
  const text = fillCommand(command, user);
  if (text === undefined) return undefined;
  const child = await place.spawn({ program: "/bin/sh", args: ["-c", text], fds: { 0: "null", 1: "pipe-out", 2: 2 } });
  const output = new Uint8Array(OUTPUT_BYTES_MAX + 1);
  let filled = 0;
  const reader = child.readers.get(1)!;
  try {
    while (filled < output.length) {
      const count = await reader.read(output.subarray(filled));
      if (count === null) break;
      filled += count;
    }
  } catch (error) {
    throw new Temporary(`cannot read from the command: ${errorText(error)}`);
  } finally {
    reader.close();
  }
  const { code, signal } = await child.ended;
  if (filled > OUTPUT_BYTES_MAX) throw new Temporary(`the command wrote more than ${OUTPUT_BYTES_MAX} bytes`);
  if (code !== 0 || signal !== 0) throw new Temporary(`the command ended with ${signal || code}`);
  return new TextDecoder().decode(output.subarray(0, filled)).trim().split("\n", 1)[0] || undefined;
}
