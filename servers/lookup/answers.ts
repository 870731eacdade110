/**
 * The questions about addresses and domains [spec formats 14]: is it a recipient, whose account, where does mail for it
 * go. Nothing here knows a secret. Addresses come lower-cased.
 */
import { formatIp, tryParseIp, unmappedIp } from "../../core/ip_address.ts";
import type { FilterRule } from "../../mail/filter/rules.ts";
import { BULLETIN_FOLDER } from "../../storage/accounts/tables/bulkmail.ts";
import type { Paths } from "../../core/paths.ts";
import type { Accounts } from "../../storage/accounts/accounts.ts";
import type { Account, DeliveryTarget, RecipientStatus, WaitingBulletin } from "../../storage/accounts/lookup_types.ts";
import { USER_FLAGS, type UserRow } from "../../storage/accounts/users.ts";
import {
  hasDotQmail,
  readFallback,
  type VirtualDomain,
  type VirtualDomains,
} from "../../storage/accounts/virtual_domains.ts";
import { SystemUsers } from "../../storage/users/passwd.ts";
import { AnswerCache, KEPT_MS } from "./cache.ts";

/** What the answers are made of. */
export interface AnswerSources {
  readonly accounts: Accounts;
  readonly domains: VirtualDomains;
  readonly paths: Paths;
  readonly nowMs: () => number;
  /** Answers kept; MAX_BTREE_COUNT. */
  readonly keptMax: number;
  /** RELAY_CLEAR_MINUTES: how long a login by IMAP or POP3 lets its address relay. */
  readonly relayMinutes: number;
  /** Told of each question about a delivery to a group. */
  readonly groupDelivery?: (account: Account) => void;
}

/** An address in its parts; the domain is that of the address, not yet the real one. */
export interface AddressParts {
  readonly local: string;
  readonly domain: string;
}

/** The parts of an address at its last `@`. */
export function splitAddress(address: string): AddressParts {
  const at = address.lastIndexOf("@");
  return at < 0 ? { local: address, domain: "" } : { local: address.slice(0, at), domain: address.slice(at + 1) };
}

/** What the comment of a group begins with [spec tables, pw_gecos]. */
const GROUP_PREFIX = "MailGroup ";
const KNOWN: RecipientStatus = { kind: "known" };
const ABSENT: RecipientStatus = { kind: "absent" };
const NOT_LOCAL: RecipientStatus = { kind: "not-local" };

/** The account of a user's row, without secrets. */
export function accountOf(user: UserRow, domain: VirtualDomain): Account {
  return {
    address: `${user.name}@${user.domain}`,
    uid: domain.uid,
    gid: domain.gid,
    flags: user.flags,
    gecos: user.gecos,
    home: user.home,
    quota: user.quota,
    inactive: user.inactive,
  };
}

/** The files of a domain that every user gets: their names end in `,all`. */
function bulletinsForAll(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(",all")).map(({ name }) =>
      `${folder}/${name}`
    )
      .sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** One text for an address: a client comes by IPv4 now, and mapped into IPv6 then. */
export function plainIp(text: string): string {
  const bytes = tryParseIp(text);
  return bytes ? formatIp(unmappedIp(bytes)) : text;
}

/** The answers, with what is kept of them. */
export class Answers {
  readonly #sources: AnswerSources;
  readonly #statuses: AnswerCache<RecipientStatus>;
  readonly #targets: AnswerCache<DeliveryTarget>;
  readonly #systemUsers = new SystemUsers();
  #databaseVersion: number | undefined;

  constructor(sources: AnswerSources) {
    this.#sources = sources;
    this.#statuses = new AnswerCache(sources.keptMax, sources.nowMs);
    this.#targets = new AnswerCache(sources.keptMax, sources.nowMs);
  }

  /** Drops what is kept of an address, a domain or everything. */
  forget(key?: string): void {
    this.#statuses.forget(key);
    this.#targets.forget(key);
    if (key === undefined || !key.includes("@")) this.#sources.domains.reread();
  }

