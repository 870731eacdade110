/** What a user's quota has to do with the mail that is there: maildirsize, the over-quota bit, the table userquota. */
import { clearsOverQuota, tryQuota, type Usage } from "../maildir/quota.ts";
import { recountUsage } from "../maildir/quota_size.ts";
import type { Command } from "./command.ts";
import { USER_FLAGS, type UserRow } from "./users.ts";

/**
 * Counts a user's Maildir anew for the quota of `user`, writes maildirsize, and lets mail in again that bounced for a full
 * mailbox when there is room [spec formats 5]. Undefined when there is no Maildir yet.
 */
export async function settleQuota(command: Command, user: UserRow, nowMs: number): Promise<Usage | undefined> {
  const quota = tryQuota(user.quota);
  if (!quota || user.home === "") return undefined;
  const maildir = `${user.home}/Maildir`;
  let usage: Usage;
  try {
    const { uid, gid } = await command.disk.stat(maildir);
    usage = await recountUsage({ disk: command.disk, maildir, nowMs }, quota);
    if (Deno.uid() === 0) await command.disk.chown(`${maildir}/maildirsize`, uid, gid).catch(ignoreMissing);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const { quotas, users } = command.accounts;
  const noted = await quotas.find(user.name, user.domain);
  if (noted !== undefined && clearsOverQuota(quota, usage)) { // without the row the operator has set the bit
    await users.setFlags(user.name, user.domain, { clear: USER_FLAGS.bounceMail });
    await quotas.remove(user.name, user.domain);
  }
  return usage;
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
