/** STORE, COPY and MOVE, by sequence number and by UID [rfc3501 6.4.6] [rfc3501 6.4.7] [rfc6851]. */
import { type CopiedMessages, type FlagChange, isRefusal } from "./backend.ts";
import { currentIndices } from "./changes.ts";
import { formatSet } from "./format.ts";
import { normalMailboxName } from "./mailbox_name.ts";
import type { StoreArguments } from "./parse.ts";
import { bad, type Completion, no, ok, refused, someGone } from "./replies.ts";
import type { CommandContext } from "./session_types.ts";
import type { NumberSet } from "./sets.ts";

/** Whether message numbers are UIDs. */
export interface Numbering {
  readonly byUid: boolean;
}

/** The flags that a change makes of these. */
export function changedFlags(before: number, change: FlagChange): number {
  switch (change.mode) {
    case "set":
      return change.flags;
    case "add":
      return before | change.flags;
    case "remove":
      return before & ~change.flags;
  }
}

/** [rfc3501 6.4.6] */
export async function runStore(
  session: CommandContext,
  given: StoreArguments,
  numbering: Numbering,
): Promise<Completion> {
  const { folder, out } = session;
  const indices = folder.indices(given.set, numbering);
  if (!indices) return bad("there is no message of that number");
  if (folder.readOnly) return no("the folder is open for reading only");
  if (indices.length === 0) return ok("nothing to change");
  const bits = given.keywords.length === 0 ? 0 : await folder.mailbox.keywordBits(given.keywords);
  if (bits === undefined) return no("the folder has too many keywords", "LIMIT");
  const change: FlagChange = { mode: given.mode, flags: given.flags | bits };
  const result = await folder.mailbox.store(folder.uidsOf(indices), change);
  if (isRefusal(result)) return refused(result);
  const current = folder.mailbox.snapshot;
  const places = currentIndices(folder.known, current);
  const told = new Map<number, number>();
  let gone = false;
  if (!given.silent) folder.announceKeywords(out);
  for (const index of indices) {
    const place = places ? places[index]! : index;
    if (place < 0) {
      gone = true;
      continue;
    }
    const flags = current.flags[place]!;
    if (given.silent) {
      // told only where it is not what the client must expect [rfc3501 6.4.6]
      told.set(index, changedFlags(folder.known.flags[index]!, change));
      continue;
    }
    told.set(index, flags);
    const uid = current.uids[place]!;
    out.text("* ");
    out.number(index + 1);
    out.text(` FETCH (${numbering.byUid ? `UID ${uid} ` : ""}FLAGS (${folder.flagText(flags, uid)}))\r\n`);
    if (out.full) await session.flush();
  }
  folder.tell(told);
  return gone ? someGone() : ok("stored");
}

/** [rfc3501 6.4.7] [rfc4315 3] */
export async function runCopy(
  session: CommandContext,
  given: { readonly set: NumberSet; readonly mailbox: string },
  numbering: Numbering,
): Promise<Completion> {
  const { folder, account } = session;
  const indices = folder.indices(given.set, numbering);
  if (!indices) return bad("there is no message of that number");
  if (indices.length === 0) return ok("nothing to copy");
  const target = normalMailboxName(given.mailbox, account.separator);
  const copied = await folder.mailbox.copy(folder.uidsOf(indices), target);
  if (isRefusal(copied)) return refused(copied);
  return copied.sourceUids.length === 0 ? ALL_GONE : ok("copied", copyUid(copied));
}

/** [rfc6851 3.3] */
export async function runMove(
  session: CommandContext,
  given: { readonly set: NumberSet; readonly mailbox: string },
  numbering: Numbering,
): Promise<Completion> {
  const { folder, account, out } = session;
  const indices = folder.indices(given.set, numbering);
  if (!indices) return bad("there is no message of that number");
  if (folder.readOnly) return no("the folder is open for reading only");
  if (indices.length === 0) return ok("nothing to move");
  const target = normalMailboxName(given.mailbox, account.separator);
  const moved = await folder.mailbox.move(folder.uidsOf(indices), target);
  if (isRefusal(moved)) return refused(moved);
  if (moved.sourceUids.length === 0) return ALL_GONE;
  out.line(`* OK [${copyUid(moved)}] moved`);
  return ok("moved");
}

/** Other sessions have removed every message that was to be copied [rfc5530 3]. */
const ALL_GONE = no("the messages are gone", "EXPUNGEISSUED");

function copyUid(copied: CopiedMessages): string {
  return `COPYUID ${copied.uidValidity} ${formatSet(copied.sourceUids)} ${formatSet(copied.targetUids)}`;
}
