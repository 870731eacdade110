/**
 * The queue store's contract, for the queue daemon: what is accepted is durable, first in the journal, later in qmail's
 * own files [spec formats 1]. The store owns one queue directory (queue1); it schedules nothing and delivers nothing.
 * `openQueueStore` in store.ts makes one; addresses are latin1 text; all sizes in bytes, all times in ms since 1970.
 */
import type { Logger } from "../../core/log.ts";
import type { Disk } from "../disk.ts";
import type { Envelope, Submitter } from "./submission.ts";

/** Which daemon delivers to a recipient. */
export type QueueChannel = "local" | "remote";

/** A recipient of an envelope after rewriting by control files. */
export interface QueueTarget {
  /** Rewritten, for local with the virtual domain's prefix. */
  readonly address: string;
  /** As it was in the envelope. */
  readonly original: string;
  readonly channel: QueueChannel;
}

/** A recipient of a queued message. */
export interface QueuedRecipient extends QueueTarget {
  /** The same for each attempt, before and after a crash or a writing out; letters, digits, `.`, `_`. */
  readonly deliveryId: string;
  /** True from the call of `done` on. */
  readonly done: boolean;
}

/** Where the bytes of a message are. */
export type MessageBody =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  /** Absolute path of a mess file; the whole file is the message. */
  | { readonly kind: "file"; readonly path: string };

/**
 * An accepted message. Local recipients come first, then remote ones, each in the order of the targets: `recipients` has
 * another order than the envelope when channels alternate. Drop it after `finish`, or after `writeOut` (and `load` it
 * again when it is due), so that a backlog costs no memory.
 */
export interface QueuedMessage {
  /** For log lines: decimal digits, never used again in this queue; unchanged by writing out and by a crash. */
  readonly id: string;
  /** The inode that names the files; undefined while the message is only in the journal. */
  readonly fileId: number | undefined;
  readonly arrivedMs: number;
  readonly sizeBytes: number;
  readonly sender: string;
  readonly submitter: Submitter;
  readonly extraHeader: string;
  readonly environmentHeaders: string;
  readonly recipients: readonly QueuedRecipient[];
  /** True once a permanent failure has been noted: a bounce is due when all recipients are done. */
  readonly bounced: boolean;
}

/** What `commit` is told. */
export interface CommitRequest {
  readonly envelope: Envelope;
  readonly submitter: Submitter;
  /** One for each recipient of the envelope, rewritten. */
  readonly targets: readonly QueueTarget[];
}

/** A message on its way in. */
export interface Incoming {
  /**
   * Takes the next bytes, copied unless `owned`: those are the message's from now on, and need not be copied.
   * Throws QueueRefusal when they cannot be kept; then only `abort` is allowed.
   */
  write(bytes: Uint8Array, options?: { readonly owned?: boolean }): Promise<void>;
  /** Resolves when the message is durable. Throws QueueRefusal: nothing is queued then (and nothing needs aborting). */
  commit(request: CommitRequest): Promise<QueuedMessage>;
  /** Forgets the message; also after a failed write. */
  abort(): void;
}

/** A message in the layout, as small as a backlog of a million needs it. */
export interface StoredMessage {
  readonly fileId: number;
  /** Birth: the modification time of its info file. */
  readonly arrivedMs: number;
  /** A local or remote file exists; both false: all recipients are done, a bounce or the removal is due. */
  readonly local: boolean;
  readonly remote: boolean;
}

/** A message that qmail-queue left in todo/. */
export interface TodoMessage {
  readonly fileId: number;
  readonly sizeBytes: number;
  /** When qmail-queue made it. */
  readonly arrivedMs: number;
  readonly envelope: Envelope;
  readonly submitter: Submitter;
}

/** Takes `lock/sendmutex`: undefined when another process holds it. */
export type TakeLock = (path: string) => Promise<{ release(): void } | undefined>;

/** Owners of the layout when the store runs as root [spec formats 1.1]. */
export interface QueueOwners {
  readonly qmailq: number;
  readonly qmails: number;
  readonly qmailr: number;
  /** Group qmail. */
  readonly qmail: number;
}

