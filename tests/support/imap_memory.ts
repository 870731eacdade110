/**
 * A mail store in memory behind the IMAP session's Backend interface: simple, exact, and able to fail on request. Folders of
 * one account are shared by all sessions that log in as its user.
 */
import { indexRow } from "../../mail/imap/index_row.ts";
import { changedFlags } from "../../mail/imap/command_store.ts";
import { concatBytes, latin1Bytes } from "../../core/bytes.ts";
import { headerEnd } from "../../mail/header/header.ts";
import {
  type AppendedMessage,
  type AppendOptions,
  type CachedField,
  type CopiedMessages,
  type FlagChange,
  type ImapAccount,
  type ImapAppend,
  type ImapFolder,
  type ImapMailbox,
  type ImapMessage,
  type ImapSnapshot,
  type ImapStatus,
  KEYWORD_BIT_FIRST,
  KEYWORDS_MAX,
  MESSAGE_WHOLE_BYTES_MAX,
  type PackedRows,
  type Refusal,
  refuse,
  type SpecialUse,
  type UidRange,
} from "../../mail/imap/backend.ts";

interface StoredMessage {
  readonly uid: number;
  flags: number;
  readonly internalDateMs: number;
  readonly bytes: Uint8Array;
}

/** A folder in memory. */
export class MemoryMailbox implements ImapMailbox {
  readonly uidValidity: number;
  uidNext = 1;
  snapshot: ImapSnapshot = emptySnapshot();
  keywords: string[] = [];
  messages: StoredMessage[] = [];
  openCount = 0;
  specialUse: SpecialUse | undefined;
  readonly #listeners = new Set<() => void>();
  readonly #account: MemoryAccount;
  #recentFrom = 1;

  constructor(account: MemoryAccount, uidValidity: number) {
    this.#account = account;
    this.uidValidity = uidValidity;
  }

  refresh(): void {
    this.#account.check("refresh");
  }

