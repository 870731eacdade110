/**
 * Landlock: limits a process and all it starts to paths and TCP ports, in the kernel. It binds the calling thread and what
 * that thread executes, so a whole process is limited by restricting and then executing itself. [man landlock.7]
 */
import { addressOf, checked, cString, libc } from "./libc.ts";
import { closeFd, OPEN, openFd } from "./fd.ts";

const CREATE_RULESET = 444n;
const ADD_RULE = 445n;
const RESTRICT_SELF = 446n;
const RULE_PATH = 1n;
const RULE_PORT = 2n;
const O_PATH = 0o10000000;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_GET_NO_NEW_PRIVS = 39;

const FS_EXECUTE = 1n << 0n;
const FS_WRITE_FILE = 1n << 1n;
const FS_READ_FILE = 1n << 2n;
const FS_READ_DIR = 1n << 3n;
const FS_REFER = 1n << 13n;
const FS_TRUNCATE = 1n << 14n;
const FS_FIRST_ABI = FS_REFER - 1n;
const FS_READ = FS_EXECUTE | FS_READ_FILE | FS_READ_DIR;
const FS_OF_FILES = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE;
const NET_BIND = 1n;
const NET_CONNECT = 2n;
const SCOPE_ABSTRACT_SOCKET = 1n;
const SCOPE_SIGNAL = 2n;

/** Versions of the interface that brought what we use. */
const ABI = { refer: 2, truncate: 3, network: 4, scope: 6 } as const;

/** What a process may still do. Paths hold with everything below them; those that do not exist are left out. */
export interface LandlockRules {
  /** To read, list and execute. */
  readonly read: readonly string[];
  /** To do anything with. */
  readonly write: readonly string[];
  /** TCP ports to bind. */
  readonly bindPorts: readonly number[];
  /** TCP ports to connect to. */
  readonly connectPorts: readonly number[] | "any";
}

/** The version of Landlock that the kernel has; 0 when it has none. */
export function landlockVersion(): number {
  const version = Number(libc().syscall(CREATE_RULESET, 0n, 0n, 1n, 0n, 0n, 0n));
  return version < 1 ? 0 : version;
}

function call(number: bigint, name: string, args: readonly [bigint, bigint, bigint, bigint]): number {
  return checked(libc().syscall(number, ...args, 0n, 0n), `landlock ${name}`);
}

function allowPath(ruleset: number, path: string, access: bigint): void {
  let stat: Deno.FileInfo;
  try {
    stat = Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return;
    throw error;
  }
  const fd = openFd(path, O_PATH | OPEN.closeOnExec);
  const rule = new Uint8Array(12);
  const view = new DataView(rule.buffer);
  view.setBigUint64(0, stat.isDirectory ? access : access & FS_OF_FILES, true);
  view.setInt32(8, fd, true);
  call(ADD_RULE, `rule for ${path}`, [BigInt(ruleset), RULE_PATH, addressOf(rule), 0n]);
  closeFd(fd);
}

function allowPort(ruleset: number, port: number, access: bigint): void {
  const rule = new Uint8Array(16);
  const view = new DataView(rule.buffer);
  view.setBigUint64(0, access, true);
  view.setBigUint64(8, BigInt(port), true);
  call(ADD_RULE, `rule for port ${port}`, [BigInt(ruleset), RULE_PORT, addressOf(rule), 0n]);
}

function createRuleset(version: number, handled: { files: bigint; network: bigint }): number {
  const attributes = new Uint8Array(24);
  const view = new DataView(attributes.buffer);
  view.setBigUint64(0, handled.files, true);
  view.setBigUint64(8, handled.network, true);
  if (version >= ABI.scope) view.setBigUint64(16, SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL, true);
  const size = version >= ABI.scope ? 24n : version >= ABI.network ? 16n : 8n;
  return call(CREATE_RULESET, "ruleset", [addressOf(attributes), size, 0n, 0n]);
}

/**
 * Limits this thread and what it executes, for good; signals reach only processes it started. The kernel's version, 0 when it
 * has no Landlock and nothing was done. Also sets no_new_privs.
 */
export function restrictThread(rules: LandlockRules): number {
  const version = landlockVersion();
  if (version === 0) return 0;
  let files = FS_FIRST_ABI;
  if (version >= ABI.refer) files |= FS_REFER;
  if (version >= ABI.truncate) files |= FS_TRUNCATE;
  const network = version < ABI.network ? 0n : rules.connectPorts === "any" ? NET_BIND : NET_BIND | NET_CONNECT;
  const ruleset = createRuleset(version, { files, network });
  for (const path of rules.read) allowPath(ruleset, path, FS_READ);
  for (const path of rules.write) allowPath(ruleset, path, files);
  if (network !== 0n) {
    for (const port of rules.bindPorts) allowPort(ruleset, port, NET_BIND);
    if (rules.connectPorts !== "any") { for (const port of rules.connectPorts) allowPort(ruleset, port, NET_CONNECT); }
  }
  setNoNewPrivileges();
  call(RESTRICT_SELF, "restrict", [BigInt(ruleset), 0n, 0n, 0n]);
  closeFd(ruleset);
  return version;
}

/** From now on no program that this thread executes gains privileges (set-uid, file capabilities). */
export function setNoNewPrivileges(): void {
  checked(libc().prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n), "prctl no_new_privs");
}

/** True once no_new_privs is set for this thread. */
export function hasNoNewPrivileges(): boolean {
  return libc().prctl(PR_GET_NO_NEW_PRIVS, 0n, 0n, 0n, 0n) === 1;
}

/** True when the path cannot be opened for reading even though it exists: a fence holds. */
export function isPathDenied(path: string): boolean {
  const fd = libc().open(cString(path), OPEN.read | OPEN.closeOnExec, 0);
  if (fd < 0) return true;
  closeFd(fd);
  return false;
}
