/**
 * What the IMAP session needs of a store, grouped by the state it is needed in: authenticator, account, mailbox, message.
 * Made for batches: whole columns and packed rows instead of one call a message, so that FETCH 1:* needs no await a message.
 * Mailbox names are as on the wire and in Maildir++ folders: modified UTF-7, `separator` between levels, INBOX upper case.
 * Expected failures are values (Refusal); anything thrown is answered `NO [UNAVAILABLE]` and changes nothing.
 */
import type { SaslMechanism, SaslVerifier } from "../sasl/server.ts";

/** A value, at once where it is at hand: the session awaits only real promises. */
export type Eventually<T> = T | Promise<T>;

/** Response codes of a refusal [rfc5530 3] [rfc3501 7.1] [rfc7889 6.1]. */
export type RefusalCode =
  | "ALREADYEXISTS"
  | "CANNOT"
  | "INUSE"
  | "LIMIT"
  | "NONEXISTENT"
  | "NOPERM"
  | "OVERQUOTA"
  | "TRYCREATE"
  | "UNAVAILABLE";

/** The store says no; the session answers `NO [code] text`. `text` is printable ASCII. */
export interface Refusal {
  readonly kind: "refused";
  readonly code: RefusalCode;
  readonly text: string;
}

/** A refusal. */
export function refuse(code: RefusalCode, text: string): Refusal {
  return { kind: "refused", code, text };
}

/** Whether a result of the store is a refusal. */
export function isRefusal(result: object | undefined | void): result is Refusal {
  return result !== undefined && "kind" in result && result.kind === "refused";
}

// ---- not authenticated ----

/** What became of a login. */
export type ImapLogin =
  | { readonly kind: "ok"; readonly user: string; open(): Eventually<ImapAccount> }
  | { readonly kind: "denied" }
  | { readonly kind: "forbidden"; readonly reason: string };

/** Checks who logs in. LOGIN uses `verifier.verifyPassword`. */
export interface ImapAuthenticator {
  readonly verifier: SaslVerifier<ImapLogin>;
  readonly mechanisms: readonly SaslMechanism[];
}

// ---- authenticated ----

/** Special uses of a folder [rfc6154 2]. */
export type SpecialUse = "\\All" | "\\Archive" | "\\Drafts" | "\\Flagged" | "\\Junk" | "\\Sent" | "\\Trash";

/** A folder as LIST shows it. \HasChildren is found by the session. */
export interface ImapFolder {
  readonly name: string;
  /** False: a level of the hierarchy that holds no messages (\Noselect). */
  readonly selectable: boolean;
  readonly subscribed: boolean;
  readonly specialUse?: SpecialUse;
}

/** The numbers of STATUS. */
export interface ImapStatus {
  readonly messages: number;
  readonly recent: number;
  readonly unseen: number;
  readonly uidNext: number;
  readonly uidValidity: number;
}

/** What APPEND says of the message before its bytes. */
export interface AppendOptions {
  /** FLAG_BITS of system flags. */
  readonly flags: number;
  readonly keywords: readonly string[];
  /** Milliseconds since 1970; undefined: now. */
  readonly internalDateMs: number | undefined;
  /** Exactly as many bytes will be written. */
  readonly sizeBytes: number;
}

/** A message on its way into a folder. Either finish or abort is called, once. */
export interface ImapAppend {
  /** The next bytes, as the client sent them (CRLF); the array is reused afterwards. */
  write(bytes: Uint8Array): Eventually<void>;
  /** Durable and visible when it resolves. */
  finish(): Eventually<AppendedMessage | Refusal>;
  /** Leaves nothing behind. */
  abort(): Eventually<void>;
}

/** Where an appended message is [rfc4315 3]. */
export interface AppendedMessage {
  readonly uidValidity: number;
  readonly uid: number;
}

/** The mail of one user. Names given are syntactically valid; INBOX comes in upper case. */
export interface ImapAccount {
  /** Between levels of names, one character: "." for Maildir++. */
  readonly separator: string;
  /** Prefix of all the user's folders but INBOX: "INBOX." (Courier) or "". */
  readonly personalPrefix: string;
  /** All folders, INBOX first. Cached by the store; LIST patterns are matched by the session. */
  list(): Eventually<readonly ImapFolder[]>;
  /** Subscribed names, also of folders that are gone. */
  subscriptions(): Eventually<readonly string[]>;
  /** Makes a folder (and the levels above it). A trailing separator has been taken off. */
  create(name: string): Eventually<Refusal | void>;
  /** Deletes a folder; INBOX and prefix are refused with CANNOT, a missing one with NONEXISTENT. */
  remove(name: string): Eventually<Refusal | void>;
  /** Renames a folder with all below it; INBOX: moves its messages to the new folder and stays [rfc3501 6.3.5]. */
  rename(from: string, to: string): Eventually<Refusal | void>;
  subscribe(name: string, options: { readonly subscribed: boolean }): Eventually<Refusal | void>;
  /** Fast and without opening the folder where the index allows. NONEXISTENT for a missing folder. */
  status(name: string): Eventually<ImapStatus | Refusal>;
  /**
   * Opens a folder, read anew if its mtime says so. All sessions of the process get the same ImapMailbox for one folder;
   * each calls `release` once. NONEXISTENT for a missing folder.
   */
  select(name: string, options: { readonly readOnly: boolean }): Eventually<ImapMailbox | Refusal>;
  /** Begins an APPEND: called before the client is told to send. TRYCREATE for a missing folder, OVERQUOTA, LIMIT. */
  append(name: string, options: AppendOptions): Eventually<ImapAppend | Refusal>;
  /** The session is over. */
  close(): Eventually<void>;
}

