/**
 * Adding, changing and removing users of virtual domains with everything that belongs to them: row, home, place in the
 * directory tree, aliases, lastauth [man vadduser.9] [man vdeluser.9]. The caller holds DomainStore's lock.
 */
import { Permanent } from "../../core/errors.ts";
import type { Paths } from "../../core/paths.ts";
import type { Disk } from "../disk.ts";
import { formatQuota, tryQuota } from "../maildir/quota.ts";
import type { Accounts } from "./accounts.ts";
import { removeDomainRows } from "./domains/domain_rows.ts";
import { defaultQuota } from "./domains/limit_quotas.ts";
import { type DomainEntry, removeTree } from "./domain_store.ts";
import { shown, type UserAddress } from "./names.ts";
import { addBatch, type BatchPlaces, type DomainUsers } from "./user_batch.ts";
import { forgetFreed, giveDirectoryBack, LETTER_RANGES, letterRange, takeDirectory } from "./user_dir.ts";
import { makeHome, makeHomes } from "./user_homes.ts";
import { basePathOf, homeOf, suffixOf, treeOf, usersPerDirectoryOf } from "./user_places.ts";
import type { UserRow } from "./users.ts";

/** How a user is added. */
export interface NewUser {
  readonly password: string;
  readonly scram: string;
  readonly gecos: string;
  /** Text of option -q; undefined: the usual one, where no limits say otherwise (defaultQuota). */
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
    const quota = user.quota === undefined ? defaultQuota(undefined) : quotaText(user.quota);
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

  /** Adds many users with the same result, as one transaction; their homes are made with makeHomes. */
  async addBatch(
    batch: readonly DomainUsers[],
    places: BatchPlaces,
  ): Promise<readonly (readonly (UserRow | "exists")[])[]> {
    return await addBatch(this.#context, batch, places);
  }

  /** A home for a user of that name in the domain's tree of folders; giveBackPlace takes it back. */
  async takePlace(
    name: string,
    domain: DomainEntry,
    asked: Pick<NewUser, "basePath" | "usersPerDirectory"> = {},
  ): Promise<string> {
    const basePath = asked.basePath ?? await basePathOf(this.#context, domain);
    const suffix = suffixOf(basePath, letterRange(name));
    const perDirectory = asked.usersPerDirectory ?? await usersPerDirectoryOf(this.#context, domain);
    const directory = await takeDirectory(treeOf(this.#context, domain), suffix, perDirectory);
    return homeOf({ name, domain: domain.domain }, { basePath, directory });
  }

  /** Counts a user's home out of the tree; nothing for one that is not in it. */
  async giveBackPlace(user: { readonly name: string; readonly home: string }, domain: DomainEntry): Promise<void> {
    const range = letterRange(user.name);
    const [basePath, rest] = user.home.split(`/${range}/${domain.domain}/`);
    if (basePath === undefined || rest === undefined) return;
    const directory = rest.includes("/") ? rest.slice(0, rest.lastIndexOf("/")) : "";
    await giveDirectoryBack(treeOf(this.#context, domain), suffixOf(basePath, range), directory);
  }

  /** Forgets the whole tree of a domain on its usual base: homes get new places from the first one on [man vreorg.8]. */
  async resetTree(domain: DomainEntry): Promise<void> {
    const basePath = await basePathOf(this.#context, domain);
    for (const range of LETTER_RANGES) {
      const suffix = suffixOf(basePath, range);
      await this.#context.accounts.dirControls.remove(suffix, domain.domain);
      await forgetFreed(treeOf(this.#context, domain), suffix);
    }
  }

  /** Makes home and Maildir of a user, owned by the domain. */
  async makeHome(user: { readonly home: string }, domain: DomainEntry): Promise<void> {
    await makeHome(this.#context.disk, user.home, domain);
  }

  /** Makes the homes of many users that have none, with one sync for all. */
  async makeHomes(users: readonly { readonly home: string }[], domain: DomainEntry): Promise<void> {
    await makeHomes(this.#context.disk, users.map(({ home }) => home), domain);
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
    const bases = new Set<string>([await basePathOf(this.#context, domain)]);
    for await (const user of this.#context.accounts.users.list(name)) {
      const base = user.home.split(`/${letterRange(user.name)}/${name}/`)[0];
      if (base !== undefined && base !== user.home) bases.add(base);
    }
    return [...bases].flatMap((base) =>
      LETTER_RANGES.map((range) => ({ folder: `${base}/${range}/${name}`, suffix: suffixOf(base, range) }))
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
}

/** A home that may be removed: a path of the user's own, whatever the database says. */
function checkedHome(user: UserRow): string {
  if (user.home.startsWith("/") && user.home.endsWith(`/${user.name}`) && !user.home.includes("/../")) return user.home;
  throw new Permanent(`home ${user.home} of ${user.name}@${user.domain} does not end in its name: nothing is removed`);
}
