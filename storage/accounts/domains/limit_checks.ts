/**
 * What commands ask before they change something of a domain with limits [man vlimit.1] [spec tables, vlimits]. Limits are
 * in force where DOMAIN_LIMITS is set, or the domain's folder has `.domain_limits` [man vmoddomain.9]; a user with the
 * override bit has none. What is counted, and how: limit_counts.ts, limit_quotas.ts [decision 0087].
 */
import { Permanent } from "../../../core/errors.ts";
import { pathExists } from "../../../core/path_exists.ts";
import type { Command } from "../command.ts";
import type { DomainEntry } from "../domain_store.ts";
import { LIMIT_PERMISSIONS, type Limits } from "../tables/vlimits.ts";
import { USER_FLAGS } from "../users.ts";

/** The variable, for applets to declare. */
export const LIMITS_ENV = {
  DOMAIN_LIMITS: "limits of domains (vlimit) are in force; else only where vmoddomain -l has set them so",
} as const;

/** File in a domain's folder that puts its limits in force. */
export const DOMAIN_LIMITS_FILE = ".domain_limits";

/** Whose limits are asked for, and the value of DOMAIN_LIMITS; `flags` are those of a user that is there. */
export interface LimitsAsked {
  readonly name: string;
  readonly flags?: number;
  readonly environment: string | undefined;
}

/** Whether the limits of a domain are in force; `environment` is DOMAIN_LIMITS. */
export function areLimitsInForce(domain: { readonly directory: string }, environment: string | undefined): boolean {
  return environment !== undefined || pathExists(`${domain.directory}/${DOMAIN_LIMITS_FILE}`);
}

/** The limits that hold for a user of a domain; undefined when none are in force, or the user is exempt from them. */
export async function limitsInForce(
  command: Command,
  domain: DomainEntry,
  asked: LimitsAsked,
): Promise<Limits | undefined> {
  const isExempt = ((asked.flags ?? 0) & USER_FLAGS.override) !== 0;
  if (isExempt || !areLimitsInForce(domain, asked.environment)) return undefined;
  return await command.accounts.limits.of(asked.name, domain.domain);
}

/** What limits count: column, the word for a message, the option of vlimit. */
const COUNTED = {
  account: ["maxpopaccounts", "users", "-P"],
  alias: ["maxaliases", "aliases", "-A"],
  forward: ["maxforwards", "forwards", "-F"],
  autoresponder: ["maxautoresponders", "autoresponders", "-R"],
  mailingList: ["maxmailinglists", "mailing lists", "-L"],
} as const;

/** What limits permit or not: column, the word for a message, the option of vlimit, place of the bits in the column. */
const PERMITTED = {
  account: ["perm_account", "users", "-p", 0],
  alias: ["perm_alias", "aliases", "-a", 0],
  forward: ["perm_forward", "forwards", "-f", 0],
  autoresponder: ["perm_autoresponder", "autoresponders", "-r", 0],
  mailingList: ["perm_maillist", "mailing lists", "-l", 0],
  listMember: ["perm_maillist", "members of mailing lists", "-u", 3],
  quota: ["perm_quota", "quotas", "-x", 0],
} as const;

const ACTS = {
  create: [LIMIT_PERMISSIONS.noCreate, "made"],
  modify: [LIMIT_PERMISSIONS.noModify, "changed"],
  delete: [LIMIT_PERMISSIONS.noDelete, "removed"],
} as const;

/** What can be counted. */
export type Counted = keyof typeof COUNTED;

/** An act that limits may forbid. */
export interface ForbiddenAct {
  readonly of: keyof typeof PERMITTED;
  readonly act: keyof typeof ACTS;
}

/** The most that limits allow of something; undefined for no limit. */
export function mostOf(limits: Limits | undefined, of: Counted): number | undefined {
  const most = limits?.[COUNTED[of][0]] ?? -1;
  return most < 0 ? undefined : most;
}

/** Throws Permanent when the domain has as many of something as its limits allow; `count` is how many it has now. */
export function refuseMore(
  limits: Limits | undefined,
  domain: string,
  more: { readonly of: Counted; readonly count: number },
): void {
  const most = mostOf(limits, more.of);
  if (most === undefined || more.count < most) return;
  const [column, word, option] = COUNTED[more.of];
  throw new Permanent(
    `${domain} has ${more.count} ${word} and may have ${most} (${column}): remove some, or allow more with vlimit ${option}`,
  );
}

/** Throws Permanent when limits forbid an act to those who administer the domain. */
export function refuseForbidden(limits: Limits | undefined, domain: string, asked: ForbiddenAct): void {
  const [column, word, option, place] = PERMITTED[asked.of];
  const [bit, done] = ACTS[asked.act];
  if (((limits?.[column] ?? 0) >> place & bit) === 0) return;
  throw new Permanent(`${word} of ${domain} may not be ${done} (${column}): allow it with vlimit ${option}`);
}
