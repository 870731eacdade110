/**
 * A folder as the IMAP session sees it: one object for all sessions of the process that have it open, over one view. It
 * stays in memory for a while after the last of them, so that the next SELECT costs three stats.
 */
import {
  type CachedField,
  type CopiedMessages,
  type Eventually,
  type FlagChange,
  type ImapMailbox,
  type ImapMessage,
  isRefusal,
  type PackedRows,
  type Refusal,
  type UidRange,
} from "../../mail/imap/backend.ts";
import { type Snapshot, UNKNOWN } from "./columns.ts";
import { findSizes } from "./fill_columns.ts";
import type { FolderView } from "./folder_view.ts";
import { type Checkpoint, openMessage } from "./message_file.ts";
import { nextTurn } from "./turns.ts";
import { copyMessages, type CopyOptions } from "./copy_messages.ts";
import { removeMessages, storeFlags } from "./view_changes.ts";
import { cachedRows, readHeaders } from "./view_rows.ts";

/** Messages opened before other sessions get their turn: some 2 ms. */
const TURN_MESSAGES = 32;

/** What a mailbox needs of store and account. */
export interface MailboxOwner {
  /** Opens the target of a copy, having checked the quota; refused where it cannot be. Released by the caller. */
  target(
    source: FolderMailbox,
    name: string,
    uids: Uint32Array,
  ): Promise<{ readonly mailbox: FolderMailbox; readonly options: CopyOptions } | Refusal>;
  /** Whether messages of this folder count in the quota. */
  counted(folder: string): boolean;
  watched(mailbox: FolderMailbox, change: 1 | -1): void;
  released(mailbox: FolderMailbox): void;
}

/** An open folder. */
export class FolderMailbox implements ImapMailbox {
  readonly view: FolderView;
  /** Sessions and operations that have it open. */
  users = 0;
  /** Sessions that wait for changes. */
  watchers = 0;
  /** When the last user left; milliseconds since 1970. */
  idleSinceMs = 0;
  /** When it was last saved to the index; milliseconds since 1970. */
  savedMs = 0;
  readonly #owner: MailboxOwner;
  #checkpoint: Checkpoint | undefined;
  #opened = 0;

  constructor(view: FolderView, owner: MailboxOwner) {
    this.view = view;
    this.#owner = owner;
  }

  get uidValidity(): number {
    return this.view.uids.uidValidity;
  }

  get uidNext(): number {
    return this.view.uids.uidNext;
  }

  get snapshot(): Snapshot {
    return this.view.snapshot;
  }

  get keywords(): readonly string[] {
    return this.view.keywords;
  }

  refresh(): Eventually<void> {
    return this.view.refresh();
  }

  recent(options: { readonly take: boolean }): UidRange {
    const range = { fromUid: this.view.recentFrom, toUid: this.uidNext };
    if (options.take && range.fromUid !== range.toUid) {
      this.view.recentFrom = range.toUid;
      this.view.markDirty();
    }
    return range;
  }

  keywordBits(names: readonly string[]): number | undefined {
    return this.view.keywordBits(names);
  }

  findSizes(uids: Uint32Array): Promise<void> {
    return findSizes(this.view, uids);
  }

  cached(field: CachedField, uids: Uint32Array): Promise<PackedRows> {
    return cachedRows(this.view, field, uids);
  }

  headers(uids: Uint32Array): Promise<readonly (Uint8Array | undefined)[]> {
    return readHeaders(this.view, uids);
  }

  async message(uid: number): Promise<ImapMessage | undefined> {
    if (++this.#opened % TURN_MESSAGES === 0) await nextTurn();
    for (let attempt = 0; attempt < 2; attempt++) {
      const row = this.view.columns.find(uid);
      const path = this.view.pathOf(uid);
      if (row < 0 || path === undefined) return undefined;
      const known = this.view.columns.sizes[row]!;
      try {
        const message = await openMessage(path, {
          uid,
          sizeBytes: known === UNKNOWN ? undefined : known,
          checkpoint: this.#checkpoint,
          keep: (checkpoint) => this.#checkpoint = checkpoint,
        });
        if (known === UNKNOWN) this.#noteSize(uid, message.sizeBytes);
        return message;
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
        this.view.distrust();
        await this.view.refresh();
      }
    }
    return undefined;
  }

  store(uids: Uint32Array, change: FlagChange): Promise<void> {
    return storeFlags(this.view, uids, change);
  }

  expunge(uids: Uint32Array): Promise<void> {
    return removeMessages(this.view, uids, { counted: this.#owner.counted(this.view.context.folder) });
  }

  async copy(uids: Uint32Array, target: string): Promise<CopiedMessages | Refusal> {
    const opened = await this.#owner.target(this, target, uids);
    if (isRefusal(opened)) return opened;
    try {
      const copied = await copyMessages(this.view, opened.mailbox.view, { ...opened.options, uids });
      return { uidValidity: opened.mailbox.uidValidity, ...copied };
    } finally {
      opened.mailbox.release();
    }
  }

  async move(uids: Uint32Array, target: string): Promise<CopiedMessages | Refusal> {
    const copied = await this.copy(uids, target);
    if (!isRefusal(copied)) await this.expunge(Uint32Array.from(copied.sourceUids));
    return copied;
  }

  watch(listener: () => void): () => void {
    this.view.listeners.add(listener);
    this.watchers++;
    this.#owner.watched(this, 1);
    let watching = true;
    return () => {
      if (!watching) return;
      watching = false;
      this.view.listeners.delete(listener);
      this.watchers--;
      this.#owner.watched(this, -1);
    };
  }

  release(): void {
    this.users--;
    this.#owner.released(this);
  }

  #noteSize(uid: number, sizeBytes: number): void {
    const row = this.view.columns.find(uid);
    if (row >= 0) this.view.columns.sizes[row] = sizeBytes;
  }
}
