/**
 * Adding, changing and removing users of virtual domains with everything that belongs to them: row, home, place in the
 * directory tree, aliases, lastauth [man vadduser.9] [man vdeluser.9]. The caller holds DomainStore's lock.
 */
import { Permanent, Temporary } from "../../core/errors.ts";
import type { Paths } from "../../core/paths.ts";
import type { Disk } from "../disk.ts";
import { createMaildir } from "../maildir/deliver.ts";
import { formatQuota, tryQuota } from "../maildir/quota.ts";
import type { Accounts } from "./accounts.ts";
import { removeDomainRows } from "./domains/domain_rows.ts";
import { type DomainEntry, removeTree } from "./domain_store.ts";
import { readLineFile } from "./line_file.ts";
import { shown, type UserAddress } from "./names.ts";
import {
  dirControlSuffix,
  forgetFreed,
  giveDirectoryBack,
  LETTER_RANGES,
  letterRange,
  parseMounts,
  takeDirectory,
  USERS_PER_DIRECTORY,
} from "./user_dir.ts";
import type { UserRow } from "./users.ts";

/** Quota of a user unless asked otherwise, bytes [man vadduser.9]. */
export const HARD_QUOTA_BYTES = 52_428_800;

/** How a user is added. */
export interface NewUser {
  readonly password: string;
  readonly scram: string;
  readonly gecos: string;
  /** Text of option -q; undefined: the default. */
  readonly quota?: string;
  readonly inactive: boolean;
  readonly basePath?: string;
  readonly usersPerDirectory?: number;
  /** Make home and Maildir now rather than at the first delivery. */
  readonly makeDirectory: boolean;
}

/** What a UserStore works with. */
export interface UserStoreContext {
  readonly disk: Disk;
  readonly paths: Paths;
  readonly accounts: Accounts;
  readonly nowMs: () => number;
}

/** A quota as its column has it. Throws Permanent when the text is none. */
export function quotaText(text: string): string {
  const quota = text === "" ? undefined : tryQuota(text);
  if (!quota) throw new Permanent(`${shown(text)} is not a quota: bytes, or with k, m or g, or NOQUOTA`);
  return formatQuota(quota);
}

/**
 * A quota after `+N` or `-N`, or the new one [man vmoduser.9]. Throws Permanent when the text is none, or nothing would be
 * left.
 */
export function changedQuota(before: string, change: string): string {
  const sign = change.startsWith("+") ? 1 : change.startsWith("-") ? -1 : 0;
  if (sign === 0) return quotaText(change);
  const [old, by] = [tryQuota(before), tryQuota(change.slice(1))];
  if (!by) throw new Permanent(`${change} is not a quota`);
  if (!old || old.bytes === 0) throw new Permanent(`${change}: there is no quota that could be changed`);
  const bytes = old.bytes + sign * by.bytes;
  if (bytes <= 0) throw new Permanent(`${change}: nothing would be left of ${before}`);
  return formatQuota({ bytes, messages: Math.max(0, old.messages + sign * by.messages) });
}

/** The users of one installation, for commands. */
export class UserStore {
  readonly #context: UserStoreContext;

  constructor(context: UserStoreContext) {
    this.#context = context;
  }

  /** Adds a user to a domain; the row, or "exists". */
  async add(address: UserAddress, domain: DomainEntry, user: NewUser): Promise<UserRow | "exists"> {
    const { accounts } = this.#context;
    const { name } = address;
    if (await accounts.users.find(name, domain.domain)) return "exists";
    const quota = user.quota === undefined ? await this.#defaultQuota(domain) : quotaText(user.quota);
    const row: UserRow = {
      name,
      domain: domain.domain,
      password: user.password,
      uid: 0,
      flags: 0,
      gecos: user.gecos,
      home: await this.takePlace(name, domain, user),
      quota,
      scram: user.scram,
      inactive: user.inactive,
    };
    if (user.makeDirectory) await this.makeHome(row, domain);
    if (await accounts.users.add(row) === "exists") return "exists";
    await this.note(row, "add");
    return row;
  }

