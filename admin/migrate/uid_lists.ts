/**
 * UIDs that Dovecot gave: its `dovecot-uidlist` becomes the file that Courier and our server keep, in folders that have none
 * yet, so that mail programs need not fetch everything again [spec formats 5].
 */
import { latin1Text } from "../../core/bytes.ts";
import { pathExists } from "../../core/path_exists.ts";
import type { Disk } from "../../storage/disk.ts";
import { baseOfName } from "../../storage/maildir/names.ts";
import { formatUidFile, UID_FILE_NAME, UID_MAX, writeUidFile } from "../../storage/maildir/uid_file.ts";

/** Folders of one Maildir that are looked at. */
const FOLDERS_MAX = 10_000;
const LIST_NAME = "dovecot-uidlist";

/** A folder's UIDs. */
export interface DovecotUids {
  readonly uidValidity: number;
  readonly uidNext: number;
  readonly entries: readonly (readonly [uid: number, base: string])[];
}

/** Reads version 3 of the list: `3 V123 N7 …`, then `UID [fields] :name`; undefined when it is none or is broken. */
export function parseDovecotUids(text: string): DovecotUids | undefined {
  const lines = text.split("\n");
  const head = lines[0]?.split(" ") ?? [];
  const field = (letter: string) => Number(head.find((word) => word.startsWith(letter))?.slice(1));
  const [uidValidity, uidNext] = [field("V"), field("N")];
  if (head[0] !== "3" || !isUid(uidValidity) || !isUid(uidNext)) return undefined;
  const entries: [number, string][] = [];
  for (const line of lines.slice(1)) {
    if (line === "") continue;
    const match = /^(\d{1,10}) (?:[^:]* )?:(.+)$/.exec(line);
    const uid = Number(match?.[1]);
    if (!match || !isUid(uid)) return undefined;
    entries.push([uid, baseOfName(match[2] ?? "")]);
  }
  entries.sort(([one], [other]) => one - other);
  return { uidValidity, uidNext: Math.max(uidNext, (entries.at(-1)?.[0] ?? 0) + 1), entries };
}

function isUid(number: number): boolean {
  return Number.isInteger(number) && number >= 1 && number < UID_MAX;
}

/** Folders of a Maildir whose UIDs only Dovecot's list has. */
export function foldersWithDovecotUids(maildir: string): string[] {
  let names: string[];
  try {
    names = [...Deno.readDirSync(maildir)].filter(({ name, isDirectory }) => isDirectory && /^\.[^.]/.test(name))
      .map(({ name }) => name).slice(0, FOLDERS_MAX);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return [];
    throw error;
  }
  return [maildir, ...names.map((name) => `${maildir}/${name}`)]
    .filter((folder) => pathExists(`${folder}/${LIST_NAME}`) && !pathExists(`${folder}/${UID_FILE_NAME}`));
}

/** Writes a folder's file of UIDs, with the owner of Dovecot's list; false when that is broken. */
export async function takeDovecotUids(disk: Disk, folder: string): Promise<boolean> {
  const path = `${folder}/${LIST_NAME}`;
  const uids = parseDovecotUids(latin1Text(await disk.readFile(path)));
  if (!uids) return false;
  const { uid, gid } = await disk.stat(path);
  await disk.mkdir(`${folder}/tmp`, { recursive: true });
  await writeUidFile(disk, folder, formatUidFile(uids.uidValidity, uids.uidNext, uids.entries));
  if (Deno.uid() === 0) await disk.chown(`${folder}/${UID_FILE_NAME}`, uid, gid);
  return true;
}
