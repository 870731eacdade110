/**
 * What every command about domains and users works with: the database, the stores, the control files, and the telling of
 * the running daemons that something changed.
 */
import { Permanent } from "../../core/errors.ts";
import type { Clock } from "../../core/applet.ts";
import { type Paths, socketPath } from "../../core/paths.ts";
import type { ByteWriter } from "../../core/stream.ts";
import { ControlFiles } from "../control/control.ts";
import { reloadServers } from "../control/reload.ts";
import { type Disk, realDisk } from "../disk.ts";
import { type Accounts, openAccounts } from "./accounts.ts";
import { type DomainEntry, DomainStore } from "./domain_store.ts";
import { LookupClient } from "./lookup_client.ts";
import { MYSQL_ENV } from "./mysql_settings.ts";
import { parseUserAddress, type UserAddress } from "./names.ts";
import { POST_HANDLE_ENV } from "./post_handle.ts";
import { UserStore } from "./user_store.ts";

/** Variables that commands read, for applets to declare. */
export const COMMAND_ENV = {
  ...MYSQL_ENV,
  ...POST_HANDLE_ENV,
  PASSWORD_HASH: "hash of new passwords: 0 DES, 1 MD5, 2 SHA-256, 3 SHA-512, or the name",
} as const;

/** Control files that commands read, for applets to declare. */
export const COMMAND_CONTROL = [
  "me",
  "envnoathost",
  "hash_method",
  "host.mysql",
  "rcpthosts",
  "virtualdomains",
] as const;

/** What a command is given by its program. */
export interface CommandProc {
  readonly paths: Paths;
  readonly env: { get(name: string): string | undefined };
  readonly clock: Clock;
}

/** A domain's folder and the row of users/assign, with the address asked for. */
export interface LocatedUser {
  readonly address: UserAddress;
  readonly domain: DomainEntry;
}

/** How long the lookup daemon may take to forget; a command waits for no more. */
const FORGET_TIMEOUT_MS = 2000;

/** The stores of an installation, open. */
export class Command {
  readonly paths: Paths;
  readonly disk: Disk;
  readonly control: ControlFiles;
  readonly accounts: Accounts;
  readonly domains: DomainStore;
  readonly users: UserStore;

  constructor(proc: CommandProc, accounts: Accounts, disk: Disk = realDisk) {
    this.paths = proc.paths;
    this.disk = disk;
    this.control = new ControlFiles(proc.paths.control);
    this.accounts = accounts;
    this.domains = new DomainStore(disk, proc.paths);
    this.users = new UserStore({ disk, paths: proc.paths, accounts, nowMs: () => proc.clock.nowMs() });
  }

  /** An address of the command line with its domain (of an alias domain: the real one). Throws Permanent for unknown domains. */
  async locate(text: string): Promise<LocatedUser> {
    const address = parseUserAddress(text, this.control.line("envnoathost") ?? this.control.line("me"));
    const domain = await this.realDomain(address.domain);
    return { address: { name: address.name, domain: domain.domain }, domain };
  }

  /** The entry of a domain, for an alias domain that of the real one. Throws Permanent naming an unknown one. */
  async realDomain(name: string): Promise<DomainEntry> {
    const entry = await this.domains.find(name);
    const real = entry?.aliasOf === undefined ? entry : await this.domains.find(entry.aliasOf);
    if (!real) throw new Permanent(`domain ${name} does not exist: create it with vadddomain`);
    return real;
  }

  /** Tells all running daemons that domains came or went: they reread control files. */
  async reload(): Promise<void> {
    await this.forget();
    reloadServers(this.paths);
  }

  /** Tells the lookup daemon that an address, a domain or (undefined) everything has changed; no daemon is no error. */
  async forget(key?: string): Promise<void> {
    const client = new LookupClient({ path: socketPath(this.paths, "lookup"), timeoutMs: FORGET_TIMEOUT_MS });
    try {
      await client.forget(key);
    } catch {
      return; // it is not running, and will read everything when it starts
    } finally {
      client.close();
    }
  }
}

/** Says that an option has nothing to change, since the host is in no cluster: all its users are its own. */
export async function warnNoCluster(
  proc: { readonly name: string; readonly stderr: ByteWriter },
  options: string,
): Promise<void> {
  const text = `${proc.name}: warning: ${options}: this host is in no cluster, so that changes nothing\n`;
  await proc.stderr.write(new TextEncoder().encode(text));
}

/** Opens the stores, runs `work`, closes them. `create` makes the database where it is missing. */
export async function withCommand<T>(
  proc: CommandProc,
  options: { readonly create?: boolean },
  work: (command: Command) => Promise<T>,
): Promise<T> {
  const control = new ControlFiles(proc.paths.control);
  const env = (name: string) => proc.env.get(name);
  const accounts = await openAccounts({ paths: proc.paths, control, env, create: options.create ?? false });
  try {
    return await work(new Command(proc, accounts));
  } finally {
    await accounts.close();
  }
}
