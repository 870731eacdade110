/**
 * The quota of a whole domain (diskquota, maxmsgcount): what its users may keep together [man vlimit.1] [decision 0087].
 * The quotas are added up, not the mail: a quota once given can be used whenever its owner likes. The caller holds
 * DomainStore's lock from the sum to the change.
 */
import { Permanent } from "../../../core/errors.ts";
import { formatQuota, NO_QUOTA, type Quota, tryQuota } from "../../maildir/quota.ts";
import type { Command } from "../command.ts";
import type { DomainEntry } from "../domain_store.ts";
import type { Limits } from "../tables/vlimits.ts";
import type { UserRow, Users } from "../users.ts";
import { quotaText } from "../user_store.ts";
import { limitsInForce, refuseForbidden } from "./limit_checks.ts";
import { checkNewAccount } from "./limit_counts.ts";

/** Quota of a user unless asked otherwise, bytes [man vadduser.9]. */
const HARD_QUOTA_BYTES = 52_428_800;

/** A quota that a user gets; `before` is the present one, undefined for a new user. Texts as in pw_shell. */
export interface QuotaChange {
  readonly user: string;
  readonly before?: string;
  readonly after: string;
}

/** What is added up: part of a quota, its column, the word for a message, the options of vlimit for the domain and a user. */
const PARTS = [
  ["bytes", "diskquota", "bytes", "-Q", "-q"],
  ["messages", "maxmsgcount", "messages", "-M", "-m"],
] as const;

/** The quota that a user gets who is not given one: that of the limits in force, else 50 megabytes. */
export function defaultQuota(limits: Limits | undefined): string {
  const [bytes, messages] = [limits?.defaultquota ?? 0, limits?.defaultmaxmsgcount ?? 0];
  return formatQuota({ bytes: bytes < 0 ? 0 : bytes || HARD_QUOTA_BYTES, messages });
}

/** What the quotas of a domain's users come to, without those of users that are exempt; no quota adds nothing. */
export async function quotaSum(users: Users, domain: string): Promise<Quota> {
  let [bytes, messages] = [0, 0];
  for (const { quota, count } of await users.quotas(domain)) {
    const one = tryQuota(quota) ?? NO_QUOTA;
    bytes += one.bytes * count;
    messages += one.messages * count;
  }
  return { bytes, messages };
}

/** Whether limits have anything to say of the sum. */
export function limitsSum(limits: Limits | undefined): boolean {
  return PARTS.some(([, column]) => (limits?.[column] ?? 0) > 0);
}

/**
 * The sum after a change. Throws Permanent when it would be more than the limits allow, or the user would have no quota
 * where the domain has one. A quota that does not grow is let through, and one in the place of none.
 */
export function checkedSum(sum: Quota, change: QuotaChange, limits: Limits | undefined): Quota {
  const before = change.before === undefined ? undefined : tryQuota(change.before) ?? NO_QUOTA;
  const after = tryQuota(change.after) ?? NO_QUOTA;
  const result = { bytes: 0, messages: 0 };
  for (const [part, column, word, option, usual] of PARTS) {
    const [most, old, wanted] = [limits?.[column] ?? 0, before?.[part], after[part]];
    const all = result[part] = sum[part] - (old ?? 0) + wanted;
    const grows = old === undefined || (old !== 0 && (wanted === 0 || wanted > old));
    if (most <= 0 || !grows) continue;
    const domain = change.user.slice(change.user.lastIndexOf("@") + 1);
    if (wanted === 0) {
      throw new Permanent(
        `${change.user} needs a quota of ${word}, as ${domain} may have ${most} (${column}): ` +
          `give one, or a usual one with vlimit ${usual}`,
      );
    }
    if (all > most) {
      throw new Permanent(
        `${domain}: the quotas of its users would be ${all} ${word} and may be ${most} (${column}): ` +
          `give less, or allow more with vlimit ${option}`,
      );
    }
  }
  return result;
}

/** A user that shall be added: text of option -q, undefined for the usual quota; the value of DOMAIN_LIMITS. */
export interface NewUserAsked {
  readonly name: string;
  readonly quota: string | undefined;
  readonly environment: string | undefined;
}

/** The quota that a new user gets. Throws Permanent when limits in force forbid another user, or that quota. */
export async function checkNewUser(command: Command, entry: DomainEntry, asked: NewUserAsked): Promise<string> {
  const limits = await limitsInForce(command, entry, asked);
  const { domain } = entry;
  if (asked.quota !== undefined) refuseForbidden(limits, domain, { of: "quota", act: "create" });
  await checkNewAccount(command, domain, limits);
  const quota = asked.quota === undefined ? defaultQuota(limits) : quotaText(asked.quota);
  await checkQuotaSum(command.accounts.users, { user: `${asked.name}@${domain}`, after: quota }, limits);
  return quota;
}

/** Throws Permanent when limits in force forbid that a user who is there gets this quota; `environment` is DOMAIN_LIMITS. */
export async function checkUserQuota(
  command: Command,
  domain: DomainEntry,
  asked: { readonly user: UserRow; readonly quota: string; readonly environment: string | undefined },
): Promise<void> {
  const { user, quota, environment } = asked;
  const limits = await limitsInForce(command, domain, { name: user.name, flags: user.flags, environment });
  refuseForbidden(limits, user.domain, { of: "quota", act: "modify" });
  const change = { user: `${user.name}@${user.domain}`, before: user.quota, after: quota };
  await checkQuotaSum(command.accounts.users, change, limits);
}

/** Throws Permanent when limits do not allow that a user's quota changes so, or that a new user has it. */
export async function checkQuotaSum(users: Users, change: QuotaChange, limits: Limits | undefined): Promise<void> {
  if (!limitsSum(limits)) return;
  const domain = change.user.slice(change.user.lastIndexOf("@") + 1);
  checkedSum(await quotaSum(users, domain), change, limits);
}
