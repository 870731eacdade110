/**
 * Puts a message into a Maildir, idempotently: the name is the caller's and the same at each attempt, so a repeat after a
 * crash finds it and adds nothing. tmp, write, fdatasync, link to new, unlink. A crash between two steps leaves a file in
 * tmp (`cleanTmp` removes it 36 hours later, as every reader of Maildirs does) or a delivered message; never half of one.
 * The name in new/ is durable only when the folder is synced: FolderSync, in groups.
 */
import { concatBytes } from "../../core/bytes.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import type { Disk, DiskFile } from "../disk.ts";
import { formatMaildirName, isMessageName, uniqueOfName } from "./names.ts";

/** One delivery. */
export interface MaildirDelivery {
  readonly disk: Disk;
  /** The Maildir or one of its folders: the path that holds tmp, new and cur. */
  readonly maildir: string;
  /** The name up to `,S=`: the same at each attempt, of no other message. */
  readonly uniqueName: string;
  /** All bytes of `body`. */
  readonly sizeBytes: number;
  readonly body: AsyncIterable<Uint8Array> | readonly Uint8Array[];
  /** Set: the message goes to cur/ with these letters (an IMAP APPEND) and not to new/. */
  readonly flags?: string;
  /** An earlier attempt may have got through: look for the name in new/ and cur/ first. */
  readonly mayBeRepeat?: boolean;
  /** Nothing but this very message can have the name: a rename does for link and unlink. */
  readonly ownName?: boolean;
  /** Makes a missing Maildir (mode 0700). */
  readonly create?: boolean;
  /** Mode of the file; 0600 unless given. */
  readonly mode?: number;
}

/** How a delivery ended; `path` is the file's. */
export interface DeliveredMessage {
  readonly kind: "delivered" | "already-there";
  readonly path: string;
  readonly sizeBytes: number;
}

/** Age above which a file in tmp/ belongs to nobody, milliseconds [maildir(5): 36 hours]. */
export const TMP_AGE_MS_MAX = 36 * 3600 * 1000;
/** Parts of at most this many bytes in all are joined into one write. */
const JOIN_BYTES_MAX = 1024 * 1024;
let attempts = 0;

/**
 * Delivers a message. Throws Temporary when the Maildir is missing or cannot be written, or when the body's length is not
 * `sizeBytes`; then nothing was delivered.
 */
export async function deliverToMaildir(delivery: MaildirDelivery): Promise<DeliveredMessage> {
  const { disk, maildir, uniqueName, sizeBytes } = delivery;
  if (delivery.mayBeRepeat) {
    const path = await findDelivered(disk, maildir, uniqueName);
    if (path !== undefined) return { kind: "already-there", path, sizeBytes };
  }
  const base = `${uniqueName},S=${sizeBytes}`;
  const path = delivery.flags === undefined
    ? `${maildir}/new/${base}`
    : `${maildir}/cur/${formatMaildirName(base, delivery.flags)}`;
  // Of its own for each attempt: an earlier one, whose process still runs, must not have its file overwritten.
  const tmp = `${maildir}/tmp/${uniqueName}.${Deno.pid.toString(36)}_${(attempts++).toString(36)}`;
  const file = await openTmp(delivery, tmp);
  try {
    await writeBody(file, delivery);
  } catch (error) {
    await disk.unlink(tmp).catch(() => undefined); // left for cleanTmp
    throw asTemporary(error, tmp);
  }
  if (delivery.ownName) {
    try {
      await disk.rename(tmp, path);
    } catch (error) {
      await disk.unlink(tmp).catch(() => undefined); // left for cleanTmp
      throw asTemporary(error, path);
    }
    return { kind: "delivered", path, sizeBytes };
  }
  let kind: DeliveredMessage["kind"] = "delivered";
  try {
    await disk.link(tmp, path);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) {
      await disk.unlink(tmp).catch(() => undefined); // left for cleanTmp
      throw asTemporary(error, path);
    }
    kind = "already-there";
  }
  await disk.unlink(tmp).catch(() => undefined); // the message is in place: a leftover in tmp must not undo that
  return { kind, path, sizeBytes };
}

async function openTmp(delivery: MaildirDelivery, tmp: string): Promise<DiskFile> {
  const { disk, maildir } = delivery;
  const options = { write: true, createNew: true, mode: delivery.mode ?? 0o600 };
  try {
    return await disk.open(tmp, options);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound) || !delivery.create) {
      throw error instanceof Deno.errors.NotFound
        ? new Temporary(`there is no Maildir at ${maildir}`)
        : asTemporary(error, tmp);
    }
  }
  await createMaildir(disk, maildir);
  try {
    return await disk.open(tmp, options);
  } catch (error) {
    throw asTemporary(error, tmp);
  }
}

async function writeBody(file: DiskFile, delivery: MaildirDelivery): Promise<void> {
  const { body, sizeBytes } = delivery;
  let written = 0;
  try {
    if (Symbol.asyncIterator in body || sizeBytes > JOIN_BYTES_MAX) {
      for await (const part of body) {
        written += part.length;
        if (written > sizeBytes) break;
        await file.append(part);
      }
    } else {
      const all = body.length === 1 ? body[0]! : concatBytes(...body);
      written = all.length;
      if (written === sizeBytes) await file.append(all);
    }
    if (written !== sizeBytes) throw new Temporary(`message of ${sizeBytes} bytes came as ${written}`);
    await file.sync();
  } finally {
    file.close();
  }
}

/** The path of the message with that unique name in new/ or cur/, whatever its flags; undefined when there is none. */
export async function findDelivered(disk: Disk, maildir: string, uniqueName: string): Promise<string | undefined> {
  for (const folder of ["new", "cur"]) {
    let names: string[];
    try {
      names = await disk.readDirectory(`${maildir}/${folder}`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw asTemporary(error, `${maildir}/${folder}`);
    }
    for (const name of names) {
      if (name.startsWith(uniqueName) && uniqueOfName(name) === uniqueName) return `${maildir}/${folder}/${name}`;
    }
  }
  return undefined;
}

/** Makes a Maildir (or what is missing of it) with all folders above, mode 0700, and makes the names durable. */
export async function createMaildir(disk: Disk, maildir: string): Promise<void> {
  try {
    for (const path of [maildir, `${maildir}/tmp`, `${maildir}/new`, `${maildir}/cur`]) {
      await disk.mkdir(path, { recursive: true, mode: 0o700 });
    }
    await disk.syncDirectory(maildir);
    await disk.syncDirectory(maildir.replace(/\/[^/]*$/, "") || ".");
  } catch (error) {
    throw asTemporary(error, maildir);
  }
}

/** Removes what was left in tmp/ more than 36 hours ago; the count of files removed. */
export async function cleanTmp(disk: Disk, maildir: string, nowMs: number): Promise<number> {
  let removed = 0;
  for (const name of await disk.readDirectory(`${maildir}/tmp`)) {
    if (!isMessageName(name)) continue;
    const path = `${maildir}/tmp/${name}`;
    try {
      const stat = await disk.lstat(path);
      if (stat.kind !== "file" || nowMs - stat.modifiedMs < TMP_AGE_MS_MAX) continue;
      await disk.unlink(path);
      removed++;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return removed;
}

function asTemporary(error: unknown, path: string): Temporary {
  return error instanceof Temporary ? error : new Temporary(`cannot write ${path}: ${errorText(error)}`);
}
