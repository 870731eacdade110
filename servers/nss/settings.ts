/**
 * nssd.conf: statements for each question and how to reach the database [man nssd.conf.5]. A line is a key, blanks and a
 * value that goes on after a backslash at its end; lines beginning with # are comments. Pure.
 */
import { Permanent } from "../../core/errors.ts";
import { parseSqlTemplate, type SqlPlaces, type SqlTemplate } from "../../storage/accounts/tables/sql_template.ts";
import type { NameQuery } from "./protocol.ts";

/** The key of the statement for each question. */
export const QUERY_KEYS = {
  passwdByName: "getpwnam",
  passwdByUid: "getpwuid",
  passwdAll: "getpwent",
  groupByName: "getgrnam",
  groupByGid: "getgrgid",
  groupAll: "getgrent",
  membersOfGid: "memsbygid",
  gidsOfMember: "gidsbymem",
  shadowByName: "getspnam",
  shadowAll: "getspent",
} as const satisfies Record<NameQuery, string>;

/** Names of syslog's facilities and levels, in the order of their numbers [man syslog.3]. */
const FACILITIES = "kern user mail daemon auth syslog lpr news uucp cron authpriv ftp".split(" ");
const LEVELS = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];
const LOCAL_FACILITY = 16;

/** Settings of the daemon. */
export interface NssSettings {
  readonly statements: ReadonlyMap<NameQuery, SqlTemplate>;
  /** Of the MySQL server; empty: the installation's own database. */
  readonly host: string;
  /** Name on the server; or, without host, the path of an SQLite file. */
  readonly database: string;
  readonly username: string;
  readonly password: string;
  readonly socket: string;
  readonly port: number;
  readonly pidFile: string | undefined;
  /** Questions to the database at once. */
  readonly threads: number;
  /** Longest wait for the database. */
  readonly timeoutMs: number;
  readonly facility: number;
  readonly level: number;
  /** Mode of the socket: who may ask. */
  readonly socketMode: number;
  /** Path of the socket for systemd's protocol; undefined: none. */
  readonly userdb: string | undefined;
  /** What was not understood and left out. */
  readonly warnings: readonly string[];
}

/** Longest file, in characters. */
export const CONFIGURATION_CHARACTERS_MAX = 65_536;
const THREADS_DEFAULT = 5;
const THREADS_MAX = 64;
const PORT_DEFAULT = 3306;
const PORT_MAX = 65_535;
/** What -1 means: as long as the original's library waits for an answer. A longer wait would hold up logins to the host. */
const TIMEOUT_SECONDS_LONGEST = 5;
const TIMEOUT_SECONDS_MAX = 3600;
const SOCKET_MODE_DEFAULT = 0o666;

/** `%1$s` is the name before the `@` (or the number asked for), `%2$s` the domain; `%s` takes them in order. */
function places(): SqlPlaces {
  let next = 0;
  return {
    pattern: /%(?:(?:([12])\$)?s|%)/g,
    nameOf([found, number]) {
      if (found === "%%") return undefined;
      return number ?? String(Math.min(++next, 2));
    },
  };
}

/** Keys and values in the order of the file. */
function readLines(text: string): [key: string, value: string][] {
  const found: [string, string][] = [];
  let open = false;
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith("#")) continue;
    const trimmed = line.trim();
    const last = found.at(-1);
    if (open && last) last[1] += ` ${trimmed.replace(/\\$/, "")}`;
    else {
      const [, key = "", value = ""] = /^(\S+)\s*(.*)$/.exec(trimmed) ?? [];
      if (key === "" || key.startsWith("#")) continue;
      found.push([key, value.replace(/\\$/, "")]);
    }
    open = trimmed.endsWith("\\");
  }
  return found;
}