  /** The number of answers kept. */
  get kept(): number {
    return this.#statuses.size + this.#targets.size;
  }

  /** A kept answer to `recipient`, at no cost; undefined when it has to be asked for. */
  keptRecipient(address: string): RecipientStatus | undefined {
    this.#dropStale();
    return this.#statuses.get(address);
  }

  /** Whether mail for an address would be taken. */
  async recipient(address: string): Promise<RecipientStatus> {
    const kept = this.keptRecipient(address);
    if (kept) return kept;
    const status = await this.#status(splitAddress(address));
    this.#statuses.set(address, status, status.kind === "known" ? KEPT_MS.found : KEPT_MS.absent);
    return status;
  }

  /** The account of an address of a virtual domain. */
  async account(address: string): Promise<Account | undefined> {
    const { local, domain } = splitAddress(address);
    const route = this.#sources.domains.route(local, domain);
    if (route.kind !== "virtual") return undefined;
    const user = await this.#sources.accounts.users.find(local, route.domain.name);
    return user && accountOf(user, route.domain);
  }

  /** Where a delivery to a virtual address goes; an extension `user-ext` goes to the user. */
  async delivery(address: string): Promise<DeliveryTarget> {
    this.#dropStale();
    const target = this.#targets.get(address) ?? await this.#askTarget(address);
    if (target.kind === "found" && target.account?.gecos.startsWith(GROUP_PREFIX)) {
      this.#sources.groupDelivery?.(target.account);
    }
    return target;
  }

