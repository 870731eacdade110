/**
 * An installation of vpopmail, read: its domains by qmail's users/assign, their users by vpasswd, vpasswd.cdb or its MySQL
 * tables in either layout, aliases, limits, last logins. Only reads.
 */
import { Permanent } from "../../core/errors.ts";
import { pathExists } from "../../core/path_exists.ts";
import type { Row } from "../../storage/accounts/database.ts";
import type { MysqlSettings } from "../../storage/accounts/mysql_settings.ts";
import { openMysqlSnapshot, type Snapshot } from "../../storage/accounts/snapshot.ts";
import { Cdb } from "../../storage/cdb/reader.ts";
import { type QmailFiles, readText } from "./qmail_files.ts";
import { parseVpasswdLine, textOfBytes, type VpopmailUser, vpopmailUserOf } from "./vpopmail_records.ts";

/** Where a domain's users are. */
export type UserStore =
  | { readonly kind: "text" | "cdb"; readonly path: string }
  | { readonly kind: "mysql"; readonly table: string; readonly hasDomains: boolean }
  | { readonly kind: "none" };

/** A virtual domain of vpopmail. */
export interface VpopmailDomain {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly directory: string;
  readonly aliases: readonly string[];
  readonly accepted: boolean;
  readonly users: UserStore;
}

/** A user, or what is wrong with one. */
export interface ReadUser {
  /** File and line, or table. */
  readonly place: string;
  readonly user: VpopmailUser | undefined;
  readonly wrong: string;
}

/** Ports and sockets of the database where vpopmail.mysql names none. */
const PORT_DEFAULT = 3306;
const SOCKETS = [
  "/run/mysqld/mysqld.sock",
  "/var/run/mysqld/mysqld.sock",
  "/var/lib/mysql/mysql.sock",
  "/tmp/mysql.sock",
];
const TIMEOUT_MS = 20_000;

/** How to reach vpopmail's database: the first line `host|port|user|password|database`. Throws Permanent. */
export function parseVpopmailMysql(text: string, path: string): MysqlSettings {
  const lines = text.split("\n");
  const at = lines.findIndex((line) => line.trim() !== "" && !line.startsWith("#"));
  const [host = "", port = "", user = "", password = "", database = ""] = (lines[at] ?? "").trim().split("|");
  if (host === "" || database === "" || !/^\d{1,5}$/.test(port)) {
    throw new Permanent(`${path}${at < 0 ? "" : ` line ${at + 1}`}: not host|port|user|password|database`);
  }
  const [name = "", door = ""] = host.split(":");
  const local = name === "localhost" && Number(port) === 0 ? SOCKETS.find(pathExists) : undefined;
  const socketPath = door !== "" ? door : local;
  return {
    host: name,
    port: Number(port) || PORT_DEFAULT,
    user,
    password,
    database,
    ...(socketPath === undefined ? {} : { socketPath }),
    tls: "off",
    connectTimeoutMs: TIMEOUT_MS,
    queryTimeoutMs: TIMEOUT_MS,
  };
}

/** An installation of vpopmail. Close it. */
export class VpopmailSource {
  readonly folder: string;
  readonly domains: readonly VpopmailDomain[];
  /** Undefined where users are in files. */
  readonly snapshot: Snapshot | undefined;

  private constructor(folder: string, domains: readonly VpopmailDomain[], snapshot: Snapshot | undefined) {
    this.folder = folder;
    this.domains = domains;
    this.snapshot = snapshot;
  }

  /** Reads what is there; undefined when there is no vpopmail in the folder. Throws Temporary, Permanent. */
  static async open(folder: string, qmail: QmailFiles | undefined): Promise<VpopmailSource | undefined> {
    if (!qmail || !pathExists(`${folder}/domains`)) return undefined;
    const lines = vpopmailLines(folder, qmail);
    const settings = `${folder}/etc/vpopmail.mysql`;
    const inFiles = lines.every(({ home }) => pathExists(`${home}/vpasswd`) || pathExists(`${home}/vpasswd.cdb`));
    const snapshot = inFiles || !pathExists(settings)
      ? undefined
      : await openMysqlSnapshot(parseVpopmailMysql(readText(settings), settings));
    try {
      const domains: VpopmailDomain[] = [];
      for (const { local, user, uid, gid, home } of lines) {
        const name = local.slice(0, -1);
        if (name !== user.toLowerCase()) continue;
        const aliases = lines.filter((one) => one.user === user && one.local !== local).map((one) =>
          one.local.slice(0, -1)
        );
        domains.push({
          name,
          uid,
          gid,
          directory: home.replace(/\/+$/, ""),
          aliases: aliases.sort(),
          accepted: qmail.accepted.has(name),
          users: await storeOf(name, home, snapshot),
        });
      }
      return new VpopmailSource(folder, domains, snapshot);
    } catch (error) {
      await snapshot?.close();
      throw error;
    }
  }

