/**
 * Roles are data: for each role the account it runs as and what it may touch. core/fence.ts turns a row into Landlock
 * rules, Worker permissions and accounts; the probe test tries what a row forbids. One page, no logic.
 */
import type { Paths } from "./paths.ts";

/** A folder or file named by an installation's Paths, or a path below one: `control`, `queueBase`, `mail`. */
export type RolePath = Exclude<keyof Paths, "root">;

/** What a role may do. Paths are given with everything below them. */
export interface Role {
  readonly summary: string;
  /** The account of the original that it runs as when started by root; undefined: stays what it is. */
  readonly account?: "alias" | "qmaild" | "qmaill" | "qmailq" | "qmailr" | "qmails" | "indimail" | "root";
  readonly groups?: readonly ("qmail" | "nofiles" | "indimail" | "qcerts")[];
  readonly read: readonly RolePath[];
  readonly write: readonly RolePath[];
  /** Files outside an installation that it reads. */
  readonly readSystem?: readonly string[];
  /** Environment variables that name files that it reads, wherever they are. */
  readonly readVariables?: readonly string[];
  /** An option whose argument, an absolute path, names a file of the operator's choice: its folder is read. */
  readonly readOption?: string;
  /** Files outside an installation that it writes. */
  readonly writeSystem?: readonly string[];
  /** Reads and writes the homes of system users. */
  readonly homes?: boolean;
  /** Listens on TCP ports (those it is told). */
  readonly listens: boolean;
  /** Sockets of ours in `run` that it listens on or connects to. */
  readonly sockets: readonly string[];
  /** Connects to other hosts: no; to those of the database or DNS only; to any. */
  readonly connects: "none" | "any";
  /** Starts other programs. */
  readonly spawns: boolean;
  /** Calls libc after its start; Deno's permissions mean little to it then, Landlock holds. */
  readonly ffi: boolean;
  /**
   * Its daemon runs in a Worker with permission lists, beside Landlock: for roles that face unknown peers. The others pay
   * 14 MB for it only where the kernel has no Landlock.
   */
  readonly worker?: boolean;
}