/** How a store is opened. */
export interface QueueStoreOptions {
  readonly disk: Disk;
  /** The folder of one queue, /var/indimail/queue/queue1. */
  readonly directory: string;
  /** control/conffsplit, default 151. */
  readonly split?: number;
  /** intd and todo are split as well; default true. */
  readonly bigTodo?: boolean;
  readonly journal?: {
    /** control/queuejournal, default true; false: every message is written out before it is accepted. */
    readonly enabled?: boolean;
    /** Default 64 MB. */
    readonly segmentBytes?: number;
    /** At most so many segments; default 4, at least 2. */
    readonly segments?: number;
  };
  /** Memory for bytes of messages in all, default 64 MB; beyond it messages go to mess/ at once. */
  readonly bufferBytesMax?: number;
  /** Free disk that is never used up, default 64 MB. */
  readonly reserveBytes?: number;
  readonly clock: { nowMs(): number };
  readonly log: Logger;
  /** Free bytes of the file system that holds `directory`. */
  freeBytes(): Promise<number>;
  /** Default: flock(2) by Deno on the real disk. */
  readonly takeLock?: TakeLock;
  /** For names in pid/, default 1. */
  readonly pid?: number;
  readonly owners?: QueueOwners;
}

/** What the store holds, for `indimail status` and qmail-qstat. */
export interface QueueStoreStatus {
  /** Messages that are only in the journal. */
  readonly journalMessages: number;
  /** Their bytes: what writing them all out takes. */
  readonly journalBytes: number;
  /** Bytes of messages in memory. */
  readonly bufferedBytes: number;
  readonly segments: number;
}

/** One queue directory. All methods may be called at the same time; no order of calls loses an accepted message. */
export interface QueueStore {
  readonly directory: string;
  /** Starts a message. Throws QueueRefusal (53 when disk is short). */
  begin(): Promise<Incoming>;
  /** The bytes: from memory, read from the journal (copy), or the path of the mess file. */
  body(message: QueuedMessage): Promise<MessageBody>;
  /** Lets the bytes go that memory holds; `body` reads them from the journal should they be needed again. */
  release(message: QueuedMessage): void;
  /**
   * Records that recipients (indexes into `recipients`) need no more delivery; with `bounceText` also appends that to the
   * bounce, in one step that no crash can divide. For a journal message resolves when the record is durable; it is
   * written at once (so that kill -9 keeps it) and synced with the next group or after 100 ms. For files the `D` byte is
   * written in place, and synced before it resolves. Call it, and do not wait for it before the next delivery. Rejects
   * with Temporary only when files cannot be written: the recipient may be tried again after a restart.
   */
  done(message: QueuedMessage, indexes: readonly number[], options?: { readonly bounceText?: string }): Promise<void>;
  /** The text gathered for the bounce, empty when there is none. */
  bounceText(message: QueuedMessage): Promise<string>;
  /**
   * Forgets a message whose recipients are all done (and whose bounce, if any, is queued). Files go in the order local,
   * remote, bounce, info, mess [spec formats 1.3]. Never rejects: what cannot be removed is found again by `scan`.
   */
  finish(message: QueuedMessage): Promise<void>;
  /**
   * Writes messages out in qmail's layout, synced, and forgets them in the journal. `fileId` is set afterwards. Messages
   * that are in files already are fine. Rejects with Temporary when a message could not be written: it then stays in the
   * journal and is as safe as before.
   */
  writeOut(messages: readonly QueuedMessage[]): Promise<void>;
  /** Messages that are only in the journal at the moment (for qmail-qread, and after an ALRM). */
  journalMessages(): Iterable<QueuedMessage>;
  /** The messages in info/, those in todo/ left out; in no order, each once. */
  scan(): AsyncIterable<StoredMessage>;
  /** Reads a message of `scan` for an attempt; undefined when it is gone. Nothing of it is kept in the store. */
  load(fileId: number): Promise<QueuedMessage | undefined>;
  /** The entries of todo/, left there until `preprocess`. Unreadable ones are logged and passed over. */
  takeTodo(): AsyncIterable<TodoMessage>;
  /** Writes info, local and remote of a todo entry, synced, then removes intd and todo [spec formats 1.3]. */
  preprocess(todo: TodoMessage, targets: readonly QueueTarget[]): Promise<QueuedMessage>;
  /** Removes leftovers in pid/, mess/, intd/ older than OSSIFIED (36 hours); gives their count. */
  cleanup(): Promise<number>;
  status(): QueueStoreStatus;
  /** A clean stop: writes everything out, so that the directory is a plain qmail queue, and releases the lock. */
  close(): Promise<void>;
}

/** A message is not taken; `code` is qmail-queue's exit code for the reason [spec formats 1.7]. */
export class QueueRefusal extends Error {
  override name = "QueueRefusal";
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}
