/**
 * maildirsize: what a Maildir holds, kept by Maildir++ as a first line with the quota and lines of changes, each one
 * appended in a single write [spec formats 5]. Counted anew from the folders when it is missing, too old, too long, of
 * another quota, or says that the Maildir is full. Trash does not count unless asked.
 */
import { latin1Text, utf8Bytes } from "../../core/bytes.ts";
import type { Disk } from "../disk.ts";
import { isMessageName, sizeOfName } from "./names.ts";
import { formatQuota, isOverQuota, OVER_QUOTA_MESSAGE_BYTES_MAX, type Quota, tryQuota, type Usage } from "./quota.ts";

/** Where and how a quota is kept. */
export interface QuotaContext {
  readonly disk: Disk;
  /** The top Maildir, the one with maildirsize. */
  readonly maildir: string;
  readonly nowMs: number;
  /** Count .Trash too; INCLUDE_TRASH. */
  readonly includeTrash?: boolean;
  /** Believe maildirsize even when it says full; FAST_QUOTA. */
  readonly fast?: boolean;
  /** MAILDIRSIZE_MAX_AGE. */
  readonly ageSecondsMax?: number;
  /** MAILDIRSIZE_MAX_SIZE. */
  readonly sizeBytesMax?: number;
}

/** Seconds after which maildirsize is counted anew [spec formats 5]. */
export const MAILDIRSIZE_AGE_SECONDS_MAX = 43_200;
/** Bytes of maildirsize above which it is counted anew [spec formats 5]. */
export const MAILDIRSIZE_BYTES_MAX = 8192;
/** Bytes of maildirsize that are not even read. Ours. */
const READ_BYTES_MAX = 1024 * 1024;
/** Folder that does not count. */
const TRASH = ".Trash";

/** What a check says: there is room, or there is none; `usage` is what the Maildir holds without the message. */
export type QuotaCheck =
  | { readonly kind: "fits"; readonly usage: Usage }
  /** There is no room, but the message is so small that it passes. */
  | { readonly kind: "small"; readonly usage: Usage }
  | { readonly kind: "over"; readonly usage: Usage };

/** Whether messages of `adding` fit; reads maildirsize, and counts anew when its rules say so. Without a quota: no disk. */
export async function checkQuota(
  context: QuotaContext,
  quota: Quota,
  adding: Usage & { readonly smallBytesMax?: number },
): Promise<QuotaCheck> {
  if (quota.bytes === 0 && quota.messages === 0) return { kind: "fits", usage: { bytes: 0, messages: 0 } };
  let usage = await readUsage(context, quota);
  let fits = !isOverQuota(quota, plus(usage, adding));
  if (!fits && !context.fast) {
    usage = await recountUsage(context, quota);
    fits = !isOverQuota(quota, plus(usage, adding));
  }
  const small = adding.bytes <= (adding.smallBytesMax ?? OVER_QUOTA_MESSAGE_BYTES_MAX);
  return { kind: fits ? "fits" : small ? "small" : "over", usage };
}

/** What the Maildir holds, of maildirsize where it can be believed, else counted (and written). */
export async function readUsage(context: QuotaContext, quota: Quota): Promise<Usage> {
  const kept = await readMaildirSize(context);
  if (kept && kept.trusted && formatQuota(kept.quota) === formatQuota(quota)) return kept.usage;
  return await recountUsage(context, quota);
}

/** Notes that messages came (or went: negative). One atomic append; nothing when there is no maildirsize. */
export async function addUsage(disk: Disk, maildir: string, change: Usage): Promise<void> {
  if (change.bytes === 0 && change.messages === 0) return;
  try {
    const file = await disk.open(`${maildir}/maildirsize`, { append: true });
    try {
      await file.append(utf8Bytes(formatChange(change)));
    } finally {
      file.close();
    }
  } catch (error) {
    // Nobody keeps one, or the disk is full: the next recount puts it right.
    if (!(error instanceof Deno.errors.NotFound) && !isNoSpace(error)) throw error;
  }
}

/** Counts all folders and writes maildirsize anew; a folder that changed meanwhile leaves no maildirsize. */
export async function recountUsage(context: QuotaContext, quota: Quota): Promise<Usage> {
  const { disk, maildir } = context;
  const counted = await countMaildir(context);
  const path = `${maildir}/maildirsize`;
  const tmp = `${maildir}/tmp/maildirsize.${Deno.pid}.${counter++}`;
  const file = await disk.open(tmp, { write: true, create: true, truncate: true, mode: 0o644 });
  try {
    await file.append(utf8Bytes(`${formatQuota(quota)}\n${formatChange(counted.usage)}`));
  } catch (error) {
    await disk.unlink(tmp).catch(() => undefined); // cleanTmp's
    if (isNoSpace(error)) return counted.usage;
    throw error;
  } finally {
    file.close();
  }
  await disk.rename(tmp, path);
  if (await changedSince(disk, counted.folders)) {
    // A delivery during the count may be in both or in neither: the next check counts again.
    await disk.unlink(path).catch(ignoreNotFound);
  }
  return counted.usage;
}