  /** All users of a domain. */
  async *users({ name, users }: VpopmailDomain): AsyncGenerator<ReadUser> {
    if (users.kind === "text") yield* usersOfText(users.path);
    else if (users.kind === "cdb") yield* usersOfCdb(users.path);
    else if (users.kind === "mysql" && this.snapshot) {
      const where = users.hasDomains ? " WHERE pw_domain = ?" : "";
      const sql = `SELECT * FROM ${quoted(users.table)}${where} ORDER BY pw_name`;
      for await (const rows of this.snapshot.rows(sql, users.hasDomains ? [name] : [])) {
        for (const row of rows) {
          const user = vpopmailUserOf(row);
          yield { place: `table ${users.table}, ${user.name}@${name}`, user, wrong: "" };
        }
      }
    }
  }

  /** Rows of one of vpopmail's own tables that are a domain's; none where there is no such table. */
  async *tableRows(table: string, domain: string): AsyncGenerator<Row> {
    if (!this.snapshot?.tables.has(table)) return;
    for await (const rows of this.snapshot.rows(`SELECT * FROM ${quoted(table)} WHERE domain = ?`, [domain])) {
      yield* rows;
    }
  }

  async close(): Promise<void> {
    await this.snapshot?.close();
  }
}

/** The lines of users/assign that lead into vpopmail's domains. */
export function vpopmailLines(folder: string, qmail: QmailFiles) {
  return qmail.assignments.filter(({ kind, local, home }) =>
    kind === "prefix" && local.endsWith("-") && local !== "-" && home.startsWith(`${folder}/domains/`)
  );
}

async function storeOf(domain: string, home: string, snapshot: Snapshot | undefined): Promise<UserStore> {
  const [text, cdb] = [`${home}/vpasswd`, `${home}/vpasswd.cdb`];
  const [textMs, cdbMs] = [modifiedMs(text), modifiedMs(cdb)];
  // the cdb is what logins went by, unless it was not made again after a change
  if (cdbMs !== undefined && (textMs === undefined || cdbMs >= textMs)) return { kind: "cdb", path: cdb };
  if (textMs !== undefined) return { kind: "text", path: text };
  if (!snapshot) return { kind: "none" };
  const own = domain.replace(/[.-]/g, "_");
  if (snapshot.tables.has(own) && (await snapshot.columns(own)).includes("pw_passwd")) {
    return { kind: "mysql", table: own, hasDomains: false };
  }
  const columns = await snapshot.columns("vpopmail");
  return columns.includes("pw_domain") ? { kind: "mysql", table: "vpopmail", hasDomains: true } : { kind: "none" };
}

function quoted(table: string): string {
  if (!/^[A-Za-z0-9_]{1,64}$/.test(table)) throw new Permanent(`${JSON.stringify(table)} is no name of a table`);
  return `\`${table}\``;
}

function modifiedMs(path: string): number | undefined {
  try {
    return Deno.statSync(path).mtime?.getTime() ?? 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function readUser(line: string, place: string): ReadUser {
  try {
    return { place, user: parseVpasswdLine(line), wrong: "" };
  } catch (error) {
    if (!(error instanceof Permanent)) throw error;
    return { place, user: undefined, wrong: error.message };
  }
}

function* usersOfText(path: string): Generator<ReadUser> {
  const bytes = Deno.readFileSync(path);
  let number = 0;
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(10, at);
    const line = bytes.subarray(at, end < 0 ? bytes.length : end);
    at += line.length + 1;
    number++;
    if (line.length > 0) yield readUser(textOfBytes(line), `${path} line ${number}`);
  }
}

/** The key is the name, the data the rest of the line. */
function* usersOfCdb(path: string): Generator<ReadUser> {
  let number = 0;
  for (const { key, data } of Cdb.open(path).records()) {
    number++;
    const line = `${textOfBytes(key)}:${textOfBytes(data)}`.replace(/\n$/, "");
    yield readUser(line, `${path} record ${number}`);
  }
}
