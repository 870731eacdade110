/**
 * Writes messages out in qmail's layout, in batches. The info file comes last, by a rename, once everything else is
 * durable: a message is in the files exactly when its info is there. What a crash leaves before is passed over, because
 * the journal still has the message (or it was never accepted), and removed by `cleanup`.
 */
import { writeInfoFile } from "./info_file.ts";
import { formatChannel, type QueueFolder } from "./layout.ts";
import { appendBounceFile, markRecipients } from "./marks.ts";
import type { HeldMessage } from "./message.ts";
import {
  createMessFile,
  fileExists,
  inParallel,
  removeFile,
  removeStale,
  type StoreParts,
  tryReadFile,
  writeSynced,
} from "./parts.ts";

/**
 * Messages written out together: many, since each of up to 151 folders of a kind is synced once a batch. Of their bodies
 * only those being written are in memory.
 */
export const WRITE_OUT_BATCH_MAX = 1024;

/** Reads the bytes of a message that has no mess file yet. */
export type ReadBody = (message: HeldMessage) => Promise<Uint8Array>;

/**
 * Writes messages out; `inFiles` is set for each that is durable in the layout. Gives those that failed, with the reason:
 * they are as they were before, and may be tried again.
 */
export async function writeOutBatch(
  parts: StoreParts,
  messages: readonly HeldMessage[],
  readBody: ReadBody,
): Promise<Map<HeldMessage, unknown>> {
  const snapshots = new Map<HeldMessage, string>();
  const failed = await inParallel(messages, (message) => writeContents(parts, message, readBody, snapshots));
  await syncParents(parts, messages, { failed, folders: contentFolders });
  for (const message of failed.keys()) await forgetContents(parts, message);

  const whole = messages.filter((message) => !failed.has(message));
  for (const message of whole) message.messReady = true;
  for (const [message, error] of await inParallel(whole, (message) => writeInfoFile(parts, message, message.messId!))) {
    failed.set(message, error);
  }
  await syncParents(parts, whole, { failed, folders: () => ["info"] });
  const durable = whole.filter((message) => !failed.has(message));
  const late = await inParallel(durable, (message) => catchUp(parts, message, snapshots.get(message) ?? ""));
  for (const [message, error] of late) failed.set(message, error);
  return failed;
}

/** mess, local, remote and bounce: synced, but not their names. */
async function writeContents(
  parts: StoreParts,
  message: HeldMessage,
  readBody: ReadBody,
  snapshots: Map<HeldMessage, string>,
): Promise<void> {
  const { disk, layout } = parts;
  if (message.messId === undefined) {
    const bytes = await readBody(message);
    const { file, fileId } = await createMessFile(parts);
    message.messId = fileId;
    try {
      await file.append(bytes);
      await file.sync({ metadata: true });
    } finally {
      file.close();
    }
    if (message.id === "") message.id = String(fileId);
  } else await removeStale(parts, message.messId);
  const fileId = message.messId;
  for (const channel of ["local", "remote"] as const) {
    const recipients = message.ofChannel(channel);
    for (const recipient of recipients) recipient.marked = recipient.done;
    if (recipients.every((recipient) => recipient.done)) continue;
    await writeSynced(disk, { path: layout.path(channel, fileId), folder: channel }, formatChannel(recipients));
  }
  snapshots.set(message, message.bounce);
  if (message.bounce) {
    const bytes = new TextEncoder().encode(message.bounce);
    await writeSynced(disk, { path: layout.path("bounce", fileId), folder: "bounce" }, bytes);
  }
}

/**
 * What must be durable before info. A channel without recipients need not be: info tells that it has none. The bounce
 * folder always: what was removed there must not come back as this message's.
 */
function contentFolders({ localCount, remoteCount }: HeldMessage): readonly QueueFolder[] {
  if (localCount === 0) return ["mess", "remote", "bounce"];
  return remoteCount === 0 ? ["mess", "local", "bounce"] : ["mess", "local", "remote", "bounce"];
}

/** Syncs the folders of messages; when one fails, so do the messages with a file there. */
async function syncParents(
  parts: StoreParts,
  messages: readonly HeldMessage[],
  batch: {
    readonly failed: Map<HeldMessage, unknown>;
    readonly folders: (message: HeldMessage) => readonly QueueFolder[];
  },
): Promise<void> {
  const { failed, folders } = batch;
  const parents = new Map<string, HeldMessage[]>();
  for (const message of messages) {
    if (failed.has(message) || message.messId === undefined) continue;
    for (const folder of folders(message)) {
      const parent = parts.layout.parent(folder, message.messId);
      const there = parents.get(parent);
      if (there) there.push(message);
      else parents.set(parent, [message]);
    }
  }
  const failures = await inParallel([...parents.keys()], (parent) => parts.disk.syncDirectory(parent));
  for (const [parent, error] of failures) {
    for (const message of parents.get(parent) ?? []) failed.set(message, error);
  }
}

/** Removes what `writeContents` made, as far as the disk allows; a large message keeps its mess file. */
async function forgetContents(parts: StoreParts, message: HeldMessage): Promise<void> {
  const { disk, layout, inUse } = parts;
  const fileId = message.messId;
  if (fileId === undefined) return;
  const ignore = () => undefined; // what stays is removed by the next attempt or by cleanup
  for (const folder of ["local", "remote", "bounce"] as const) {
    await removeFile(disk, layout.path(folder, fileId)).catch(ignore);
  }
  if (message.messReady) return;
  message.messId = undefined;
  inUse.delete(fileId);
  await removeFile(disk, layout.path("mess", fileId)).catch(ignore);
}

/** Brings what was done while the files were written into them, then makes the files the truth. */
async function catchUp(parts: StoreParts, message: HeldMessage, written: string): Promise<void> {
  for (;;) {
    const more = message.bounce.slice(written.length);
    const late = message.recipients.filter((recipient) => recipient.done && !recipient.marked);
    if (more === "" && late.length === 0) break;
    if (more !== "") {
      await appendBounceFile(parts, message.messId!, more);
      written += more;
    }
    if (late.length > 0) await markRecipients(parts, message, { recipients: late, sync: true });
  }
  if (message.bounce) message.bounceFile = true;
  message.bounce = "";
  message.inFiles = true;
  parts.inUse.delete(message.messId!);
}

/** Brings what the journal knew of a message into files that an earlier writing out completed. */
export async function adoptFiles(parts: StoreParts, message: HeldMessage): Promise<void> {
  const { disk, layout } = parts;
  for (const channel of ["local", "remote"] as const) {
    if (await fileExists(disk, layout.path(channel, message.messId!))) continue;
    for (const recipient of message.ofChannel(channel)) recipient.done = recipient.marked = true; // that is why it is gone
  }
  const bytes = await tryReadFile(disk, layout.path("bounce", message.messId!));
  const there = bytes ? new TextDecoder().decode(bytes) : "";
  const written = there.startsWith(message.bounce) ? message.bounce : message.bounce.startsWith(there) ? there : "";
  await catchUp(parts, message, written);
}
