/**
 * Mail that bounces because a mailbox was full comes in again when its user has made room: looked at when a session of that
 * user begins and ends [spec formats 5].
 */
import type { Account, Lookup } from "../../storage/accounts/lookup_types.ts";
import { USER_FLAGS } from "../../storage/accounts/users.ts";
import type { Disk } from "../../storage/disk.ts";
import { clearsOverQuota, tryQuota } from "../../storage/maildir/quota.ts";
import { readUsage } from "../../storage/maildir/quota_size.ts";

/** What it is decided with. */
export interface QuotaNotes {
  readonly lookup: Pick<Lookup, "account" | "noteQuota">;
  readonly disk: Disk;
  nowMs(): number;
  /** Told what could not be done: the next session tries again. */
  warn(text: string): void;
}

/** Tells the lookup daemon when an account that is marked as full has room again. Never throws. */
export async function noteRoom(notes: QuotaNotes, account: Account): Promise<void> {
  const quota = tryQuota(account.quota);
  if (!(account.flags & USER_FLAGS.bounceMail) || !quota || (quota.bytes === 0 && quota.messages === 0)) return;
  try {
    const context = { disk: notes.disk, maildir: `${account.home}/Maildir`, nowMs: notes.nowMs() };
    if (!clearsOverQuota(quota, await readUsage(context, quota))) return;
    await notes.lookup.noteQuota(account.address, 0);
  } catch (error) {
    notes.warn(`quota of ${account.address}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The same at the end of a session, in which the account may have been marked. */
export async function noteRoomAtEnd(notes: QuotaNotes, account: Account): Promise<void> {
  if (account.quota === "" || account.quota === "NOQUOTA") return;
  try {
    const now = await notes.lookup.account(account.address);
    if (now) await noteRoom(notes, now);
  } catch (error) {
    notes.warn(`quota of ${account.address}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
