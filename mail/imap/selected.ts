/**
 * A session's view of the folder it has open: the snapshot its client knows, which gives sequence numbers their meaning, what
 * is \Recent to it, and the untagged replies that bring the client to the current snapshot.
 */
import type { ImapMailbox, ImapSnapshot, UidRange } from "./backend.ts";
import { KEYWORD_BIT_FIRST, KEYWORDS_MAX } from "./backend.ts";
import { compareSnapshots } from "./changes.ts";
import { formatFlags } from "./format.ts";
import type { ImapOutput } from "./output.ts";
import { lowerBound, type NumberSet, sequenceIndices, uidIndices } from "./sets.ts";

/** Formatted flag words kept. Ours. */
const FLAG_TEXTS_MAX = 1000;
/** Ranges of recent messages kept; beyond it the oldest are no longer \Recent. Ours. */
const RECENT_RANGES_MAX = 1000;

/** What a client is told at the end of a command. */
export interface SyncOptions {
  /** EXPUNGE may be sent: not during FETCH, STORE and SEARCH by sequence number [rfc3501 7.4.1]. */
  readonly expunges: boolean;
}

/** A folder that a session has open. */
export class SelectedMailbox {
  readonly name: string;
  readonly mailbox: ImapMailbox;
  readonly readOnly: boolean;
  /** What the client knows. */
  known: ImapSnapshot;
  #recent: UidRange[] = [];
  #keywordCount: number;
  #flagTexts: Map<number, string> | undefined;

  constructor(mailbox: ImapMailbox, options: { readonly name: string; readonly readOnly: boolean }) {
    this.mailbox = mailbox;
    this.name = options.name;
    this.readOnly = options.readOnly;
    this.known = mailbox.snapshot;
    this.#keywordCount = mailbox.keywords.length;
    this.#takeRecent();
  }

  /** Messages that are \Recent to this session. */
  get recentCount(): number {
    let count = 0;
    for (const { fromUid, toUid } of this.#recent) {
      count += lowerBound(this.known.uids, toUid) - lowerBound(this.known.uids, fromUid);
    }
    return count;
  }

  /** Whether a message is \Recent to this session. */
  isRecent(uid: number): boolean {
    for (const range of this.#recent) if (uid >= range.fromUid && uid < range.toUid) return true;
    return false;
  }

  /** Indices in `known` of a set; undefined when a sequence number is beyond the end. */
  indices(set: NumberSet, options: { readonly byUid: boolean }): Uint32Array | undefined {
    return options.byUid ? uidIndices(set, this.known.uids) : sequenceIndices(set, this.known.uids.length);
  }

  /** UIDs of indices in `known`. */
  uidsOf(indices: Uint32Array): Uint32Array {
    const { uids } = this.known;
    return indices.length === uids.length ? uids : indices.map((index) => uids[index]!);
  }

  /** The flag list of a message, without parentheses. */
  flagText(flags: number, uid: number): string {
    this.#flagTexts ??= new Map();
    let text = this.#flagTexts.get(flags);
    if (text === undefined) {
      text = formatFlags(flags, this.mailbox.keywords);
      if (this.#flagTexts.size < FLAG_TEXTS_MAX) this.#flagTexts.set(flags, text);
    }
    if (this.#recent.length === 0 || !this.isRecent(uid)) return text;
    return text === "" ? "\\Recent" : `${text} \\Recent`;
  }

  /** The FLAGS reply and what may be changed for good [rfc3501 7.2.6]. */
  announceFlags(out: ImapOutput): void {
    const { keywords } = this.mailbox;
    const all = formatFlags(2 ** (KEYWORD_BIT_FIRST + keywords.length) - 1, keywords);
    const more = keywords.length < KEYWORDS_MAX ? " \\*" : "";
    out.line(`* FLAGS (${all})`);
    out.line(`* OK [PERMANENTFLAGS (${this.readOnly ? "" : all + more})] flags that are kept`);
    this.#keywordCount = keywords.length;
    this.#flagTexts = undefined;
  }

  /** Announces keywords that have been added since. */
  announceKeywords(out: ImapOutput): void {
    if (this.mailbox.keywords.length > this.#keywordCount) this.announceFlags(out);
  }

  /** Notes that the client is being told a message's flags, so that the next sync does not repeat them. */
  tell(told: ReadonlyMap<number, number>): void {
    if (told.size === 0) return;
    const flags = this.known.flags.slice();
    for (const [index, word] of told) flags[index] = word;
    this.known = { ...this.known, flags };
  }

  /** Tells the client what changed, as far as it may be told now. */
  sync(out: ImapOutput, options: SyncOptions): void {
    this.announceKeywords(out);
    const current = this.mailbox.snapshot;
    if (current === this.known) return;
    const changes = compareSnapshots(this.known, current);
    if (changes.expunged.length > 0 && !options.expunges) return;
    // the highest first: then the numbers of the others stay what they are
    for (let at = changes.expunged.length - 1; at >= 0; at--) out.line(`* ${changes.expunged[at]! + 1} EXPUNGE`);
    this.known = current;
    if (changes.arrived > 0) {
      this.#takeRecent();
      out.line(`* ${current.uids.length} EXISTS`);
      out.line(`* ${this.recentCount} RECENT`);
    }
    for (const index of changes.reflagged) {
      out.line(`* ${index + 1} FETCH (FLAGS (${this.flagText(current.flags[index]!, current.uids[index]!)}))`);
    }
  }

  #takeRecent(): void {
    const range = this.mailbox.recent({ take: !this.readOnly });
    const last = this.#recent[this.#recent.length - 1];
    if (range.toUid <= range.fromUid) return;
    if (last && range.fromUid <= last.toUid) {
      this.#recent[this.#recent.length - 1] = { fromUid: last.fromUid, toUid: Math.max(last.toUid, range.toUid) };
    } else this.#recent.push(range);
    if (this.#recent.length > RECENT_RANGES_MAX) this.#recent.shift();
  }
}
