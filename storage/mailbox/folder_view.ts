/**
 * One folder in memory, shared by all sessions of the process: columns, flags, and what was known of the directories when
 * they were last read. It is taken from the index where that is fresh, else from courierimapuiddb and the file names, and
 * read again only when a directory's time says so. What changes it runs one at a time (`exclusive`).
 */
import { withFileLock } from "../locks/file_lock.ts";
import { FLAGS_MARK, flagsOfName } from "../maildir/names.ts";
import { KEYWORD_UPDATES_MAX, keywordStamp, readKeywords, writeKeywordList } from "../maildir/keywords.ts";
import { type Eventually, KEYWORD_BIT_FIRST, KEYWORDS_MAX } from "../../mail/imap/backend.ts";
import type { Disk } from "../disk.ts";
import { Columns, Snapshot } from "./columns.ts";
import { findDate, findSize } from "./fill_columns.ts";
import { flagsOfLetters, SYSTEM_BITS } from "./flag_letters.ts";
import { DirectoryState } from "./directory_state.ts";
import { baseOfPath, directoryTime, fileOf, isInNew, readMessagePaths } from "./folder_scan.ts";
import { FolderReplaced, FolderUids } from "./folder_uids.ts";
import type { IndexPool } from "./index_pool.ts";
import type { FolderMeta, SavedFolder } from "./mail_index.ts";

/** What a view needs of the store. */
export interface ViewContext {
  readonly disk: Disk;
  /** The top Maildir. */
  readonly maildir: string;
  /** Name of the folder's directory without the dot; empty for INBOX. */
  readonly folder: string;
  /** Path of the folder's directory. */
  readonly path: string;
  readonly index: IndexPool;
  readonly nowMs: () => number;
  /** The view has changed and is to be saved some time. */
  readonly changed: () => void;
}

/** A message that is to be taken in: its file and what is known of it. */
export interface Arrival {
  readonly path: string;
  readonly flags: number;
  readonly dateMs?: number;
  readonly sizeBytes?: number;
}

/** A folder. Made by `load`; `dead` when it was deleted or replaced under us. */
export class FolderView {
  readonly context: ViewContext;
  readonly listeners = new Set<() => void>();
  columns = new Columns();
  flags = new Uint32Array(16);
  snapshot: Snapshot;
  keywords: string[] = [];
  recentFrom = 1;
  /** UIDs whose rows are to be removed from the index. */
  readonly goneUids: number[] = [];
  /** Differs from what the index has. */
  dirty = false;
  dead = false;
  readonly uids: FolderUids;
  readonly directories: DirectoryState;
  /** While the folder is read for the first time: what came from new/. */
  #firstArrivals: Set<string> | undefined = new Set();
  #queue: Promise<unknown> = Promise.resolve();
  #queued = 0;

  private constructor(context: ViewContext) {
    this.context = context;
    this.uids = new FolderUids(context);
    this.directories = new DirectoryState(context);
    this.snapshot = new Snapshot(this.columns, this.flags, this);
  }