/** Name resolution and time zone. */
const RESOLVER = ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/localtime"] as const;
/** Certificates of authorities, which the runtime reads at the first TLS connection that goes out. */
const AUTHORITIES = ["/etc/ssl/certs", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates"] as const;
const AUTHORITY_VARIABLES = ["SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"] as const;

/** Every role. */
export const ROLES = {
  network: {
    summary: "talks to unknown peers (SMTP, QMTP, QMQP); writes no file",
    account: "qmaild",
    groups: ["qmail", "qcerts"],
    read: ["control", "certs"],
    write: [],
    readSystem: RESOLVER,
    listens: true,
    sockets: ["lookup", "queue"],
    connects: "any",
    spawns: false,
    ffi: false,
    worker: true,
  },
  queue: {
    summary: "owns the queue; schedules deliveries; speaks to no peer",
    account: "qmails",
    groups: ["qmail"],
    read: ["control", "queueBase"],
    write: ["queueBase", "run"],
    readSystem: ["/etc/localtime"],
    listens: false,
    sockets: ["queue", "local", "remote"],
    connects: "none",
    spawns: false,
    ffi: false,
  },
  local: {
    summary: "delivers to Maildirs and programs of users",
    account: "indimail",
    groups: ["qmail"],
    read: ["control", "users", "queueBase", "domains", "alias", "mail"],
    write: ["mail", "domains", "alias", "run"],
    readSystem: ["/etc", "/bin", "/sbin", "/usr", "/opt", "/proc"],
    writeSystem: ["/tmp"],
    homes: true,
    listens: false,
    sockets: ["local", "lookup", "queue", "users"],
    connects: "none",
    spawns: true,
    ffi: true,
  },
  users: {
    summary: "starts qmail-local as the system user who gets a message; the only one that keeps root",
    account: "root",
    read: ["control", "users", "queueBase", "alias", "run"],
    write: ["alias", "run"],
    readSystem: ["/etc", "/bin", "/sbin", "/usr", "/opt", "/proc", "/var/mail", "/var/spool/mail"],
    writeSystem: ["/tmp", "/var/mail", "/var/spool/mail"],
    homes: true,
    listens: false,
    sockets: ["users", "lookup", "queue"],
    connects: "none",
    spawns: true,
    ffi: true,
  },
  remote: {
    summary: "sends to other hosts",
    account: "qmailr",
    groups: ["qmail", "qcerts"],
    read: ["control", "certs", "queueBase"],
    write: ["run"],
    readSystem: [...RESOLVER, ...AUTHORITIES],
    readVariables: AUTHORITY_VARIABLES,
    listens: false,
    sockets: ["remote"],
    connects: "any",
    spawns: false,
    ffi: false,
  },
  lookup: {
    summary: "answers questions about accounts and checks passwords; the only one that opens the database",
    account: "indimail",
    groups: ["qmail"],
    read: ["control", "users", "domains", "alias", "lib"],
    write: ["lib", "run"],
    readSystem: [...RESOLVER, ...AUTHORITIES, "/etc/passwd", "/etc/group", "/run/mysqld", "/var/run/mysqld"],
    readVariables: ["MYSQL_OPT_SSL_CA", ...AUTHORITY_VARIABLES],
    listens: false,
    sockets: ["lookup", "lookup-admin"],
    connects: "any",
    spawns: false,
    ffi: true,
  },
  names: {
    summary: "answers the host's questions about user and group names, from the accounts' database",
    account: "indimail",
    groups: ["qmail"],
    read: ["settings", "control", "lib"],
    write: ["lib", "run"],
    readSystem: [...RESOLVER, ...AUTHORITIES, "/etc/passwd", "/etc/group", "/run/mysqld", "/var/run/mysqld"],
    readVariables: ["MYSQL_OPT_SSL_CA", ...AUTHORITY_VARIABLES],
    writeSystem: ["/run/systemd/userdb"],
    readOption: "-f",
    listens: false,
    sockets: [],
    connects: "any",
    spawns: false,
    ffi: true,
  },
  mailbox: {
    summary: "serves mailboxes by IMAP and POP3",
    account: "indimail",
    groups: ["qmail", "qcerts"],
    read: ["control", "certs", "mail", "domains"],
    write: ["mail"],
    readSystem: RESOLVER,
    listens: true,
    sockets: ["lookup"],
    connects: "none",
    spawns: false,
    ffi: false,
    worker: true,
  },
  supervisor: {
    summary: "makes the installation (its database may be on another host), starts and logs the other roles",
    account: "root",
    read: ["control", "run", "log", "certs", "users", "queueBase", "domains", "mail", "alias", "lib"],
    write: ["control", "run", "log", "certs", "users", "queueBase", "domains", "mail", "alias", "lib"],
    listens: false,
    sockets: [],
    connects: "any",
    spawns: true,
    ffi: true,
  },
  admin: {
    summary: "a command of the operator: edits control files, users and the database",
    read: ["control", "users", "domains", "mail", "alias", "lib", "queueBase", "run", "certs"],
    write: ["control", "users", "domains", "mail", "alias", "lib", "queueBase", "run", "certs"],
    readSystem: ["/"],
    listens: false,
    sockets: ["lookup", "lookup-admin", "queue"],
    connects: "any",
    spawns: true,
    ffi: true,
  },
  inject: {
    summary: "hands a message to the queue on behalf of a user",
    read: ["control"],
    write: ["queueBase"],
    readSystem: ["/etc/passwd", "/etc/localtime"],
    listens: false,
    sockets: ["queue"],
    connects: "none",
    spawns: true,
    ffi: true,
  },
  tool: {
    summary: "a program of the Unix tool box; as powerful as its user",
    read: [],
    write: [],
    readSystem: ["/"],
    writeSystem: ["/"],
    listens: true,
    sockets: [],
    connects: "any",
    spawns: true,
    ffi: true,
  },
  text: {
    summary: "a filter: reads its input and the files named, writes its output, nothing else",
    read: [],
    write: [],
    readSystem: ["/"],
    listens: false,
    sockets: [],
    connects: "none",
    spawns: false,
    ffi: false,
  },
} as const satisfies Record<string, Role>;

/** The name of a role. */
export type RoleName = keyof typeof ROLES;

/** The row of a role. */
export function roleOf(name: RoleName): Role {
  return ROLES[name];
}

/** True when there is a role of that name. */
export function isRoleName(name: string): name is RoleName {
  return Object.hasOwn(ROLES, name);
}