  async #askTarget(address: string): Promise<DeliveryTarget> {
    const { local, domain } = splitAddress(address);
    const route = this.#sources.domains.route(local, domain);
    const target = route.kind === "virtual" ? await this.#target(local, route.domain) : { kind: "absent" } as const;
    this.#targets.set(address, target, target.kind === "found" ? KEPT_MS.found : KEPT_MS.absent);
    return target;
  }

  /** The real name of a domain. */
  realDomain(domain: string): string | undefined {
    const route = this.#sources.domains.route("", domain);
    if (route.kind === "none") return undefined;
    return route.kind === "virtual" ? route.domain.name : domain;
  }

  /** The rules for an account's mail [man vfilter.8]. */
  async filterRules(address: string): Promise<readonly FilterRule[]> {
    const { local, domain } = splitAddress(address);
    const route = this.#sources.domains.route(local, domain);
    if (route.kind !== "virtual") return [];
    const { filters } = this.#sources.accounts;
    const lists = ["prefilt", local, "postfilt"].map((name) => filters.list(`${name}@${route.domain.name}`));
    return (await Promise.all(lists)).flat();
  }

  /** What waits for an account: its own rows of bulkmail, and the domain's files for all. */
  async bulletins(address: string): Promise<readonly WaitingBulletin[]> {
    const { local, domain } = splitAddress(address);
    const route = this.#sources.domains.route(local, domain);
    if (route.kind !== "virtual") return [];
    const folder = `${route.domain.directory}/${BULLETIN_FOLDER}`;
    const own = await this.#sources.accounts.bulletins.list(`${local}@${route.domain.name}`);
    return [
      ...own.map((name) => ({ path: `${folder}/${name}`, name })),
      ...bulletinsForAll(folder).map((path) => ({ path })),
    ];
  }

  /** Whether a login of the sender from there is recent enough [spec formats 26]. */
  async relayGranted(sender: string, remoteIp: string): Promise<boolean> {
    const { local, domain } = splitAddress(sender.toLowerCase());
    const route = this.#sources.domains.route(local, domain);
    if (route.kind !== "virtual" || remoteIp === "") return false;
    const sinceSeconds = Math.floor(this.#sources.nowMs() / 1000) - 60 * this.#sources.relayMinutes;
    const email = `${local}@${route.domain.name}`;
    return await this.#sources.accounts.relay.permitted(plainIp(remoteIp), { email, sinceSeconds });
  }

  /** Forgets a bulletin that an account has. */
  async bulletinGiven(address: string, name: string): Promise<void> {
    const { local, domain } = splitAddress(address);
    const route = this.#sources.domains.route(local, domain);
    if (route.kind === "virtual") await this.#sources.accounts.bulletins.remove(`${local}@${route.domain.name}`, name);
  }

  /** Sets or clears BOUNCE_MAIL and userquota [spec tables, lastdeliver]. */
  async noteQuota(address: string, usedBytes: number): Promise<void> {
    const { local, domain } = splitAddress(address);
    const route = this.#sources.domains.route(local, domain);
    if (route.kind !== "virtual") return;
    const { users, quotas } = this.#sources.accounts;
    const { name } = route.domain;
    const bit = USER_FLAGS.bounceMail;
    if (usedBytes > 0) {
      if (await users.setFlags(local, name, { set: bit })) await quotas.set(local, name, usedBytes);
    } else if (await quotas.find(local, name) !== undefined) { // without it the operator has set the bit
      await users.setFlags(local, name, { clear: bit });
      await quotas.remove(local, name);
    }
    this.forget(address);
    this.forget(`${local}@${route.domain.name}`);
  }

  /** Forgets everything kept when files or database have changed. */
  #dropStale(): void {
    const version = this.#sources.accounts.database.version();
    if (!this.#sources.domains.refresh() && version === this.#databaseVersion) return;
    this.#databaseVersion = version;
    this.#statuses.forget();
    this.#targets.forget();
  }

  async #status(address: AddressParts): Promise<RecipientStatus> {
    const { local, domain } = address;
    const route = this.#sources.domains.route(local, domain);
    switch (route.kind) {
      case "none":
        return NOT_LOCAL;
      case "local":
        return this.#systemUser(local) ? KNOWN : ABSENT;
      case "prefixed":
        return this.#systemUser(`${route.prefix}-${local}`) ? KNOWN : ABSENT;
      case "virtual":
        return await this.#virtualStatus(local, route.domain);
    }
  }

  async #virtualStatus(local: string, domain: VirtualDomain): Promise<RecipientStatus> {
    const target = await this.#target(local, domain);
    if (target.kind === "found") {
      const { account, aliasLines } = target;
      if (!account || aliasLines.length > 0) return KNOWN;
      if (account.flags & USER_FLAGS.bounceMail) return { kind: "over-quota" };
      return account.inactive ? { kind: "inactive" } : KNOWN;
    }
    if (hasDotQmail(domain.directory, local)) return KNOWN;
    return readFallback(domain.directory) === "bounce" ? ABSENT : KNOWN;
  }

  async #target(local: string, domain: VirtualDomain): Promise<DeliveryTarget> {
    const { users, aliases } = this.#sources.accounts;
    const [user, aliasLines] = await Promise.all([
      users.find(local, domain.name),
      aliases.lines(local, domain.name),
    ]);
    if (user || aliasLines.length > 0) {
      return { kind: "found", account: user && accountOf(user, domain), aliasLines };
    }
    for (let dash = local.lastIndexOf("-"); dash > 0; dash = local.lastIndexOf("-", dash - 1)) {
      const owner = await users.find(local.slice(0, dash), domain.name);
      if (owner) return { kind: "found", account: accountOf(owner, domain), aliasLines: [] };
    }
    return { kind: "absent" };
  }

  /** A local part of the system: users/cdb, then an account, then the .qmail files of alias [man qmail-lspawn.9]. */
  #systemUser(local: string): boolean {
    const { domains, paths } = this.#sources;
    const user = domains.findUser(local) ?? this.#systemUsers.find(local);
    if (!user) return hasDotQmail(paths.alias, local);
    if (user.home !== paths.alias) return true; // its own .qmail files decide at delivery
    return user.ext === "" || hasDotQmail(paths.alias, user.ext);
  }
}
