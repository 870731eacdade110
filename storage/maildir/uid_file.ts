/**
 * courierimapuiddb: which UID a message of a folder has. A first line `1 UIDVALIDITY NEXTUID`, then lines `UID base`
 * [spec formats 5]. It is the truth for UIDs; the index can be thrown away. Arrivals are appended in one write, so the
 * first line may lag behind: the next UID is also above every UID listed, and of two lines for one base the later counts.
 * Written anew (tmp, sync, rename) when it is missing, torn or full of messages that are gone.
 */
import { latin1Text } from "../../core/bytes.ts";
import type { Disk } from "../disk.ts";
import { baseOfName } from "./names.ts";

/** The UIDs of a folder. */
export interface UidList {
  readonly uidValidity: number;
  /** Above every UID ever given. */
  readonly uidNext: number;
  /** UID of a base. */
  readonly uids: ReadonlyMap<string, number>;
  /** The last line is incomplete: write the file anew before anything is appended. */
  readonly torn: boolean;
  /** The first line says less than uidNext. */
  readonly lagging: boolean;
}

/** Name of the file in each folder. */
export const UID_FILE_NAME = "courierimapuiddb";
/** Largest UID and UIDVALIDITY [rfc3501 9, nz-number]. */
export const UID_MAX = 4_294_967_295;
/** Bytes of the file that are read: some 5 million messages. */
const UID_FILE_BYTES_MAX = 512 * 1024 * 1024;
const encoder = new TextEncoder();

/** The list of a file's text; undefined when it is broken (then the folder gets a new UIDVALIDITY). */
export function parseUidFile(text: string): UidList | undefined {
  const headEnd = text.indexOf("\n");
  const head = /^1 (\d{1,10}) (\d{1,10})$/.exec(text.slice(0, Math.max(headEnd, 0)));
  if (!head) return undefined;
  const uidValidity = Number(head[1]);
  const headNext = Number(head[2]);
  if (uidValidity < 1 || uidValidity > UID_MAX || headNext < 1 || headNext > UID_MAX) return undefined;
  let uidNext = headNext;
  const uids = new Map<string, number>();
  let at = headEnd + 1;
  let torn = false;
  while (at < text.length) {
    const end = text.indexOf("\n", at);
    if (end < 0) {
      torn = true;
      break;
    }
    let uid = 0;
    let index = at;
    for (; index < end; index++) {
      const digit = text.charCodeAt(index) - 48;
      if (digit < 0 || digit > 9) break;
      uid = uid * 10 + digit;
    }
    if (uid < 1 || uid >= UID_MAX || text.charCodeAt(index) !== 0x20 || index + 1 >= end) return undefined;
    uids.set(baseOfName(text.slice(index + 1, end)), uid);
    if (uid >= uidNext) uidNext = uid + 1;
    at = end + 1;
  }
  return { uidValidity, uidNext, uids, torn, lagging: uidNext !== headNext };
}

/** The text of a file; `entries` as [UID, base] by ascending UID. */
export function formatUidFile(
  uidValidity: number,
  uidNext: number,
  entries: readonly (readonly [uid: number, base: string])[],
): string {
  return `1 ${uidValidity} ${uidNext}\n${linesOf(entries)}`;
}

/** Joined once: a long chain of appended strings would have to be flattened before it is encoded. */
function linesOf(entries: readonly (readonly [uid: number, base: string])[]): string {
  const lines: string[] = [];
  for (let at = 0; at < entries.length; at++) lines.push(`${entries[at]![0]} ${entries[at]![1]}\n`);
  return lines.join("");
}

/** What tells one state of a folder's file from another; empty when there is none. */
export function uidFileStamp(folder: string): string {
  try {
    const stat = Deno.statSync(`${folder}/${UID_FILE_NAME}`);
    return `${stat.ino}.${stat.size}.${stat.mtime?.getTime()}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** The list of a folder: undefined when the file is missing or broken. */
export function readUidFile(folder: string): UidList | undefined {
  const path = `${folder}/${UID_FILE_NAME}`;
  try {
    if (Deno.statSync(path).size > UID_FILE_BYTES_MAX) return undefined;
    return parseUidFile(latin1Text(Deno.readFileSync(path)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Appends lines for messages that have just got their UIDs; durable when it resolves. The file exists and is not torn. */
export async function appendUids(
  disk: Disk,
  folder: string,
  entries: readonly (readonly [uid: number, base: string])[],
): Promise<void> {
  const file = await disk.open(`${folder}/${UID_FILE_NAME}`, { append: true });
  try {
    await file.append(encoder.encode(linesOf(entries)));
    await file.sync();
  } finally {
    file.close();
  }
}

/** Replaces the file: tmp, sync, rename. */
export async function writeUidFile(disk: Disk, folder: string, text: string): Promise<void> {
  const tmp = `${folder}/tmp/${UID_FILE_NAME}.${Deno.pid}`;
  const file = await disk.open(tmp, { write: true, create: true, truncate: true, mode: 0o600 });
  try {
    await file.append(encoder.encode(text));
    await file.sync();
  } finally {
    file.close();
  }
  await disk.rename(tmp, `${folder}/${UID_FILE_NAME}`);
}