  /** Reads a folder; undefined when there is none. */
  static async load(context: ViewContext): Promise<FolderView | undefined> {
    const view = new FolderView(context);
    const cur = directoryTime(`${context.path}/cur`);
    const fresh = directoryTime(`${context.path}/new`);
    if (!cur || !fresh) return undefined;
    const saved = context.index.useExisting(context.maildir, (index) => index.savedFolder(context.folder));
    const usable = saved && saved.meta.curInode === cur.inode && saved.meta.newInode === fresh.inode;
    const adopted = usable && saved.meta.uidStamp !== "" && view.uids.adopt(saved.meta);
    if (adopted) view.#takeSaved(saved);
    await view.exclusive(() => view.#look());
    if (view.dead) return undefined;
    if (usable && !adopted) view.#salvage(saved);
    if (!saved || saved.meta.uidValidity !== view.uids.uidValidity) view.#firstRecent();
    view.#firstArrivals = undefined;
    return view;
  }

  /** Runs `run` after all that was asked for before it. */
  exclusive<T>(run: () => Promise<T>): Promise<T> {
    this.#queued++;
    const result = this.#queue.then(run);
    this.#queue = result.then(() => undefined, () => undefined).finally(() => this.#queued--);
    return result;
  }

  /** Takes in what changed on disk, if anything did; costs three stats when nothing did. */
  refresh(): Eventually<void> {
    if (this.dead || (this.#queued === 0 && !this.directories.looksChanged())) return;
    return this.exclusive(() => this.dead ? Promise.resolve() : this.#look());
  }

  /** Before a change of our own: takes in others' changes. Only inside `exclusive`. */
  async prepare(): Promise<void> {
    if (this.directories.looksChanged()) await this.#look();
  }

  /** After a change of our own to files of cur/. */
  ownChange(): void {
    this.directories.ownChange();
    this.markDirty();
  }

  /** A file was not where it should be: read cur/ at the next look. */
  distrust(): void {
    this.directories.distrust();
  }

  markDirty(): void {
    this.dirty = true;
    this.context.changed();
  }

  /** Makes a new snapshot of columns and flags and tells the sessions. */
  publish(): void {
    this.snapshot = new Snapshot(this.columns, this.flags, this);
    this.markDirty();
    for (const listener of [...this.listeners]) listener();
  }

  /** The folder is gone (or another one has taken its place): all its messages are expunged for the sessions. */
  kill(): void {
    if (this.dead) return;
    this.dead = true;
    this.columns = new Columns();
    this.flags = new Uint32Array(16);
    this.publish();
  }

  /** The path of a message's file, or undefined when it is gone. */
  pathOf(uid: number): string | undefined {
    const row = this.columns.find(uid);
    return row < 0 ? undefined : fileOf(this.context.path, this.columns.paths[row]!);
  }

  findDate(columns: Columns, row: number): number {
    return findDate(this, columns, row);
  }

  findSize(columns: Columns, row: number): number {
    return findSize(this, columns, row);
  }

  /** Bits of keywords, made where missing; undefined when there is no room. */
  keywordBits(names: readonly string[]): number | undefined {
    let bits = 0;
    for (const name of names) {
      const lower = name.toLowerCase();
      let index = this.keywords.findIndex((known) => known.toLowerCase() === lower);
      if (index < 0) {
        if (this.keywords.length >= KEYWORDS_MAX) return undefined;
        index = this.keywords.push(name) - 1;
        this.markDirty();
      }
      bits |= 1 << (index + KEYWORD_BIT_FIRST);
    }
    return bits;
  }

  /** Names of the keywords in a flag word. */
  keywordNames(flags: number): string[] {
    return this.keywords.filter((_, index) => flags & (1 << (index + KEYWORD_BIT_FIRST)));
  }

  /** Adds messages whose files are in place; gives their UIDs in order, none when the folder is dead. Only inside `exclusive`. */
  async takeIn(arrivals: readonly Arrival[]): Promise<number[]> {
    const uids = await this.#uidsFor(arrivals.map((arrival) => baseOfPath(arrival.path)));
    if (!uids) return [];
    for (const index of ascending(uids)) {
      const arrival = arrivals[index]!;
      const uid = uids[index]!;
      const known = this.columns.find(uid);
      if (known >= 0) continue; // a second name for a message that is there
      const row = this.columns.push(uid, arrival.path);
      this.#setFlags(row, arrival.flags);
      if (arrival.dateMs !== undefined) this.columns.dates[row] = arrival.dateMs;
      if (arrival.sizeBytes !== undefined) this.columns.sizes[row] = arrival.sizeBytes;
    }
    this.publish();
    return uids;
  }

  /** Removes rows; the files are already gone. Only inside `exclusive`. */
  removeRows(gone: Uint8Array): void {
    for (let row = 0; row < this.columns.count; row++) {
      if (gone[row] === 1) this.goneUids.push(this.columns.uids[row]!);
    }
    const flags = new Uint32Array(Math.max(this.columns.count, 16));
    let next = 0;
    for (let row = 0; row < this.columns.count; row++) if (gone[row] !== 1) flags[next++] = this.flags[row]!;
    this.columns = this.columns.without(gone);
    this.flags = flags;
    this.publish();
  }

  /** What the index is to keep of the folder. */
  meta(): FolderMeta {
    return {
      uidValidity: this.uids.uidValidity,
      uidNext: this.uids.uidNext,
      recentFrom: this.recentFrom,
      keywords: this.keywords,
      ...this.directories.meta(),
      uidStamp: this.uids.stamp,
    };
  }

  async #uidsFor(bases: readonly string[]): Promise<number[] | undefined> {
    try {
      return await this.uids.forBases(bases, this.columns);
    } catch (error) {
      if (!(error instanceof FolderReplaced) && !(error instanceof Deno.errors.NotFound)) throw error;
      this.kill();
      return undefined;
    }
  }

  #setFlags(row: number, flags: number): void {
    if (row >= this.flags.length) {
      const larger = new Uint32Array(this.flags.length * 2);
      larger.set(this.flags);
      this.flags = larger;
    }
    this.flags[row] = flags;
  }

  async #look(): Promise<void> {
    const { directories } = this;
    if (directories.replaced()) return this.kill();
    const curChanged = directories.curChanged();
    const arrived = await directories.takeNew();
    for (const path of arrived) this.#firstArrivals?.add(path);
    const keywords = directories.keywordsChanged();
    if (curChanged || keywords) {
      const names = directories.readCur(); // after new/ was emptied: what was moved is seen here
      if (!names) return this.kill();
      for (const path of arrived) if (isInNew(path)) names.push(path);
      await this.#merge(names, { all: true, keywords });
    } else if (arrived.length > 0) {
      await this.#merge(arrived, { all: false, keywords: false });
      this.ownChange();
    }
  }

  /** Brings the columns to what was read: `all` when `files` are all there are, else only arrivals. */
  async #merge(
    files: readonly string[],
    options: { readonly all: boolean; readonly keywords: boolean },
  ): Promise<void> {
    const { columns } = this;
    if (columns.count === 0 && files.length > 0) {
      this.directories.keywordStamp = keywordStamp(this.context.path);
      return await this.#arrive(files);
    }
    const leftover = new Set(files);
    const missing: number[] = [];
    for (let row = 0; row < columns.count; row++) {
      const path = columns.paths[row]!;
      if (!leftover.delete(path) && (options.all || isInNew(path))) missing.push(row);
    }
    const byBase = new Map<string, string>();
    for (const file of leftover) byBase.set(baseOfPath(file), file);
    let changed = this.#rename(missing, byBase);
    let gone = options.all ? missing.filter((row) => row >= 0) : [];
    if (gone.length > 0) {
      // A file that was renamed while the directory was read may be in neither place: look once more.
      const again = new Map(readMessagePaths(this.context.path, "cur").map((file) => [baseOfPath(file), file]));
      changed = this.#rename(gone, again) || changed;
      gone = gone.filter((row) => row >= 0);
    }
    if (options.keywords) changed = this.#readKeywords(columns.count) || changed;
    if (gone.length > 0) {
      const rows = new Uint8Array(columns.count);
      for (const row of gone) rows[row] = 1;
      this.removeRows(rows);
    } else if (changed) this.publish();
    this.#leaveOutDoubles(byBase);
    if (byBase.size > 0) await this.#arrive([...byBase.values()]);
    else if (this.uids.uidValidity === 0) await this.#uidsFor([]);
    this.markDirty();
  }

