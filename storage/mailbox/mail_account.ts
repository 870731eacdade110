/**
 * The mail of one user for an IMAP session: folders, subscriptions, quota; opens folders in the process's MailStore.
 * Everything is in the Maildir; an account holds nothing but the list of folders as last read.
 */
import {
  type AppendOptions,
  type ImapAccount,
  type ImapAppend,
  type ImapFolder,
  type ImapMailbox,
  type ImapStatus,
  isRefusal,
  type Refusal,
  refuse,
} from "../../mail/imap/backend.ts";
import { FLAG_BITS } from "../../mail/imap/backend.ts";
import { createFolder, folderExists, listFolders, removeFolder, renameFolder } from "../maildir/folders.ts";
import { NO_QUOTA, type Quota, tryQuota } from "../maildir/quota.ts";
import { addUsage, checkQuota, type QuotaContext } from "../maildir/quota_size.ts";
import type { CopyOptions } from "./copy_messages.ts";
import type { FolderMailbox, MailboxOwner } from "./folder_mailbox.ts";
import {
  folderOfName,
  isTrash,
  nameOfFolder,
  PERSONAL_PREFIX,
  readSubscriptions,
  specialUses,
  writeSubscriptions,
} from "./folder_names.ts";
import type { MailStore } from "./mail_store.ts";
import { MessageAppend } from "./message_append.ts";
import { fileBytes } from "./view_changes.ts";

/** Whose mail it is. */
export interface MailAccountOptions {
  readonly maildir: string;
  /** Text of pw_shell; what is no quota is none. */
  readonly quota: string;
  /** Prefix of the folders' names; PERSONAL_PREFIX unless given. */
  readonly prefix?: string;
  /** Called when the session has let go of the mail. */
  readonly closed?: () => Promise<void>;
}

/** Subscriptions a user may have. Ours. */
const SUBSCRIPTIONS_MAX = 20_000;
const NO_FOLDER = "no such mailbox";

/** The folders of one user. */
export class MailAccount implements ImapAccount, MailboxOwner {
  readonly separator = ".";
  readonly personalPrefix: string;
  readonly maildir: string;
  readonly #store: MailStore;
  readonly #quota: Quota;
  readonly #closed: (() => Promise<void>) | undefined;

  constructor(store: MailStore, options: MailAccountOptions) {
    this.#store = store;
    this.maildir = options.maildir;
    this.personalPrefix = options.prefix ?? PERSONAL_PREFIX;
    this.#quota = tryQuota(options.quota) ?? NO_QUOTA;
    this.#closed = options.closed;
  }

  list(): readonly ImapFolder[] {
    const folders = listFolders(this.maildir).sort();
    const present = new Set(folders);
    const uses = specialUses(folders);
    const subscribed = new Set(readSubscriptions(this.maildir));
    const all = [...present];
    for (const folder of folders) {
      for (let dot = folder.lastIndexOf("."); dot > 0; dot = folder.lastIndexOf(".", dot - 1)) {
        const above = folder.slice(0, dot);
        if (!all.includes(above)) all.push(above);
      }
    }
    const listed = all.sort().map((folder) => {
      const use = uses.get(folder);
      const name = nameOfFolder(folder, this.personalPrefix);
      return {
        name,
        selectable: present.has(folder),
        subscribed: subscribed.has(name),
        ...(use ? { specialUse: use } : {}),
      };
    });
    return [{ name: "INBOX", selectable: true, subscribed: subscribed.has("INBOX") }, ...listed];
  }

  subscriptions(): readonly string[] {
    return readSubscriptions(this.maildir);
  }