/** The settings. Throws Permanent naming the key that is wrong. */
export function parseNssSettings(text: string): NssSettings {
  if (text.length > CONFIGURATION_CHARACTERS_MAX) {
    throw new Permanent(`more than ${CONFIGURATION_CHARACTERS_MAX} characters`);
  }
  const values = new Map<string, string>();
  for (const [key, value] of readLines(text)) if (value.trim() !== "") values.set(key, value.trim());
  const statements = readStatements(values);
  const known = new Set<string>([...Object.values(QUERY_KEYS), ...OTHER_KEYS]);
  const warnings = [...values.keys()].filter((key) => !known.has(key)).map((key) => `unknown key ${key}`);
  const of = (key: (typeof OTHER_KEYS)[number]) => values.get(key) ?? "";
  const timeout = of("timeout") === "" || of("timeout") === "-1"
    ? TIMEOUT_SECONDS_LONGEST
    : wholeNumber("timeout", of("timeout"), { min: 1, max: TIMEOUT_SECONDS_MAX });
  const threads = wholeNumber("threads", of("threads") || `${THREADS_DEFAULT}`, { min: 1, max: 1_000_000 });
  return {
    statements,
    host: of("host"),
    database: of("database"),
    username: of("username"),
    password: of("password"),
    socket: of("socket"),
    port: wholeNumber("port", of("port") || `${PORT_DEFAULT}`, { min: 1, max: PORT_MAX }),
    pidFile: of("pidfile") || undefined,
    threads: Math.min(threads, THREADS_MAX),
    timeoutMs: 1000 * timeout,
    facility: facilityNumber(of("facility") || "daemon"),
    level: levelNumber(of("priority") || "info"),
    socketMode: socketMode(of("socketmode")),
    userdb: of("userdb") || undefined,
    warnings,
  };
}

const OTHER_KEYS = [
  "host",
  "database",
  "username",
  "password",
  "socket",
  "port",
  "pidfile",
  "threads",
  "timeout",
  "facility",
  "priority",
  "socketmode",
  "userdb",
] as const;

function readStatements(values: ReadonlyMap<string, string>): Map<NameQuery, SqlTemplate> {
  const statements = new Map<NameQuery, SqlTemplate>();
  for (const [query, key] of entriesOf(QUERY_KEYS)) {
    const text = values.get(key);
    if (text === undefined) continue;
    try {
      const template = parseSqlTemplate(text, places());
      if (query.endsWith("All") && template.bound.length > 0) throw new Permanent("nothing is asked for by name here");
      statements.set(query, template);
    } catch (error) {
      if (error instanceof Permanent) throw new Permanent(`${key}: ${error.message}`);
      throw error;
    }
  }
  return statements;
}

function entriesOf<K extends string, V>(table: Readonly<Record<K, V>>): [K, V][] {
  // Object.entries forgets that a table of constants has no other keys
  return Object.entries(table) as [K, V][];
}

function wholeNumber(key: string, text: string, range: { readonly min: number; readonly max: number }): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : -1;
  if (value < range.min || value > range.max) {
    throw new Permanent(`${key}: ${text} is not a number from ${range.min} to ${range.max}`);
  }
  return value;
}

function socketMode(text: string): number {
  if (text === "") return SOCKET_MODE_DEFAULT;
  if (!/^0?[0-7]{3}$/.test(text)) throw new Permanent(`socketmode: ${text} is not a mode such as 0660`);
  return parseInt(text, 8);
}

/** The number of a level by its name, with or without LOG_, or as a digit. Throws Permanent. */
export function levelNumber(name: string): number {
  const plain = name.toLowerCase().replace(/^log_/, "");
  const level = /^[0-7]$/.test(plain) ? Number(plain) : LEVELS.indexOf(plain === "error" ? "err" : plain);
  if (level < 0) throw new Permanent(`${name} is not a level: ${LEVELS.join(", ")}`);
  return level;
}

function facilityNumber(name: string): number {
  const plain = name.toLowerCase().replace(/^log_/, "");
  const local = /^local([0-7])$/.exec(plain)?.[1];
  const facility = local === undefined ? FACILITIES.indexOf(plain) : LOCAL_FACILITY + Number(local);
  if (facility < 0) throw new Permanent(`facility: ${name} is none of ${FACILITIES.join(", ")}, local0 to local7`);
  return facility;
}
