/**
 * Bulletins in Maildirs: the same message for many users, put into new/ once each, by copy, hard link or symbolic link
 * [man vbulletin.1] [spec formats 26]. Which were given to a user is kept beside the mail, so that reading or removing one does not
 * bring it back.
 */
import { latin1Text, utf8Bytes } from "../../core/bytes.ts";
import type { Disk } from "../disk.ts";
import { deliverToMaildir } from "./deliver.ts";

/** The file of a Maildir with the names of the bulletins that it was given. */
const GIVEN_FILE = "bulletins";
/** Bytes of that file, and of a bulletin. */
const GIVEN_BYTES_MAX = 1024 * 1024;
const BULLETIN_BYTES_MAX = 64 * 1024 * 1024;

/** How the message comes into the Maildir. */
export type BulletinKind = "copy" | "link" | "symlink";

/** One bulletin for one user. */
export interface Bulletin {
  readonly disk: Disk;
  readonly maildir: string;
  /** The message's file. */
  readonly path: string;
  readonly kind: BulletinKind;
  /** Of the host, for the name. */
  readonly hostName: string;
  /** Who shall own the file. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/** Gives a user a bulletin; false when that was done before. Throws Deno.errors.NotFound without the message or Maildir. */
export async function giveBulletin(bulletin: Bulletin): Promise<boolean> {
  const { disk, maildir, path, kind } = bulletin;
  const stat = await disk.stat(path);
  if (stat.sizeBytes > BULLETIN_BYTES_MAX) throw new RangeError(`${path} is longer than ${BULLETIN_BYTES_MAX} bytes`);
  const seconds = Math.floor(stat.modifiedMs / 1000);
  const mark = `${seconds} ${path.slice(path.lastIndexOf("/") + 1)}`;
  const given = await readGiven(disk, maildir);
  if (given.includes(mark)) return false;
  const uniqueName = `${seconds}.I${stat.inode.toString(16)}_bulletin.${bulletin.hostName}`;
  const target = `${maildir}/new/${uniqueName},S=${stat.sizeBytes}`;
  if (kind === "copy") {
    const bytes = await disk.readFile(path);
    const done = await deliverToMaildir({
      disk,
      maildir,
      uniqueName,
      sizeBytes: bytes.length,
      body: [bytes],
      mayBeRepeat: true,
    });
    if (bulletin.owner && Deno.uid() === 0) await disk.chown(done.path, bulletin.owner.uid, bulletin.owner.gid);
  } else {
    try {
      await (kind === "link" ? disk.link(path, target) : disk.symlink(path, target));
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
    await disk.syncDirectory(`${maildir}/new`);
  }
  await noteGiven(bulletin, [...given, mark]);
  return true;
}

async function readGiven(disk: Disk, maildir: string): Promise<string[]> {
  try {
    return latin1Text(await disk.readFile(`${maildir}/${GIVEN_FILE}`)).split("\n").filter((line) => line !== "");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** The newest names are kept when the file is full. */
async function noteGiven({ disk, maildir, owner }: Bulletin, marks: readonly string[]): Promise<void> {
  let text = marks.map((mark) => `${mark}\n`).join("");
  while (text.length > GIVEN_BYTES_MAX) text = text.slice(text.indexOf("\n") + 1);
  const temporary = `${maildir}/tmp/${GIVEN_FILE}.${Deno.pid}`;
  const file = await disk.open(temporary, { write: true, create: true, truncate: true, mode: 0o600 });
  try {
    await file.append(utf8Bytes(text));
    await file.sync();
  } finally {
    file.close();
  }
  if (owner && Deno.uid() === 0) await disk.chown(temporary, owner.uid, owner.gid);
  await disk.rename(temporary, `${maildir}/${GIVEN_FILE}`);
}
