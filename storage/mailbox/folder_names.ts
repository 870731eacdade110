/**
 * IMAP names and folders: INBOX is the top Maildir, all others stand below a prefix ("INBOX." as Courier and the original
 * have it, or none). Special uses are told by name, subscriptions are Courier's courierimapsubscribed.
 */
import type { Disk } from "../disk.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { isFolderName } from "../maildir/folders.ts";
import type { SpecialUse } from "../../mail/imap/backend.ts";

/** Prefix of the folders' names unless said otherwise. */
export const PERSONAL_PREFIX = "INBOX.";
const SUBSCRIPTIONS_NAME = "courierimapsubscribed";
/** Bytes of the subscriptions that are read. */
const SUBSCRIPTIONS_BYTES_MAX = 4 * 1024 * 1024;

/** Names of folders by special use, lower case; of several the first that exists has it [rfc6154 2]. */
const SPECIAL_NAMES: readonly (readonly [use: SpecialUse, names: readonly string[]])[] = [
  ["\\Sent", ["sent", "sent messages", "sent items"]],
  ["\\Drafts", ["drafts"]],
  ["\\Trash", ["trash", "deleted messages", "deleted items"]],
  ["\\Junk", ["junk", "spam", "quarantine"]],
  ["\\Archive", ["archive", "archives"]],
];

/** The folder of an IMAP name (empty: INBOX); undefined when there can be none of that name. */
export function folderOfName(name: string, prefix: string): string | undefined {
  if (name.toUpperCase() === "INBOX") return "";
  const isBelow = name.slice(0, prefix.length).toUpperCase() === prefix.toUpperCase();
  if (!isBelow) return undefined;
  const folder = name.slice(prefix.length);
  return isFolderName(folder) ? folder : undefined;
}

/** The IMAP name of a folder. */
export function nameOfFolder(folder: string, prefix: string): string {
  return folder === "" ? "INBOX" : prefix + folder;
}

/** The special uses of folders. */
export function specialUses(folders: readonly string[]): Map<string, SpecialUse> {
  const byLower = new Map(folders.map((folder) => [folder.toLowerCase(), folder]));
  const uses = new Map<string, SpecialUse>();
  for (const [use, names] of SPECIAL_NAMES) {
    for (const name of names) {
      const folder = byLower.get(name);
      if (folder === undefined) continue;
      uses.set(folder, use);
      break;
    }
  }
  return uses;
}

/** Whether a folder is the Trash or below it: what is there does not count in the quota. */
export function isTrash(folder: string): boolean {
  return folder === "Trash" || folder.startsWith("Trash.");
}

/** The subscribed names. */
export function readSubscriptions(maildir: string): string[] {
  try {
    const path = `${maildir}/${SUBSCRIPTIONS_NAME}`;
    if (Deno.statSync(path).size > SUBSCRIPTIONS_BYTES_MAX) return [];
    return [...new Set(Deno.readTextFileSync(path).split("\n").filter((line) => line !== ""))];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Replaces the subscribed names: tmp, rename. */
export async function writeSubscriptions(disk: Disk, maildir: string, names: readonly string[]): Promise<void> {
  const tmp = `${maildir}/tmp/${SUBSCRIPTIONS_NAME}.${Deno.pid}`;
  const file = await disk.open(tmp, { write: true, create: true, truncate: true, mode: 0o600 });
  try {
    await file.append(utf8Bytes(names.map((name) => `${name}\n`).join("")));
    await file.sync();
  } finally {
    file.close();
  }
  await disk.rename(tmp, `${maildir}/${SUBSCRIPTIONS_NAME}`);
}