  async create(name: string): Promise<Refusal | void> {
    const folder = folderOfName(name, this.personalPrefix);
    if (folder === undefined) return refuse("CANNOT", `mailbox names begin with ${this.personalPrefix || "a letter"}`);
    if (folder === "" || folderExists(this.maildir, folder)) return refuse("ALREADYEXISTS", "the mailbox exists");
    await createFolder(this.#store.disk, this.maildir, folder);
  }

  async remove(name: string): Promise<Refusal | void> {
    const folder = folderOfName(name, this.personalPrefix);
    if (folder === "") return refuse("CANNOT", "INBOX cannot be deleted");
    if (folder === undefined || !folderExists(this.maildir, folder)) return refuse("NONEXISTENT", NO_FOLDER);
    await removeFolder(this.#store.disk, this.maildir, folder);
    this.#store.index.useExisting(this.maildir, (index) => index.removeFolder(folder));
    await this.#store.forget(this.maildir, folder, { below: false });
    await this.#recountLater();
  }

  async rename(from: string, to: string): Promise<Refusal | void> {
    const source = folderOfName(from, this.personalPrefix);
    const target = folderOfName(to, this.personalPrefix);
    if (target === undefined) return refuse("CANNOT", `mailbox names begin with ${this.personalPrefix || "a letter"}`);
    if (target === "" || folderExists(this.maildir, target)) return refuse("ALREADYEXISTS", "the mailbox exists");
    if (source === "") return await this.#moveInbox(to, target);
    if (source === undefined) return refuse("NONEXISTENT", NO_FOLDER);
    const folders = listFolders(this.maildir).filter((folder) => folder === source || folder.startsWith(`${source}.`));
    if (folders.length === 0) return refuse("NONEXISTENT", NO_FOLDER);
    if (target.startsWith(`${source}.`)) return refuse("CANNOT", "a mailbox cannot be moved into itself");
    await renameFolder(this.#store.disk, this.maildir, { from: source, to: target });
    this.#store.index.useExisting(this.maildir, (index) => {
      index.removeFolder(target, { below: true });
      index.renameFolder(source, target);
    });
    await this.#store.forget(this.maildir, source, { below: true });
    await this.#recountLater(); // into or out of Trash
  }

  async subscribe(name: string, options: { readonly subscribed: boolean }): Promise<Refusal | void> {
    const names = readSubscriptions(this.maildir);
    if (names.includes(name) === options.subscribed) return;
    if (options.subscribed && names.length >= SUBSCRIPTIONS_MAX) return refuse("LIMIT", "too many subscriptions");
    const next = options.subscribed ? [...names, name] : names.filter((known) => known !== name);
    await writeSubscriptions(this.#store.disk, this.maildir, next);
  }

  async status(name: string): Promise<ImapStatus | Refusal> {
    const mailbox = await this.#open(name);
    if (!mailbox) return refuse("NONEXISTENT", NO_FOLDER);
    const { uids, flags } = mailbox.snapshot;
    const recent = mailbox.recent({ take: false });
    let unseen = 0;
    let recents = 0;
    for (let row = 0; row < uids.length; row++) {
      if ((flags[row]! & FLAG_BITS.seen) === 0) unseen++;
      if (uids[row]! >= recent.fromUid) recents++;
    }
    const status = {
      messages: uids.length,
      recent: recents,
      unseen,
      uidNext: mailbox.uidNext,
      uidValidity: mailbox.uidValidity,
    };
    mailbox.release();
    return status;
  }

  async select(name: string, _options: { readonly readOnly: boolean }): Promise<ImapMailbox | Refusal> {
    return await this.#open(name) ?? refuse("NONEXISTENT", NO_FOLDER);
  }

  async append(name: string, options: AppendOptions): Promise<ImapAppend | Refusal> {
    const mailbox = await this.#open(name);
    if (!mailbox) return refuse("TRYCREATE", NO_FOLDER);
    try {
      const quota = this.#quotaOf(mailbox.view.context.folder);
      if (quota && !await this.#fits(quota, { bytes: options.sizeBytes, messages: 1 })) {
        mailbox.release();
        return refuse("OVERQUOTA", "the mailbox is full");
      }
      return await MessageAppend.begin({
        disk: this.#store.disk,
        mailbox,
        uniqueName: this.#store.uniqueName(),
        flags: options.flags,
        keywords: options.keywords,
        dateMs: options.internalDateMs ?? this.#store.nowMs(),
        grown: async (bytes) => {
          if (quota) await addUsage(this.#store.disk, this.maildir, { bytes, messages: 1 });
        },
      });
    } catch (error) {
      mailbox.release();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#closed?.();
  }

  async target(
    source: FolderMailbox,
    name: string,
    uids: Uint32Array,
  ): Promise<{ readonly mailbox: FolderMailbox; readonly options: CopyOptions } | Refusal> {
    const mailbox = await this.#open(name);
    if (!mailbox) return refuse("TRYCREATE", NO_FOLDER);
    try {
      const quota = this.#quotaOf(mailbox.view.context.folder);
      if (quota && !await this.#fits(quota, usageOf(source, uids))) {
        mailbox.release();
        return refuse("OVERQUOTA", "the mailbox is full");
      }
      return { mailbox, options: { uniqueName: () => this.#store.uniqueName(), quota } };
    } catch (error) {
      mailbox.release();
      throw error;
    }
  }

  counted(folder: string): boolean {
    return this.#quotaOf(folder) !== undefined;
  }

  watched(mailbox: FolderMailbox): void {
    this.#store.watched(mailbox);
  }

  released(mailbox: FolderMailbox): void {
    this.#store.released(mailbox);
  }

  async #open(name: string): Promise<FolderMailbox | undefined> {
    const folder = folderOfName(name, this.personalPrefix);
    return folder === undefined ? undefined : await this.#store.acquire(this.maildir, folder, this);
  }

  #quotaOf(folder: string): QuotaContext | undefined {
    if ((this.#quota.bytes === 0 && this.#quota.messages === 0) || isTrash(folder)) return undefined;
    return { disk: this.#store.disk, maildir: this.maildir, nowMs: this.#store.nowMs() };
  }

  async #fits(context: QuotaContext, adding: { readonly bytes: number; readonly messages: number }): Promise<boolean> {
    return (await checkQuota(context, this.#quota, { ...adding, smallBytesMax: 0 })).kind === "fits";
  }

  /** RENAME INBOX: its messages move, INBOX stays [rfc3501 6.3.5]. */
  async #moveInbox(to: string, target: string): Promise<Refusal | void> {
    await createFolder(this.#store.disk, this.maildir, target);
    const inbox = await this.#open("INBOX");
    if (!inbox) return refuse("NONEXISTENT", NO_FOLDER);
    try {
      const moved = await inbox.move(inbox.snapshot.uids, to);
      if (isRefusal(moved)) return moved;
    } finally {
      inbox.release();
    }
  }

  /** Many messages came or went: the next check counts. */
  async #recountLater(): Promise<void> {
    await this.#store.disk.unlink(`${this.maildir}/maildirsize`).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}

function usageOf(source: FolderMailbox, uids: Uint32Array): { bytes: number; messages: number } {
  let bytes = 0;
  let messages = 0;
  for (const uid of uids) {
    const path = source.view.pathOf(uid);
    if (path === undefined) continue;
    bytes += fileBytes(path) ?? 0;
    messages++;
  }
  return { bytes, messages };
}
