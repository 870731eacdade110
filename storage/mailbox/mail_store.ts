/**
 * All mailboxes that a process has open: one view for each folder, whoever opened it. Views that nobody uses are kept for
 * a minute; indexes are saved in the background; folders that sessions watch (IDLE) are looked at twice a second.
 */
import { type Disk, realDisk } from "../disk.ts";
import { folderPath } from "../maildir/folders.ts";
import { FolderMailbox, type MailboxOwner } from "./folder_mailbox.ts";
import { FolderView } from "./folder_view.ts";
import { IndexPool } from "./index_pool.ts";

/** How a store works. */
export interface MailStoreOptions {
  readonly disk?: Disk;
  /** This host's name, for file names. */
  readonly hostName: string;
  readonly nowMs: () => number;
  /** Told of what fails in the background. */
  readonly onError?: (error: unknown) => void;
}

/** How often watched folders are looked at, milliseconds: two stats each. */
export const WATCH_INTERVAL_MS = 500;
const HOUSEKEEPING_INTERVAL_MS = 2000;
/** How long a view stays after its last user, milliseconds. */
const IDLE_MS_MAX = 60_000;
/** Views without users that are kept, and messages in them (some 200 bytes each). */
const IDLE_VIEWS_MAX = 64;
const IDLE_MESSAGES_MAX = 400_000;
/** How long a view in use may differ from the index, milliseconds. */
const UNSAVED_MS_MAX = 30_000;

/** The mailboxes of a process. */
export class MailStore {
  readonly disk: Disk;
  readonly index = new IndexPool();
  readonly #options: MailStoreOptions;
  readonly #mailboxes = new Map<string, Promise<FolderMailbox | undefined>>();
  /** The mailboxes that are loaded, by path. */
  readonly #open = new Map<string, FolderMailbox>();
  readonly #watched = new Set<FolderMailbox>();
  #housekeeping: ReturnType<typeof setInterval> | undefined;
  #watching: ReturnType<typeof setInterval> | undefined;
  #unique = 0;
  #closed = false;

  constructor(options: MailStoreOptions) {
    this.#options = options;
    this.disk = options.disk ?? realDisk;
  }

  nowMs(): number {
    return this.#options.nowMs();
  }

  /** A file name that no other message has or had. */
  uniqueName(): string {
    const nowMs = this.nowMs();
    const micros = String(Math.trunc(nowMs % 1000) * 1000).padStart(6, "0");
    return `${Math.trunc(nowMs / 1000)}.M${micros}P${Deno.pid}Q${++this.#unique}.${this.#options.hostName}`;
  }

  /** Opens a folder for a user who releases it; undefined when there is none. Others' changes are taken in. */
  async acquire(maildir: string, folder: string, owner: MailboxOwner): Promise<FolderMailbox | undefined> {
    const path = folderPath(maildir, folder);
    for (let attempt = 0; attempt < 2; attempt++) {
      let opening = this.#mailboxes.get(path);
      const loaded = opening !== undefined;
      if (!opening) {
        opening = this.#load(maildir, folder, owner);
        this.#mailboxes.set(path, opening);
      }
      const mailbox = await opening.catch((error) => {
        this.#mailboxes.delete(path);
        throw error;
      });
      if (!mailbox) {
        this.#mailboxes.delete(path);
        return undefined;
      }
      mailbox.users++;
      if (loaded) await mailbox.view.refresh();
      if (!mailbox.view.dead) return mailbox;
      this.#drop(mailbox);
    }
    return undefined;
  }

