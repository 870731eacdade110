/**
 * What commands ask before they change something of a domain with limits [man vlimit.1] [spec tables, vlimits]. Limits are
 * in force where DOMAIN_LIMITS is set, or the domain's folder has `.domain_limits` [man vmoddomain.9].
 */
import { Permanent } from "../../../core/errors.ts";
import { pathExists } from "../../../core/path_exists.ts";
import type { Command } from "../command.ts";
import type { DomainEntry } from "../domain_store.ts";
import { LIMIT_PERMISSIONS, type Limits } from "../tables/vlimits.ts";

/** The variable, for applets to declare. */
export const LIMITS_ENV = {
  DOMAIN_LIMITS: "limits of domains (vlimit) are in force; else only where vmoddomain -l has set them so",
} as const;

/** File in a domain's folder that puts its limits in force. */
export const DOMAIN_LIMITS_FILE = ".domain_limits";

/** Whether the limits of a domain are in force; `environment` is DOMAIN_LIMITS. */
export function areLimitsInForce(domain: { readonly directory: string }, environment: string | undefined): boolean {
  return environment !== undefined || pathExists(`${domain.directory}/${DOMAIN_LIMITS_FILE}`);
}

/** The limits that hold for a user of a domain; undefined when none are in force. */
export async function limitsInForce(
  command: Command,
  domain: DomainEntry,
  about: { readonly name: string; readonly environment: string | undefined },
): Promise<Limits | undefined> {
  if (!areLimitsInForce(domain, about.environment)) return undefined;
  return await command.accounts.limits.of(about.name, domain.domain);
}

/** What limits count, with its column and the word for a message. */
const COUNTED = {
  account: ["maxpopaccounts", "users"],
  alias: ["maxaliases", "aliases"],
  forward: ["maxforwards", "forwards"],
  autoresponder: ["maxautoresponders", "autoresponders"],
  mailingList: ["maxmailinglists", "mailing lists"],
} as const;

/** What limits permit or not, with its column and the word for a message. */
const PERMITTED = {
  account: ["perm_account", "users"],
  alias: ["perm_alias", "aliases"],
  forward: ["perm_forward", "forwards"],
  autoresponder: ["perm_autoresponder", "autoresponders"],
  mailingList: ["perm_maillist", "mailing lists"],
  quota: ["perm_quota", "quotas"],
  defaultQuota: ["perm_defaultquota", "default quotas"],
} as const;

const ACTS = {
  create: [LIMIT_PERMISSIONS.noCreate, "made"],
  modify: [LIMIT_PERMISSIONS.noModify, "changed"],
  delete: [LIMIT_PERMISSIONS.noDelete, "removed"],
} as const;

/** Throws Permanent when the domain has as many of something as its limits allow; `count` is how many it has now. */
export function refuseMore(
  limits: Limits | undefined,
  domain: string,
  more: { readonly of: keyof typeof COUNTED; readonly count: number },
): void {
  const [column, word] = COUNTED[more.of];
  const most = limits?.[column] ?? -1;
  if (most >= 0 && more.count >= most) throw new Permanent(`${domain} may have ${most} ${word} and has them`);
}

/** Throws Permanent when limits forbid an act to those who administer the domain. */
export function refuseForbidden(
  limits: Limits | undefined,
  domain: string,
  asked: { readonly of: keyof typeof PERMITTED; readonly act: keyof typeof ACTS },
): void {
  const [column, word] = PERMITTED[asked.of];
  const [bit, done] = ACTS[asked.act];
  if (((limits?.[column] ?? 0) & bit) !== 0) {
    throw new Permanent(`${word} of ${domain} may not be ${done}: its limits say so`);
  }
}
