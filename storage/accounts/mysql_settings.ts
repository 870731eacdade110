/**
 * How to reach a MySQL server: control/host.mysql (and host.master, host.cntrl), overruled by environment variables
 * [spec formats 22] [man indimail.7].
 */
import { Permanent } from "../../core/errors.ts";

/** Where a MySQL server is and how to log in. */
export interface MysqlSettings {
  readonly host: string;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly port: number;
  /** Unix socket; then host and port count for nothing. */
  readonly socketPath?: string;
  /** Without TLS; with it; and the certificate checked; and that it is for `host`. */
  readonly tls: "off" | "on" | "authority" | "identity";
  readonly tlsCaFile?: string;
  readonly connectTimeoutMs: number;
  readonly queryTimeoutMs: number;
  /** Run on each new connection. */
  readonly initCommand?: string;
}

/** The variables that parseMysqlHost reads, for applets to declare. */
export const MYSQL_ENV = {
  MYSQL_HOST: "host of the database, as control/host.mysql; default that file",
  MYSQL_USER: "user of the database; default indimail",
  MYSQL_PASSWD: "password for the database",
  MYSQL_VPORT: "TCP port of the database; default 3306",
  MYSQL_SOCKET: "Unix socket of the database",
  MYSQL_DATABASE: "name of the database; default indimail",
  MYSQL_INIT_COMMAND: "statement run at each connect",
  MYSQL_OPT_CONNECT_TIMEOUT: "seconds to wait for a connection; default 10",
  MYSQL_OPT_READ_TIMEOUT: "seconds to wait for an answer; default 20",
  MYSQL_OPT_SSL_CA: "file of certificates that the database's certificate is checked against",
  MYSQL_OPT_SSL_MODE: "DISABLED, PREFERRED (as DISABLED), REQUIRED, VERIFY_CA or VERIFY_IDENTITY",
  MYSQL_TABLE: "table of active users; default indimail",
  MYSQL_INACTIVE_TABLE: "table of inactive users; default indibak",
  RELAY_TABLE: "table of POP before SMTP; default relay",
} as const;

const PORT_DEFAULT = 3306;
const CONNECT_TIMEOUT_SECONDS = 10;
const READ_TIMEOUT_SECONDS = 20;

/**
 * Settings from a line `host[:user[:password[:socket-or-port[:ssl|nossl]]]]` and the environment, which wins. Throws
 * Permanent when a number is none.
 */
export function parseMysqlHost(line: string, env: (name: string) => string | undefined): MysqlSettings {
  const [host = "", user = "", password = "", door = "", ssl = ""] = (env("MYSQL_HOST") || line).split(":");
  const socketPath = env("MYSQL_SOCKET") || (/^[/.]/.test(door) ? door : "");
  const port = env("MYSQL_VPORT") || (socketPath || door === "" ? String(PORT_DEFAULT) : door);
  const mode = env("MYSQL_OPT_SSL_MODE") ?? (ssl === "ssl" ? "REQUIRED" : "DISABLED");
  const initCommand = env("MYSQL_INIT_COMMAND");
  const caFile = env("MYSQL_OPT_SSL_CA");
  return {
    host: host || "localhost",
    user: env("MYSQL_USER") || user || "indimail",
    password: env("MYSQL_PASSWD") ?? password,
    database: env("MYSQL_DATABASE") || "indimail",
    port: number("port of host.mysql", port),
    ...(socketPath === "" ? {} : { socketPath }),
    tls: tlsOf(mode),
    ...(caFile ? { tlsCaFile: caFile } : {}),
    connectTimeoutMs: 1000 *
      number("MYSQL_OPT_CONNECT_TIMEOUT", env("MYSQL_OPT_CONNECT_TIMEOUT") || String(CONNECT_TIMEOUT_SECONDS)),
    queryTimeoutMs: 1000 *
      number("MYSQL_OPT_READ_TIMEOUT", env("MYSQL_OPT_READ_TIMEOUT") || String(READ_TIMEOUT_SECONDS)),
    ...(initCommand ? { initCommand } : {}),
  };
}

function tlsOf(mode: string): MysqlSettings["tls"] {
  switch (mode.toUpperCase()) {
    case "":
    case "DISABLED":
    case "PREFERRED":
      return "off";
    case "REQUIRED":
      return "on";
    case "VERIFY_CA":
      return "authority";
    case "VERIFY_IDENTITY":
      return "identity";
    default:
      throw new Permanent(
        `MYSQL_OPT_SSL_MODE: ${mode} is not DISABLED, PREFERRED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY`,
      );
  }
}

function number(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Permanent(`${name}: ${text} is not a number`);
  return Number(text);
}
