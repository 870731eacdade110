/** vadduser with a file: what becomes of one entry before it is added, each fault of it thrown as Permanent or Usage. */
import { Permanent } from "../../core/errors.ts";
import type { Command } from "../../storage/accounts/command.ts";
import type { DomainEntry } from "../../storage/accounts/domain_store.ts";
import {
  areLimitsInForce,
  limitsInForce,
  mostOf,
  refuseForbidden,
  refuseMore,
} from "../../storage/accounts/domains/limit_checks.ts";
import { checkedSum, defaultQuota, limitsSum, quotaSum } from "../../storage/accounts/domains/limit_quotas.ts";
import { NO_QUOTA, type Quota } from "../../storage/maildir/quota.ts";
import { ALWAYS_ACTIVE, checkGecos, parseUserAddress, type UserAddress } from "../../storage/accounts/names.ts";
import {
  type HashDefaults,
  makePassword,
  type PasswordChoice,
  randomPasswordOf,
} from "../../storage/accounts/password_choice.ts";
import type { BatchPlaces, BatchUser } from "../../storage/accounts/user_batch.ts";
import { quotaText } from "../../storage/accounts/user_store.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import type { BulkEntry } from "./bulk_input.ts";
import { formatCsvRecord } from "./csv.ts";

/** The options of vadduser that hold for every user, and the ways out. */
export interface BulkOptions {
  readonly password: PasswordChoice;
  /** Option -r. */
  readonly random: string | undefined;
  readonly comment: string | undefined;
  readonly quota: string | undefined;
  readonly inactive: boolean;
  readonly makeDirectory: boolean;
  readonly places: BatchPlaces;
  /** Domain of addresses without one. */
  readonly defaultDomain: string | undefined;
  /** DOMAIN_LIMITS and PASSWORD_HASH. */
  readonly environment: { readonly limits: string | undefined; readonly hash: string | undefined };
  readonly keepGoing: boolean;
}

/** What a batch knows of a domain; not kept longer, since commands may change it meanwhile. */
export interface DomainFacts {
  readonly domain: DomainEntry;
  readonly hash: HashDefaults;
  readonly defaultQuota: string;
  readonly hasLimits: boolean;
}

/** What a domain has at a batch, with the users of the batch that were let through; counted when a limit asks for it. */
export interface DomainTally {
  users?: number;
  quotas?: Quota;
}

/** An entry whose address and values are right. */
export interface Candidate {
  readonly entry: BulkEntry;
  readonly address: UserAddress;
  readonly facts: DomainFacts;
  readonly gecos: string;
  readonly quota: string;
}

/** A candidate with its password hashed. */
export type Ready = Candidate & { readonly user: BatchUser };

/** Turns entries into users. */
export class CandidateMaker {
  readonly #command: Command;
  readonly #options: BulkOptions;

  constructor(command: Command, options: BulkOptions) {
    this.#command = command;
    this.#options = options;
  }

  /** Checks an entry; `known` keeps the domains of its batch. */
  async candidate(entry: BulkEntry, known: Map<string, Promise<DomainFacts>>): Promise<Candidate> {
    const address = parseUserAddress(entry.address, this.#options.defaultDomain);
    const asked = known.get(address.domain) ?? this.#facts(address.domain);
    known.set(address.domain, asked);
    const facts = await asked;
    const { comment, quota, random } = this.#options;
    if (entry.password === "" && random === undefined) throw new Permanent("no password, and no -r to make one");
    const ownQuota = entry.quota || quota;
    return {
      entry,
      address: { name: address.name, domain: facts.domain.domain },
      facts,
      gecos: checkGecos(entry.name || (comment ?? address.name)),
      quota: ownQuota === undefined ? facts.defaultQuota : quotaText(ownQuota),
    };
  }

  async #facts(name: string): Promise<DomainFacts> {
    const domain = await this.#command.realDomain(name);
    const control = [new ControlFiles(domain.directory), this.#command.control];
    const { limits, hash } = this.#options.environment;
    return {
      domain,
      hash: { environment: hash, control },
      defaultQuota: defaultQuota(await limitsInForce(this.#command, domain, { name: "", environment: limits })),
      hasLimits: areLimitsInForce(domain, limits),
    };
  }

  /** Hashes the password, or makes one, which goes to `tell` as a line. */
  async ready(candidate: Candidate, tell: (line: string) => Promise<void>): Promise<Ready> {
    const { entry, facts, gecos, quota } = candidate;
    const { password: choice, random, inactive } = this.#options;
    let clear = entry.password;
    if (clear === "" && random !== undefined) {
      clear = randomPasswordOf(random);
      await tell(formatCsvRecord([entry.address, clear]).replace("\r", ""));
    }
    // what is hashed already has no clear text that a credential could be made of
    const own = entry.hashed && !choice.encrypted
      ? { ...choice, encrypted: true, scram: undefined, clear: false }
      : choice;
    const columns = await makePassword(clear, own, facts.hash);
    const { name } = candidate.address;
    return {
      ...candidate,
      user: { name, ...columns, uid: 0, flags: 0, gecos, quota, inactive: inactive && !ALWAYS_ACTIVE.includes(name) },
    };
  }

  /** Refuses what the limits of a domain do not allow; `tallies` keeps what the domains of a batch have. */
  async checkLimits({ entry, address, facts, quota }: Ready, tallies: Map<string, DomainTally>): Promise<void> {
    const { environment, quota: usual } = this.#options;
    const { name, domain } = address;
    const { users } = this.#command.accounts;
    const limits = await limitsInForce(this.#command, facts.domain, { name, environment: environment.limits });
    refuseForbidden(limits, domain, { of: "account", act: "create" });
    if (entry.quota || usual !== undefined) refuseForbidden(limits, domain, { of: "quota", act: "create" });
    const tally = tallies.get(domain) ?? {};
    tallies.set(domain, tally);
    if (mostOf(limits, "account") !== undefined) {
      tally.users ??= await users.total(domain);
      refuseMore(limits, domain, { of: "account", count: tally.users });
    }
    if (limitsSum(limits)) tally.quotas ??= await quotaSum(users, domain);
    const sum = checkedSum(tally.quotas ?? NO_QUOTA, { user: `${name}@${domain}`, after: quota }, limits);
    if (tally.quotas) tally.quotas = sum;
    if (tally.users !== undefined) tally.users++;
  }
}
