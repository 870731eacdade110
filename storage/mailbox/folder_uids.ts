/**
 * The UIDs of one folder: read from courierimapuiddb, given to arrivals under a lock that all our processes take, and
 * written down before anybody is told of them. A missing file is written from memory, a broken one means a new
 * UIDVALIDITY.
 */
import { withFileLock } from "../locks/file_lock.ts";
import {
  appendUids,
  formatUidFile,
  readUidFile,
  UID_MAX,
  uidFileStamp,
  type UidList,
  writeUidFile,
} from "../maildir/uid_file.ts";
import { baseOfPath } from "./folder_scan.ts";
import type { Columns } from "./columns.ts";
import type { FolderMeta } from "./mail_index.ts";
import type { ViewContext } from "./folder_view.ts";

/** Name of the lock file in the top Maildir. */
const LOCK_FILE_NAME = "indimail-index.lock";
/** Lines of messages that are gone from which the file is written anew. */
const GONE_LINES_MAX = 1000;
let lastValidity = 0;

/** Another folder has taken the place of this one: its UIDVALIDITY is another. */
export class FolderReplaced extends Error {}

/** UIDVALIDITY for a folder that has none: the time in seconds, and never the same twice in a process. */
export function newUidValidity(nowMs: number): number {
  lastValidity = Math.max(Math.trunc(nowMs / 1000), lastValidity + 1) % UID_MAX || 1;
  return lastValidity;
}

/** UIDVALIDITY, next UID and who gets which. */
export class FolderUids {
  uidValidity = 0;
  uidNext = 1;
  /** Of the file as last read or written. */
  stamp = "";
  /** The file's first line is behind. */
  lagging = false;
  readonly lockPath: string;
  readonly #context: ViewContext;

  constructor(context: ViewContext) {
    this.#context = context;
    this.lockPath = `${context.maildir}/${LOCK_FILE_NAME}`;
  }

  /** Takes what the index says if the file has not changed since; false when it has. */
  adopt(meta: FolderMeta): boolean {
    if (uidFileStamp(this.#context.path) !== meta.uidStamp) return false;
    this.uidValidity = meta.uidValidity;
    this.uidNext = meta.uidNext;
    this.stamp = meta.uidStamp;
    this.lagging = true;
    return true;
  }

  /**
   * The UIDs of messages, given where they have none; durable when it resolves. `columns` are the messages that the
   * sessions know: what comes later gets a higher UID, whatever the file says. Throws FolderReplaced.
   */
  async forBases(bases: readonly string[], columns: Columns): Promise<number[]> {
    return await withFileLock(this.lockPath, async () => {
      const { path, disk } = this.#context;
      const stamp = uidFileStamp(path);
      const list = stamp === this.stamp && stamp !== "" ? undefined : this.#read(stamp);
      const highest = columns.count === 0 ? 0 : columns.uids[columns.count - 1]!;
      const given = list !== undefined && list.uids.size > 0 ? list.uids : undefined;
      const fresh: number[] = []; // indexes
      const uids = bases.map((base, index) => {
        const known = given?.get(base);
        if (known !== undefined && (known > highest || isRow(columns, known, base))) return known;
        fresh.push(index);
        return this.uidNext++;
      });
      const broken = stamp === "" || (stamp !== this.stamp && list === undefined) || list?.torn === true;
      if (broken || (list && list.uids.size > 2 * (columns.count + bases.length) + GONE_LINES_MAX)) {
        await this.#rewrite(columns, (entries) => {
          for (let index = 0; index < uids.length; index++) {
            const uid = uids[index]!;
            if (uid > highest || columns.find(uid) < 0) entries.push([uid, bases[index]!]);
          }
        });
      } else if (fresh.length > 0) {
        await appendUids(disk, path, fresh.map((index) => [uids[index]!, bases[index]!] as const));
        this.lagging = true;
      } else if (list) this.lagging = list.lagging;
      this.stamp = uidFileStamp(path);
      return uids;
    });
  }

  /** Writes the file anew if its first line is behind, so that another server finds it as it should be. */
  async tidy(columns: Columns): Promise<void> {
    if (!this.lagging) return;
    await withFileLock(this.lockPath, async () => {
      if (uidFileStamp(this.#context.path) !== this.stamp || this.stamp === "") return;
      await this.#rewrite(columns, () => {});
      this.stamp = uidFileStamp(this.#context.path);
    });
  }

  async #rewrite(columns: Columns, more: (entries: [number, string][]) => void): Promise<void> {
    const entries: [number, string][] = [];
    for (let row = 0; row < columns.count; row++) {
      entries.push([columns.uids[row]!, baseOfPath(columns.paths[row]!)]);
    }
    more(entries);
    if (entries.some((entry, at) => at > 0 && entry[0] < entries[at - 1]![0])) entries.sort((a, b) => a[0] - b[0]);
    const { disk, path } = this.#context;
    await writeUidFile(disk, path, formatUidFile(this.uidValidity, this.uidNext, entries));
    this.lagging = false;
  }

  #read(stamp: string): UidList | undefined {
    const list = stamp === "" ? undefined : readUidFile(this.#context.path);
    if (list) {
      if (this.uidValidity !== 0 && list.uidValidity !== this.uidValidity) throw new FolderReplaced();
      this.uidValidity = list.uidValidity;
      this.uidNext = Math.max(this.uidNext, list.uidNext);
    } else if (this.uidValidity === 0) this.uidValidity = newUidValidity(this.#context.nowMs());
    return list;
  }
}

function isRow(columns: Columns, uid: number, base: string): boolean {
  const row = columns.find(uid);
  return row >= 0 && baseOfPath(columns.paths[row]!) === base;
}