// ---- selected ----

/** Bits of the system flags in a flag word; keyword n of `ImapMailbox.keywords` is bit KEYWORD_BIT_FIRST + n. */
export const FLAG_BITS = { seen: 1, answered: 2, flagged: 4, deleted: 8, draft: 16 } as const;

/** Bit number of the first keyword. */
export const KEYWORD_BIT_FIRST = 5;

/** Keywords a folder may have: a flag word stays a positive 31-bit number (as Dovecot's a to z in Maildir names). */
export const KEYWORDS_MAX = 26;

/**
 * The messages of a folder at one moment, in columns of equal length and by ascending UID. Nothing in it changes ever:
 * a change makes a new snapshot (columns that did not change are the same arrays; an arrival may extend the same buffer
 * behind what older snapshots see). Sessions hold the snapshot they last told their client of and find expunges, arrivals
 * and flag changes by comparing it with the current one; so the store keeps nothing for a session.
 */
export interface ImapSnapshot {
  readonly uids: Uint32Array;
  readonly flags: Uint32Array;
  /** INTERNALDATE of the message at an index, milliseconds since 1970. It may have to be found first. */
  dateAt(index: number): number;
  /** RFC822.SIZE of the message at an index: bytes as sent, so with CRLF line ends. It may have to be found first. */
  sizeAt(index: number): number;
}

/** Many byte strings in one buffer: row i is bytes[starts[i] .. starts[i] + lengths[i]); length 0: no such message. */
export interface PackedRows {
  readonly bytes: Uint8Array;
  readonly starts: Uint32Array;
  readonly lengths: Uint32Array;
}

/**
 * What the index keeps of a message as ready IMAP text: `envelope` and `bodyStructure` of MessageIndexer (index_row.ts),
 * each a parenthesised list without the name of the item, all it may contain included (literals too).
 */
export type CachedField = "envelope" | "bodyStructure";

/** A message's bytes, in network form: every line ends in CRLF, whatever the file has. */
export interface ImapMessage {
  readonly sizeBytes: number;
  /** All of it, when it is not larger than MESSAGE_WHOLE_BYTES_MAX; the session does not change it. */
  readonly whole?: Uint8Array;
  /** As `whole`, but with the line ends of the file: cheaper, for who looks into the text only. */
  readonly stored?: Uint8Array;
  /** Bytes from `from` to before `to`, in pieces that are valid until the next one is asked for. */
  pieces(from: number, to: number): AsyncIterable<Uint8Array>;
  close(): void;
}

/** Messages up to this size are handed over whole; larger ones are read in pieces. */
export const MESSAGE_WHOLE_BYTES_MAX = 1024 * 1024;

/** How STORE changes flags. */
export interface FlagChange {
  readonly mode: "set" | "add" | "remove";
  /** A flag word, keyword bits included. */
  readonly flags: number;
}

/** Source and new UIDs in the same order [rfc4315 3]; messages that were gone are left out. */
export interface CopiedMessages {
  readonly uidValidity: number;
  readonly sourceUids: readonly number[];
  readonly targetUids: readonly number[];
}

/** UIDs from `fromUid` to before `toUid`. */
export interface UidRange {
  readonly fromUid: number;
  readonly toUid: number;
}

/**
 * One folder, opened; shared by all sessions of the process. Operations on UIDs that are gone skip them. When an
 * operation that changes something resolves, `snapshot` is already the new one and `listeners` have been called.
 */
export interface ImapMailbox {
  readonly uidValidity: number;
  readonly uidNext: number;
  /** The current messages; replaced, never changed. */
  readonly snapshot: ImapSnapshot;
  /** Names of the keywords by bit; it only grows while the folder is open. */
  readonly keywords: readonly string[];
  /** Looks whether the folder changed on disk (mtime) and takes it in: NOOP, CHECK and the end of each command. */
  refresh(): Eventually<void>;
  /** UIDs that are \Recent to the session that asks; with `take`, to no session after it [rfc3501 2.3.2]. */
  recent(options: { readonly take: boolean }): UidRange;
  /** Bits of keywords (without regard to case), made where missing; undefined when there is no room for them. */
  keywordBits(names: readonly string[]): Eventually<number | undefined>;
  /** Finds what sizeAt will be asked, so that other sessions get their turn meanwhile; `cached` does it as well. */
  findSizes(uids: Uint32Array): Eventually<void>;
  /** One field of many messages, in the order asked for. `uids` is ascending. */
  cached(field: CachedField, uids: Uint32Array): Eventually<PackedRows>;
  /** Header with the empty line of many messages, CRLF line ends; undefined for one that is gone. */
  headers(uids: Uint32Array): Eventually<readonly (Uint8Array | undefined)[]>;
  /** A message's bytes; undefined when it is gone. */
  message(uid: number): Eventually<ImapMessage | undefined>;
  store(uids: Uint32Array, change: FlagChange): Eventually<Refusal | void>;
  /** Removes messages for good, whatever their flags. */
  expunge(uids: Uint32Array): Eventually<Refusal | void>;
  /** TRYCREATE for a missing folder; OVERQUOTA. All or nothing. */
  copy(uids: Uint32Array, target: string): Eventually<CopiedMessages | Refusal>;
  /** As copy, and gone here; a rename where it can be. */
  move(uids: Uint32Array, target: string): Eventually<CopiedMessages | Refusal>;
  /** Calls `listener` after each new snapshot, until the returned function is called; meanwhile the folder is watched. */
  watch(listener: () => void): () => void;
  /** A session is done with it (CLOSE, UNSELECT, another SELECT, the end). */
  release(): Eventually<void>;
}
