/**
 * The rules of an account (vfilter) at a delivery: the first that matches decides on folder, forward and bounce
 * [man vfilter.8] [spec formats 24]. A rule that cannot be carried out is passed over, never the mail.
 */
import { Permanent } from "../../core/errors.ts";
import { pathExists } from "../../core/path_exists.ts";
import { type FilterAction, filterAction, type FilterRule, findFilterRule } from "../../mail/filter/rules.ts";
import { Header } from "../../mail/header/header.ts";
import type { Account } from "../../storage/accounts/lookup_types.ts";
import { filterHeaderNames } from "../../storage/control/header_list.ts";
import type { DeliveryContext, DeliveryJob } from "./context.ts";
import { messageHeader } from "./message.ts";

/** What the rules say of a message; undefined when none matches. */
export interface FilterDecision {
  readonly rule: FilterRule;
  readonly action: FilterAction;
}

/** Applies the rules of the account to the job's header. Throws Temporary when the rules cannot be had. */
export async function decideByFilter(
  context: Pick<DeliveryContext, "lookup" | "control" | "log">,
  job: Pick<DeliveryJob, "message" | "sender">,
  to: { readonly account: Account; readonly address: string },
): Promise<FilterDecision | undefined> {
  const { account } = to;
  const rules = (await context.lookup.filterRules(account.address)).filter(({ address }) => isWanted(address, account));
  if (rules.length === 0) return undefined;
  const subject = {
    header: new Header(await messageHeader(job.message)),
    sender: job.sender,
    own: [account.address, to.address],
    headers: filterHeaderNames(context.control),
  };
  const rule = findFilterRule(rules.filter((one) => isUsable(context, one)), subject);
  return rule && { rule, action: filterAction(rule) };
}

/** The domain's rules can be switched off by files in the Maildir. */
function isWanted(address: string, account: Account): boolean {
  const maildir = `${account.home}/Maildir`;
  if (address.startsWith("prefilt@")) return !pathExists(`${maildir}/.noglobal`);
  if (address.startsWith("postfilt@")) return !pathExists(`${maildir}/.nopostfilt`);
  return true;
}

function isUsable(context: Pick<DeliveryContext, "log">, rule: FilterRule): boolean {
  try {
    filterAction(rule);
    return true;
  } catch (error) {
    if (!(error instanceof Permanent)) throw error;
    context.log.line(`warning: filter ${rule.number} of ${rule.address}: ${error.message}`);
    return false;
  }
}