  recent(options: { readonly take: boolean }): UidRange {
    const range = { fromUid: this.#recentFrom, toUid: this.uidNext };
    if (options.take) this.#recentFrom = this.uidNext;
    return range;
  }

  keywordBits(names: readonly string[]): number | undefined {
    let bits = 0;
    for (const name of names) {
      let number = this.keywords.findIndex((keyword) => keyword.toLowerCase() === name.toLowerCase());
      if (number < 0) {
        if (this.keywords.length >= KEYWORDS_MAX) return undefined;
        number = this.keywords.push(name) - 1;
      }
      bits |= 1 << (KEYWORD_BIT_FIRST + number);
    }
    return bits;
  }

  findSizes(): void {
    this.#account.check("findSizes");
  }

  cached(field: CachedField, uids: Uint32Array): PackedRows {
    this.#account.check("cached");
    const rows = [...uids].map((uid) => {
      const message = this.#find(uid);
      return message ? indexRow(message.bytes)[field].slice() : new Uint8Array();
    });
    const starts = new Uint32Array(rows.length);
    const lengths = Uint32Array.from(rows, (row) => row.length);
    for (let at = 1; at < rows.length; at++) starts[at] = starts[at - 1]! + lengths[at - 1]!;
    return { bytes: concatBytes(...rows), starts, lengths };
  }

  headers(uids: Uint32Array): (Uint8Array | undefined)[] {
    return [...uids].map((uid) => {
      const bytes = this.#find(uid)?.bytes;
      return bytes?.subarray(0, headerEnd(bytes));
    });
  }

  message(uid: number): ImapMessage | undefined {
    this.#account.check("message");
    const bytes = this.#find(uid)?.bytes;
    if (!bytes) return undefined;
    const cutBytes = this.#account.cutMessages ? 10 : 0;
    const small = bytes.length <= this.#account.wholeBytesMax;
    return {
      sizeBytes: bytes.length,
      ...(small ? { whole: bytes } : {}),
      async *pieces(from, to) {
        await Promise.resolve();
        for (let at = from; at < to - cutBytes; at += 1000) yield bytes.subarray(at, Math.min(at + 1000, to));
      },
      close() {},
    };
  }

  store(uids: Uint32Array, change: FlagChange): Refusal | void {
    this.#account.check("store");
    for (const uid of uids) {
      const message = this.#find(uid);
      if (message) message.flags = changedFlags(message.flags, change);
    }
    this.changed();
  }

  expunge(uids: Uint32Array): void {
    const gone = new Set(uids);
    this.messages = this.messages.filter((message) => !gone.has(message.uid));
    this.changed();
  }

  copy(uids: Uint32Array, target: string): CopiedMessages | Refusal {
    const mailbox = this.#account.folders.get(target);
    if (!mailbox) return refuse("TRYCREATE", "no such folder");
    const sourceUids = [...uids].filter((uid) => this.#find(uid));
    const targetUids = sourceUids.map((uid) => {
      const { bytes, flags, internalDateMs } = this.#find(uid)!;
      const names = this.keywords.filter((_, at) => flags & (1 << (KEYWORD_BIT_FIRST + at)));
      const bits = (mailbox.keywordBits(names) ?? 0) | (flags & (2 ** KEYWORD_BIT_FIRST - 1));
      return mailbox.add(bytes, { flags: bits, internalDateMs });
    });
    mailbox.changed();
    return { uidValidity: mailbox.uidValidity, sourceUids, targetUids };
  }

  move(uids: Uint32Array, target: string): CopiedMessages | Refusal {
    const copied = this.copy(uids, target);
    if ("sourceUids" in copied) this.expunge(Uint32Array.from(copied.sourceUids));
    return copied;
  }

  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  release(): void {
    this.openCount--;
  }

  get watcherCount(): number {
    return this.#listeners.size;
  }

  /** Adds a message without telling anybody yet. */
  add(bytes: Uint8Array, options: { readonly flags?: number; readonly internalDateMs?: number } = {}): number {
    const uid = this.uidNext++;
    this.messages.push({ uid, flags: options.flags ?? 0, internalDateMs: options.internalDateMs ?? 0, bytes });
    return uid;
  }

  /** Makes a new snapshot and tells who watches. */
  changed(): void {
    const messages = [...this.messages];
    this.snapshot = {
      uids: Uint32Array.from(messages, (message) => message.uid),
      flags: Uint32Array.from(messages, (message) => message.flags),
      dateAt: (index) => messages[index]!.internalDateMs,
      sizeAt: (index) => messages[index]!.bytes.length,
    };
    for (const listener of this.#listeners) listener();
  }

  status(): ImapStatus {
    return {
      messages: this.messages.length,
      recent: this.messages.filter((message) => message.uid >= this.#recentFrom).length,
      unseen: this.messages.filter((message) => (message.flags & 1) === 0).length,
      uidNext: this.uidNext,
      uidValidity: this.uidValidity,
    };
  }

  #find(uid: number): StoredMessage | undefined {
    return this.messages.find((message) => message.uid === uid);
  }
}

function emptySnapshot(): ImapSnapshot {
  return { uids: new Uint32Array(), flags: new Uint32Array(), dateAt: () => 0, sizeAt: () => 0 };
}

/** An account in memory; separator `.`, no prefix. */
export class MemoryAccount implements ImapAccount {
  readonly separator = ".";
  readonly personalPrefix = "";
  readonly folders = new Map<string, MemoryMailbox>();
  readonly subscribed = new Set<string>();
  /** Operations that throw. */
  readonly failing = new Set<string>();
  /** Messages above this are given in pieces. */
  wholeBytesMax = MESSAGE_WHOLE_BYTES_MAX;
  /** Messages in pieces end too early. */
  cutMessages = false;
  quotaBytes = Infinity;
  aborted = 0;
  closed = 0;
  #uidValidity = 1000;

  constructor() {
    this.create("INBOX");
  }

  /** The folder; throws where there is none. */
  folder(name: string): MemoryMailbox {
    const mailbox = this.folders.get(name);
    if (!mailbox) throw new Error(`no folder ${name}`);
    return mailbox;
  }

  check(operation: string): void {
    if (this.failing.has(operation)) throw new Error(`${operation} fails`);
  }

  list(): ImapFolder[] {
    this.check("list");
    return [...this.folders].map(([name, mailbox]) => ({
      name,
      selectable: true,
      subscribed: this.subscribed.has(name),
      ...(mailbox.specialUse ? { specialUse: mailbox.specialUse } : {}),
    }));
  }

  subscriptions(): string[] {
    return [...this.subscribed];
  }

  create(name: string): Refusal | void {
    if (this.folders.has(name)) return refuse("ALREADYEXISTS", "the folder exists");
    this.folders.set(name, new MemoryMailbox(this, ++this.#uidValidity));
  }

  remove(name: string): Refusal | void {
    if (name === "INBOX") return refuse("CANNOT", "INBOX stays");
    if (!this.folders.delete(name)) return refuse("NONEXISTENT", "no such folder");
  }

  rename(from: string, to: string): Refusal | void {
    const mailbox = this.folders.get(from);
    if (!mailbox) return refuse("NONEXISTENT", "no such folder");
    if (this.folders.has(to)) return refuse("ALREADYEXISTS", "the folder exists");
    this.folders.delete(from);
    this.folders.set(to, mailbox);
  }

  subscribe(name: string, options: { readonly subscribed: boolean }): Refusal | void {
    if (options.subscribed) this.subscribed.add(name);
    else this.subscribed.delete(name);
  }

  status(name: string): ImapStatus | Refusal {
    return this.folders.get(name)?.status() ?? refuse("NONEXISTENT", "no such folder");
  }

  select(name: string): ImapMailbox | Refusal {
    const mailbox = this.folders.get(name);
    if (!mailbox) return refuse("NONEXISTENT", "no such folder");
    mailbox.openCount++;
    return mailbox;
  }

  append(name: string, options: AppendOptions): ImapAppend | Refusal {
    this.check("append");
    const mailbox = this.folders.get(name);
    if (!mailbox) return refuse("TRYCREATE", "no such folder");
    if (options.sizeBytes > this.quotaBytes) return refuse("OVERQUOTA", "the mailbox is full");
    const parts: Uint8Array[] = [];
    return {
      write: (bytes) => {
        this.check("write");
        parts.push(bytes.slice());
      },
      finish: (): AppendedMessage => {
        const bits = mailbox.keywordBits(options.keywords) ?? 0;
        const uid = mailbox.add(concatBytes(...parts), {
          flags: options.flags | bits,
          internalDateMs: options.internalDateMs ?? 0,
        });
        mailbox.changed();
        return { uidValidity: mailbox.uidValidity, uid };
      },
      abort: () => {
        this.aborted++;
      },
    };
  }

  close(): void {
    this.closed++;
  }
}

/** Adds messages given as text with LF line ends. */
export function addMessages(mailbox: MemoryMailbox, ...texts: readonly string[]): void {
  for (const text of texts) mailbox.add(latin1Bytes(text.replace(/\r?\n/g, "\r\n")));
  mailbox.changed();
}