  /** Forgets a folder that is being removed or renamed: its sessions see all its messages expunged. */
  async forget(maildir: string, folder: string, options: { readonly below: boolean }): Promise<void> {
    for (const mailbox of [...this.#open.values()]) {
      const { context } = mailbox.view;
      if (context.maildir !== maildir) continue;
      if (context.folder !== folder && !(options.below && context.folder.startsWith(`${folder}.`))) continue;
      await mailbox.view.exclusive(() => Promise.resolve(mailbox.view.kill()));
      this.#drop(mailbox);
    }
  }

  /** A mailbox has lost a user. */
  released(mailbox: FolderMailbox): void {
    if (mailbox.users > 0) return;
    mailbox.idleSinceMs = this.nowMs();
    if (mailbox.view.dead) this.#drop(mailbox);
    else this.#keepHouse();
  }

  /** A mailbox is watched by one session more or less. */
  watched(mailbox: FolderMailbox): void {
    if (mailbox.watchers > 0) this.#watched.add(mailbox);
    else this.#watched.delete(mailbox);
    if (this.#watched.size > 0) this.#watching ??= setInterval(() => this.#look(), WATCH_INTERVAL_MS);
    else {
      clearInterval(this.#watching);
      this.#watching = undefined;
    }
  }

  /** Saves everything and closes the indexes. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#housekeeping);
    clearInterval(this.#watching);
    for (const mailbox of [...this.#open.values()]) await this.#retire(mailbox);
    this.index.close();
  }

  async #load(maildir: string, folder: string, owner: MailboxOwner): Promise<FolderMailbox | undefined> {
    const view = await FolderView.load({
      disk: this.disk,
      maildir,
      folder,
      path: folderPath(maildir, folder),
      index: this.index,
      nowMs: () => this.nowMs(),
      changed: () => this.#keepHouse(),
    });
    if (!view) return undefined;
    const mailbox = new FolderMailbox(view, owner);
    mailbox.savedMs = this.nowMs();
    this.#open.set(view.context.path, mailbox);
    return mailbox;
  }

  #look(): void {
    for (const mailbox of this.#watched) {
      Promise.resolve(mailbox.view.refresh()).catch((error) => this.#options.onError?.(error));
    }
  }

  #keepHouse(): void {
    if (this.#closed) return;
    this.#housekeeping ??= setInterval(() => {
      this.#tidy().catch((error) => this.#options.onError?.(error));
    }, HOUSEKEEPING_INTERVAL_MS);
  }

  /** Saves what is to be saved and lets go of what nobody has used for a while. */
  async #tidy(): Promise<void> {
    const nowMs = this.nowMs();
    const idle = [...this.#open.values()].filter((mailbox) => mailbox.users === 0).sort((a, b) =>
      b.idleSinceMs - a.idleSinceMs
    );
    let messages = 0;
    for (const [place, mailbox] of idle.entries()) {
      messages += mailbox.view.columns.count;
      const old = nowMs - mailbox.idleSinceMs > IDLE_MS_MAX;
      if (old || place >= IDLE_VIEWS_MAX || messages > IDLE_MESSAGES_MAX) await this.#retire(mailbox);
      else this.#save(mailbox);
    }
    for (const mailbox of this.#open.values()) {
      if (mailbox.users > 0 && nowMs - mailbox.savedMs > UNSAVED_MS_MAX) this.#save(mailbox);
    }
    if ([...this.#open.values()].every((mailbox) => mailbox.users > 0 && !mailbox.view.dirty)) {
      clearInterval(this.#housekeeping);
      this.#housekeeping = undefined;
    }
  }

  #save(mailbox: FolderMailbox): void {
    const { view } = mailbox;
    if (!view.dirty || view.dead || view.directories.replaced()) return;
    const { maildir, folder } = view.context;
    mailbox.savedMs = this.nowMs();
    view.dirty = false;
    const state = { meta: view.meta(), columns: view.columns, flags: view.flags };
    this.index.use(maildir, (index) => index.saveFolder(folder, state, view.goneUids));
    view.goneUids.length = 0;
  }

  async #retire(mailbox: FolderMailbox): Promise<void> {
    const { view } = mailbox;
    await view.exclusive(async () => {
      if (view.dead) return;
      try {
        await view.uids.tidy(view.columns);
      } catch (error) {
        this.#options.onError?.(error); // a full disk: the file is complete as it is
      }
      if (mailbox.users === 0 || this.#closed) this.#save(mailbox);
    });
    if (mailbox.users === 0 || this.#closed) this.#drop(mailbox);
  }

  #drop(mailbox: FolderMailbox): void {
    const { path } = mailbox.view.context;
    if (this.#open.get(path) !== mailbox) return;
    this.#open.delete(path);
    this.#mailboxes.delete(path);
  }
}