  /** A second file with a base that is there already (a copy by another program) is not another message. */
  #leaveOutDoubles(byBase: Map<string, string>): void {
    if (byBase.size === 0) return;
    for (let row = 0; row < this.columns.count; row++) byBase.delete(baseOfPath(this.columns.paths[row]!));
  }

  /** Finds rows' files under other names; sets those found to -1 in `rows` and takes them out of `byBase`. */
  #rename(rows: number[], byBase: Map<string, string>): boolean {
    let flags: Uint32Array<ArrayBuffer> | undefined;
    for (const [index, row] of rows.entries()) {
      const base = baseOfPath(this.columns.paths[row]!);
      const file = byBase.get(base);
      if (file === undefined) continue;
      byBase.delete(base);
      rows[index] = -1;
      this.columns.paths[row] = file;
      const word = systemFlags(file) | (this.flags[row]! & ~SYSTEM_BITS);
      if (word === this.flags[row]) continue;
      flags ??= this.flags.slice();
      flags[row] = word;
    }
    if (flags) this.flags = flags;
    return flags !== undefined;
  }

  /** Takes in files, in order of arrival: names begin with the time. */
  async #arrive(files: readonly string[]): Promise<void> {
    const keywords = this.directories.keywordStamp === "" ? undefined : readKeywords(this.context.path)?.byBase;
    const arrivals: Arrival[] = [];
    let last = "";
    for (const path of [...files].sort()) {
      const base = baseOfPath(path);
      if (base === last) continue; // two names of one message
      last = base;
      const words = keywords?.get(base);
      arrivals.push({ path, flags: systemFlags(path) | (words ? this.keywordBits(words) ?? 0 : 0) });
    }
    await this.takeIn(arrivals);
  }

  /** Reads the keywords of all messages anew. */
  #readKeywords(count: number): boolean {
    const { path, disk } = this.context;
    this.directories.keywordStamp = keywordStamp(path);
    const keywords = readKeywords(path);
    const flags = this.flags.slice();
    let changed = false;
    for (let row = 0; row < count; row++) {
      const names = keywords?.byBase.get(baseOfPath(this.columns.paths[row]!));
      const word = (flags[row]! & SYSTEM_BITS) | (names ? this.keywordBits(names) ?? 0 : 0);
      if (word === flags[row]) continue;
      flags[row] = word;
      changed = true;
    }
    if (changed) this.flags = flags;
    if (keywords && keywords.updates.length > KEYWORD_UPDATES_MAX) {
      this.exclusive(() =>
        withFileLock(this.uids.lockPath, async () => {
          const now = readKeywords(path);
          if (now) await writeKeywordList(disk, path, now);
        })
      ).catch(() => undefined); // only tidying up: the next reading tries again
    }
    return changed;
  }

  #takeSaved(saved: SavedFolder): void {
    const { meta } = saved;
    const columns = new Columns(saved.uids.length);
    for (const [row, path] of saved.paths.entries()) columns.push(saved.uids[row]!, path);
    columns.dates.set(saved.dates);
    columns.sizes.set(saved.sizes);
    this.columns = columns;
    this.flags = new Uint32Array(columns.uids.length);
    this.flags.set(saved.flags);
    this.keywords = [...meta.keywords];
    this.recentFrom = meta.recentFrom;
    this.directories.adopt(meta);
    this.snapshot = new Snapshot(this.columns, this.flags, this);
  }

  /** Sizes, dates and \Recent of a saved folder whose UID file has changed since. */
  #salvage(saved: SavedFolder): void {
    if (saved.meta.uidValidity !== this.uids.uidValidity) return;
    for (const [at, uid] of saved.uids.entries()) {
      const row = this.columns.find(uid);
      if (row < 0) continue;
      this.columns.dates[row] = saved.dates[at]!;
      this.columns.sizes[row] = saved.sizes[at]!;
    }
    this.recentFrom = Math.max(this.recentFrom, saved.meta.recentFrom);
  }

  /** Without an index: \Recent are the last messages, as far as they came from new/. */
  #firstRecent(): void {
    let row = this.columns.count;
    while (row > 0 && this.#firstArrivals?.has(this.columns.paths[row - 1]!)) row--;
    this.recentFrom = row === this.columns.count ? this.uids.uidNext : this.columns.uids[row]!;
  }
}

/** Indexes of `uids` by ascending UID. */
function ascending(uids: readonly number[]): readonly number[] {
  const order = uids.map((_, index) => index);
  return uids.every((uid, index) => index === 0 || uids[index - 1]! < uid)
    ? order
    : order.sort((a, b) => uids[a]! - uids[b]!);
}

/** The system flags in the name of a path. */
export function systemFlags(path: string): number {
  const mark = path.lastIndexOf(FLAGS_MARK);
  return mark < 0 ? 0 : flagsOfLetters(path, mark + FLAGS_MARK.length);
}

/** The letters in the name of a path. */
export function lettersOf(path: string): string {
  return flagsOfName(path);
}