  /** A home for a user of that name in the domain's tree of folders; giveBackPlace takes it back. */
  async takePlace(
    name: string,
    domain: DomainEntry,
    asked: Pick<NewUser, "basePath" | "usersPerDirectory"> = {},
  ): Promise<string> {
    const basePath = asked.basePath ?? await this.#basePathOf(domain);
    const suffix = this.#suffix(basePath, letterRange(name));
    const perDirectory = asked.usersPerDirectory ?? await this.#usersPerDirectoryOf(domain);
    const directory = await takeDirectory(this.#treeOf(domain), suffix, perDirectory);
    const folder = `${basePath}/${letterRange(name)}/${domain.domain}`;
    return directory === "" ? `${folder}/${name}` : `${folder}/${directory}/${name}`;
  }

  /** Counts a user's home out of the tree; nothing for one that is not in it. */
  async giveBackPlace(user: { readonly name: string; readonly home: string }, domain: DomainEntry): Promise<void> {
    const range = letterRange(user.name);
    const [basePath, rest] = user.home.split(`/${range}/${domain.domain}/`);
    if (basePath === undefined || rest === undefined) return;
    const directory = rest.includes("/") ? rest.slice(0, rest.lastIndexOf("/")) : "";
    await giveDirectoryBack(this.#treeOf(domain), this.#suffix(basePath, range), directory);
  }

  /** Forgets the whole tree of a domain on its usual base: homes get new places from the first one on [man vreorg.8]. */
  async resetTree(domain: DomainEntry): Promise<void> {
    const basePath = await this.#basePathOf(domain);
    for (const range of LETTER_RANGES) {
      const suffix = this.#suffix(basePath, range);
      await this.#context.accounts.dirControls.remove(suffix, domain.domain);
      await forgetFreed(this.#treeOf(domain), suffix);
    }
  }

  /** Makes home and Maildir of a user, owned by the domain. */
  async makeHome(user: { readonly home: string }, domain: DomainEntry): Promise<void> {
    const { disk } = this.#context;
    const made = await firstMissing(disk, user.home);
    await createMaildir(disk, `${user.home}/Maildir`);
    if (Deno.uid() !== 0) return;
    for (let path = `${user.home}/Maildir`; path.length >= made.length; path = path.slice(0, path.lastIndexOf("/"))) {
      await disk.chown(path, domain.uid, domain.gid);
    }
    for (const name of ["cur", "new", "tmp"]) await disk.chown(`${user.home}/Maildir/${name}`, domain.uid, domain.gid);
  }

  /** Removes a user: mail first, so that a crash leaves a row to find it by; false when there is none. */
  async remove(address: UserAddress, domain: DomainEntry): Promise<boolean> {
    const { accounts, disk } = this.#context;
    const { name } = address;
    const user = await accounts.users.find(name, domain.domain);
    if (!user) return false;
    if (user.home !== "") await removeTree(disk, checkedHome(user));
    await accounts.aliases.remove(name, domain.domain);
    await accounts.quotas.remove(name, domain.domain);
    await accounts.lastauth.remove(name, domain.domain);
    await accounts.relay.remove(`${name}@${domain.domain}`);
    await accounts.filters.remove(`${name}@${domain.domain}`);
    await accounts.bulletins.remove(`${name}@${domain.domain}`);
    await accounts.limits.remove(`${name}@${domain.domain}`);
    await this.giveBackPlace(user, domain);
    return await accounts.users.remove(name, domain.domain);
  }

  /** Removes all users of a domain and everything that is kept of it in the database; the number of users. */
  async removeAll(domain: DomainEntry): Promise<number> {
    const { accounts, disk } = this.#context;
    for await (const user of accounts.users.list(domain.domain)) {
      if (user.home !== "") await removeTree(disk, checkedHome(user));
    }
    for (const { folder, suffix } of await this.treesOf(domain)) {
      await removeTree(disk, folder);
      await accounts.dirControls.remove(suffix, domain.domain);
    }
    const { active, inactive } = await accounts.users.count(domain.domain);
    await removeDomainRows(accounts, domain.domain);
    return active + inactive;
  }

  /**
   * The folders of homes that a domain's users may have, one for each base and letter range, with the suffix of its
   * dir_control table. Goes through all users. `name` stands in the folders instead of the domain's.
   */
  async treesOf(
    domain: DomainEntry,
    name: string = domain.domain,
  ): Promise<readonly { readonly folder: string; readonly suffix: string }[]> {
    const bases = new Set<string>([await this.#basePathOf(domain)]);
    for await (const user of this.#context.accounts.users.list(name)) {
      const base = user.home.split(`/${letterRange(user.name)}/${name}/`)[0];
      if (base !== undefined && base !== user.home) bases.add(base);
    }
    return [...bases].flatMap((base) =>
      LETTER_RANGES.map((range) => ({ folder: `${base}/${range}/${name}`, suffix: this.#suffix(base, range) }))
    );
  }

  /** Writes a row of lastauth for a change of an account. */
  async note(user: UserRow, service: "add" | "pass" | "ACTI" | "INAC"): Promise<void> {
    await this.#context.accounts.lastauth.write([{
      user: user.name,
      domain: user.domain,
      service,
      remoteIp: "0.0.0.0",
      quotaBytes: 0,
      gecos: user.gecos,
      seconds: Math.floor(this.#context.nowMs() / 1000),
    }]);
  }

  async #defaultQuota(domain: DomainEntry): Promise<string> {
    const limits = await this.#context.accounts.limits.row(domain.domain);
    const [bytes, messages] = [limits?.defaultquota ?? 0, limits?.defaultmaxmsgcount ?? 0];
    if (bytes < 0) return quotaText("NOQUOTA");
    return formatQuota({ bytes: bytes > 0 ? bytes : HARD_QUOTA_BYTES, messages });
  }

  async #basePathOf(domain: DomainEntry): Promise<string> {
    const [line] = await readLineFile(this.#context.disk, `${domain.directory}/.base_path`) ?? [];
    return line || this.#context.paths.mail;
  }

  async #usersPerDirectoryOf(domain: DomainEntry): Promise<number> {
    const [line] = await readLineFile(this.#context.disk, `${domain.directory}/.users_per_level`) ?? [];
    return line !== undefined && /^[1-9]\d{0,6}$/.test(line) ? Number(line) : USERS_PER_DIRECTORY;
  }

  #treeOf(domain: DomainEntry) {
    const { disk, accounts } = this.#context;
    return { disk, dirControls: accounts.dirControls, domainDirectory: domain.directory, domain: domain.domain };
  }

  #suffix(basePath: string, range: string): string {
    return dirControlSuffix(basePath, range, mounts());
  }
}

function mounts(): readonly string[] {
  try {
    return parseMounts(Deno.readTextFileSync("/proc/self/mounts"));
  } catch (error) {
    throw new Temporary(`cannot read /proc/self/mounts: ${(error as Error).message}`);
  }
}

/** A home that may be removed: a path of the user's own, whatever the database says. */
function checkedHome(user: UserRow): string {
  if (user.home.startsWith("/") && user.home.endsWith(`/${user.name}`) && !user.home.includes("/../")) return user.home;
  throw new Permanent(`home ${user.home} of ${user.name}@${user.domain} does not end in its name: nothing is removed`);
}

async function firstMissing(disk: Disk, path: string): Promise<string> {
  let missing = path;
  for (;;) {
    const parent = missing.slice(0, missing.lastIndexOf("/"));
    if (parent === "") return missing;
    try {
      await disk.stat(parent);
      return missing;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      missing = parent;
    }
  }
}