let counter = 0;

interface KeptUsage {
  readonly quota: Quota;
  readonly usage: Usage;
  /** Neither too old nor too long nor impossible. */
  readonly trusted: boolean;
}

/** maildirsize as it is; undefined when it is missing or unreadable as one. */
export async function readMaildirSize(context: QuotaContext): Promise<KeptUsage | undefined> {
  const path = `${context.maildir}/maildirsize`;
  try {
    const stat = await context.disk.stat(path);
    if (stat.sizeBytes > READ_BYTES_MAX) return undefined;
    const parsed = parseMaildirSize(latin1Text(await context.disk.readFile(path)));
    if (!parsed) return undefined;
    const young = context.nowMs - stat.modifiedMs <= (context.ageSecondsMax ?? MAILDIRSIZE_AGE_SECONDS_MAX) * 1000;
    const short = stat.sizeBytes <= (context.sizeBytesMax ?? MAILDIRSIZE_BYTES_MAX);
    const possible = parsed.usage.bytes >= 0 && parsed.usage.messages >= 0;
    return { ...parsed, trusted: young && short && possible };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Quota and sum of a maildirsize; undefined when a line is not of the format (a torn last line is passed over). */
export function parseMaildirSize(text: string): { readonly quota: Quota; readonly usage: Usage } | undefined {
  const lines = text.split("\n");
  const last = lines.pop();
  if (lines.length === 0) return undefined;
  const quota = tryQuota(lines[0]!);
  if (!quota) return undefined;
  let bytes = 0;
  let messages = 0;
  for (let at = 1; at < lines.length; at++) {
    const match = /^\s*(-?\d{1,15})\s+(-?\d{1,10})\s*$/.exec(lines[at]!);
    if (!match) return undefined;
    bytes += Number(match[1]);
    messages += Number(match[2]);
  }
  return last === "" ? { quota, usage: { bytes, messages } } : undefined;
}

/** One line of change; Courier pads to columns, any blanks will do. */
function formatChange(change: Usage): string {
  return `${change.bytes} ${change.messages}\n`;
}

interface FolderTime {
  readonly path: string;
  readonly modifiedMs: number;
}

/** Counts all messages of a Maildir and its folders; sizes of the names, else of the files. */
export async function countMaildir(
  context: QuotaContext,
): Promise<{ readonly usage: Usage; readonly folders: readonly FolderTime[] }> {
  const { disk, maildir } = context;
  const folders: FolderTime[] = [];
  let bytes = 0;
  let messages = 0;
  const tops = [maildir];
  for (const name of await disk.readDirectory(maildir)) {
    if (name.length < 2 || name[0] !== "." || name === "..") continue;
    if (!context.includeTrash && (name === TRASH || name.startsWith(`${TRASH}.`))) continue;
    tops.push(`${maildir}/${name}`);
  }
  for (const top of tops) {
    for (const part of ["new", "cur"]) {
      const path = `${top}/${part}`;
      let names: string[];
      try {
        folders.push({ path, modifiedMs: (await disk.stat(path)).modifiedMs });
        names = await disk.readDirectory(path);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) continue;
        throw error;
      }
      for (const name of names) {
        if (!isMessageName(name)) continue;
        const size = sizeOfName(name) ?? await fileSize(disk, `${path}/${name}`);
        if (size === undefined) continue;
        bytes += size;
        messages++;
      }
    }
  }
  return { usage: { bytes, messages }, folders };
}

async function changedSince(disk: Disk, folders: readonly FolderTime[]): Promise<boolean> {
  for (const folder of folders) {
    try {
      if ((await disk.stat(folder.path)).modifiedMs !== folder.modifiedMs) return true;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return true;
      throw error;
    }
  }
  return false;
}

async function fileSize(disk: Disk, path: string): Promise<number | undefined> {
  try {
    return (await disk.stat(path)).sizeBytes;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function plus(usage: Usage, more: Usage): Usage {
  return { bytes: usage.bytes + more.bytes, messages: usage.messages + more.messages };
}

function ignoreNotFound(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

/** True for a full disk or an exhausted disk quota. */
function isNoSpace(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
}
