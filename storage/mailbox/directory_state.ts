/**
 * What was known of a folder's directories when they were last read, and whether they must be read again: by their times
 * and inodes, and, since times are coarse, once more when the last reading came too soon after a change.
 */
import type { Disk } from "../disk.ts";
import { keywordStamp } from "../maildir/keywords.ts";
import { type DirectoryTime, directoryTime, isInNew, moveToCur, readMessagePaths, sureFromMs } from "./folder_scan.ts";
import type { FolderMeta } from "./mail_index.ts";

/** How long after a change of our own cur/ is read again, in case somebody else changed it in the same moment. */
const OWN_CHANGE_VERIFY_MS = 5000;
/** Rounds of moving new/ to cur/ before the rest is left for the next look. */
const NEW_ROUNDS_MAX = 3;
/** Read at a time when every change shows in the directory's time. */
const NEVER = Number.MAX_SAFE_INTEGER;

/** Directories of one folder. */
export class DirectoryState {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #nowMs: () => number;
  #new: DirectoryTime = { ms: 0, inode: 0 };
  /** False: new/ may hold what its time does not tell; reading it is cheap, it is nearly empty. */
  #newSure = false;
  #cur: DirectoryTime = { ms: 0, inode: 0 };
  #curVerifyMs = 0;
  keywordStamp = "";

  constructor(folder: { readonly disk: Disk; readonly path: string; readonly nowMs: () => number }) {
    this.#disk = folder.disk;
    this.#path = folder.path;
    this.#nowMs = folder.nowMs;
  }

  /** Takes over what the index says. */
  adopt(meta: FolderMeta): void {
    this.#new = { ms: meta.newMs, inode: meta.newInode };
    this.#newSure = meta.newMs + OWN_CHANGE_VERIFY_MS <= this.#nowMs();
    this.#cur = { ms: meta.curMs, inode: meta.curInode };
    this.#curVerifyMs = meta.curVerifyMs;
    this.keywordStamp = meta.keywordStamp;
  }

  /** What the index is to keep. */
  meta(): Pick<FolderMeta, "newMs" | "newInode" | "curMs" | "curInode" | "curVerifyMs" | "keywordStamp"> {
    return {
      newMs: this.#new.ms,
      newInode: this.#new.inode,
      curMs: this.#cur.ms,
      curInode: this.#cur.inode,
      curVerifyMs: this.#curVerifyMs,
      keywordStamp: this.keywordStamp,
    };
  }

  /** Whether anything must be read; three stats. */
  looksChanged(): boolean {
    const fresh = directoryTime(`${this.#path}/new`);
    return !fresh || !this.#newSure || !same(fresh, this.#new) || this.curChanged() || this.keywordsChanged();
  }

  /** Whether cur/ must be read. */
  curChanged(): boolean {
    const cur = directoryTime(`${this.#path}/cur`);
    return !cur || !same(cur, this.#cur) || this.#nowMs() >= this.#curVerifyMs;
  }

  /** Whether the keywords must be read. */
  keywordsChanged(): boolean {
    return this.keywordStamp !== keywordStamp(this.#path);
  }

  /** True when the directories are gone, or others stand in their place. */
  replaced(): boolean {
    const cur = directoryTime(`${this.#path}/cur`);
    return !cur || !directoryTime(`${this.#path}/new`) || (this.#cur.inode !== 0 && cur.inode !== this.#cur.inode);
  }

  /** Reads cur/: the names in it; undefined when it is gone. */
  readCur(): string[] | undefined {
    const time = directoryTime(`${this.#path}/cur`);
    if (!time) return undefined;
    const scannedMs = this.#nowMs();
    const names = readMessagePaths(this.#path, "cur");
    this.#cur = time;
    this.#curVerifyMs = scannedMs >= sureFromMs(time) ? NEVER : sureFromMs(time);
    return names;
  }

  /** Reads new/ if it may have changed and moves what is there to cur/; the paths of what was there. */
  async takeNew(): Promise<string[]> {
    const arrived: string[] = [];
    for (let round = 0; round < NEW_ROUNDS_MAX; round++) {
      const time = directoryTime(`${this.#path}/new`);
      if (!time || (this.#newSure && same(time, this.#new))) break;
      const scannedMs = this.#nowMs();
      const waiting = readMessagePaths(this.#path, "new");
      this.#new = time;
      this.#newSure = scannedMs >= sureFromMs(time);
      if (waiting.length === 0) break;
      const moved = await moveToCur(this.#disk, this.#path, waiting);
      for (const path of moved) arrived.push(path);
      if (moved.some(isInNew)) {
        this.#newSure = false; // more to move at the next look
        break;
      }
    }
    return arrived;
  }

  /** After a change of our own to cur/: its new time is not a reason to read it soon. */
  ownChange(): void {
    const time = directoryTime(`${this.#path}/cur`);
    if (!time) return this.distrust();
    this.#cur = time;
    this.#curVerifyMs = this.#nowMs() + OWN_CHANGE_VERIFY_MS;
    this.keywordStamp = keywordStamp(this.#path);
  }

  /** A file was not where it should be: cur/ must be read. */
  distrust(): void {
    this.#curVerifyMs = 0;
  }
}

function same(a: DirectoryTime, b: DirectoryTime): boolean {
  return a.ms === b.ms && a.inode === b.inode;
}
