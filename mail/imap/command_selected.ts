/** Commands that open and close a folder, and remove messages for good: SELECT to EXPUNGE [rfc3501 6.3.1] [rfc3501 6.4]. */
import { FLAG_BITS, isRefusal } from "./backend.ts";
import { normalMailboxName } from "./mailbox_name.ts";
import { type Completion, no, ok, refused } from "./replies.ts";
import { SelectedMailbox } from "./selected.ts";
import type { CommandContext } from "./session_types.ts";
import type { NumberSet } from "./sets.ts";

/** [rfc3501 6.3.1] [rfc3501 6.3.2] */
export async function runSelect(
  session: CommandContext,
  given: string,
  options: { readonly readOnly: boolean },
): Promise<Completion> {
  // the folder that was open is closed even if this one cannot be opened [rfc3501 6.3.1]
  await session.changeFolder(undefined);
  const name = normalMailboxName(given, session.account.separator);
  const mailbox = await session.account.select(name, options);
  if (isRefusal(mailbox)) return refused(mailbox);
  const folder = new SelectedMailbox(mailbox, { name, readOnly: options.readOnly });
  await session.changeFolder(folder);
  const { out } = session;
  const { flags, uids } = folder.known;
  folder.announceFlags(out);
  out.line(`* ${uids.length} EXISTS`);
  out.line(`* ${folder.recentCount} RECENT`);
  const unseen = flags.findIndex((word) => (word & FLAG_BITS.seen) === 0);
  if (unseen >= 0) out.line(`* OK [UNSEEN ${unseen + 1}] first unseen`);
  out.line(`* OK [UIDVALIDITY ${mailbox.uidValidity}] UIDs are valid`);
  out.line(`* OK [UIDNEXT ${mailbox.uidNext}] next UID`);
  return ok("selected", options.readOnly ? "READ-ONLY" : "READ-WRITE");
}

/** UIDs of the known messages that are marked \Deleted, of those in `within` where it is given. */
function deletedUids(session: CommandContext, within?: Uint32Array): Uint32Array {
  const { mailbox, known } = session.folder;
  const allowed = within && new Set(within);
  const ours = new Set(known.uids);
  const { uids, flags } = mailbox.snapshot;
  // what has arrived or been marked since without the client knowing the message stays
  return uids.filter((uid, index) =>
    (flags[index]! & FLAG_BITS.deleted) !== 0 && ours.has(uid) && (allowed === undefined || allowed.has(uid))
  );
}

/** [rfc3501 6.4.3] [rfc4315 2.1] */
export async function runExpunge(session: CommandContext, set?: NumberSet): Promise<Completion> {
  const { folder } = session;
  if (folder.readOnly) return no("the folder is open for reading only");
  const indices = set && folder.indices(set, { byUid: true });
  const uids = deletedUids(session, indices && folder.uidsOf(indices));
  if (uids.length > 0) {
    const result = await folder.mailbox.expunge(uids);
    if (isRefusal(result)) return refused(result);
  }
  return ok("expunged");
}

/** [rfc3501 6.4.2]: removes what is marked, without telling. */
export async function runClose(session: CommandContext): Promise<Completion> {
  const { folder } = session;
  if (!folder.readOnly) {
    const uids = deletedUids(session);
    const result = uids.length > 0 ? await folder.mailbox.expunge(uids) : undefined;
    if (isRefusal(result)) return refused(result);
  }
  await session.changeFolder(undefined);
  return ok("closed");
}

/** [rfc3691 2] */
export async function runUnselect(session: CommandContext): Promise<Completion> {
  await session.changeFolder(undefined);
  return ok("closed");
}
