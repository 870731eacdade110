/**
 * FETCH [rfc3501 6.4.5]. Rows are written straight into the output from columns and packed rows; there is an await for a batch,
 * and one for each message only where its bytes are asked for.
 */
import { type CachedField, FLAG_BITS, type ImapMessage, type ImapSnapshot, type PackedRows } from "./backend.ts";
import { imapBodyStructure } from "./body_structure.ts";
import { currentIndices } from "./changes.ts";
import type { Numbering } from "./command_store.ts";
import { formatInternalDate } from "./format.ts";
import type { ImapOutput } from "./output.ts";
import type { FetchItem, SectionItem } from "./parse_fetch.ts";
import { bad, type Completion, ok, someGone } from "./replies.ts";
import { type ByteRange, isFields, isOwnHeader, pickFields, SectionSource } from "./section.ts";
import type { SelectedMailbox } from "./selected.ts";
import type { CommandContext } from "./session_types.ts";
import type { NumberSet } from "./sets.ts";

/** Messages whose cached fields are asked of the store at once. Ours: the client reads some while others are found. */
const CACHED_BATCH = 1024;
/** Messages whose headers are asked of the store at once. Ours. */
const HEADER_BATCH = 64;

/** What a FETCH needs of the store, found once. */
interface Plan {
  readonly items: readonly FetchItem[];
  readonly envelope: boolean;
  readonly structure: boolean;
  readonly size: boolean;
  /** Headers are enough for the sections. */
  readonly headers: boolean;
  readonly message: boolean;
  readonly setsSeen: boolean;
  readonly flags: boolean;
}

/** [rfc3501 6.4.5] [rfc3501 6.4.8] */
export async function runFetch(
  session: CommandContext,
  given: { readonly set: NumberSet; readonly items: readonly FetchItem[] },
  numbering: Numbering,
): Promise<Completion> {
  const { folder } = session;
  const indices = folder.indices(given.set, numbering);
  if (!indices) return bad("there is no message of that number");
  if (indices.length === 0) return ok("nothing to fetch");
  const plan = planOf(given.items, numbering);
  const seen = plan.setsSeen && !folder.readOnly ? await markSeen(folder, indices) : undefined;
  const fetching = new Fetching(session, plan, seen);
  await fetching.run(indices);
  folder.tell(fetching.told);
  return fetching.gone ? someGone() : ok("fetched");
}

function planOf(items: readonly FetchItem[], numbering: Numbering): Plan {
  const all: readonly FetchItem[] = numbering.byUid && !items.some((item) => item.kind === "uid")
    ? [{ kind: "uid" }, ...items]
    : items;
  const sections = all.filter((item) => item.kind === "section");
  const needs = (kind: FetchItem["kind"]) => all.some((item) => item.kind === kind);
  const message = needs("body") || sections.some((item) => !isOwnHeader(item.section));
  return {
    items: all,
    envelope: needs("envelope"),
    structure: needs("bodystructure"),
    size: needs("size"),
    message,
    headers: sections.length > 0 && !message,
    setsSeen: sections.some((item) => !item.peek),
    flags: needs("flags"),
  };
}

/** Sets \Seen before the messages are read; gives the indices of those it was new to. */
async function markSeen(folder: SelectedMailbox, indices: Uint32Array): Promise<ReadonlySet<number> | undefined> {
  const unseen = indices.filter((index) => (folder.known.flags[index]! & FLAG_BITS.seen) === 0);
  if (unseen.length === 0) return undefined;
  await folder.mailbox.store(folder.uidsOf(unseen), { mode: "add", flags: FLAG_BITS.seen });
  return new Set(unseen);
}

/** One FETCH on its way. */
class Fetching {
  readonly told = new Map<number, number>();
  gone = false;
  readonly #session: CommandContext;
  readonly #out: ImapOutput;
  readonly #folder: SelectedMailbox;
  readonly #plan: Plan;
  readonly #seen: ReadonlySet<number> | undefined;
  readonly #known: ImapSnapshot;
  readonly #current: ImapSnapshot;
  readonly #places: Int32Array | undefined;

  constructor(session: CommandContext, plan: Plan, seen: ReadonlySet<number> | undefined) {
    this.#session = session;
    this.#out = session.out;
    this.#folder = session.folder;
    this.#plan = plan;
    this.#seen = seen;
    this.#known = this.#folder.known;
    this.#current = this.#folder.mailbox.snapshot;
    this.#places = currentIndices(this.#known, this.#current);
  }

  async run(indices: Uint32Array): Promise<void> {
    if (this.#plan.flags || this.#seen) this.#folder.announceKeywords(this.#out); // another session may have made some
    const size = this.#plan.headers ? HEADER_BATCH : CACHED_BATCH;
    for (let from = 0; from < indices.length; from += size) {
      const batch = from === 0 && size >= indices.length ? indices : indices.subarray(from, from + size);
      await this.#batch(batch);
    }
  }

  async #batch(indices: Uint32Array): Promise<void> {
    const { mailbox } = this.#folder;
    const plan = this.#plan;
    const uids = this.#folder.uidsOf(indices);
    const rows = (field: CachedField) => mailbox.cached(field, uids);
    const envelopes = plan.envelope ? await rows("envelope") : undefined;
    const structures = plan.structure ? await rows("bodyStructure") : undefined;
    if (plan.size && !envelopes && !structures) await mailbox.findSizes(uids);
    const headers = plan.headers ? await mailbox.headers(uids) : undefined;
    for (let row = 0; row < indices.length; row++) {
      const index = indices[row]!;
      const place = this.#places ? this.#places[index]! : index;
      const lacks = (packed: PackedRows | undefined) => packed !== undefined && packed.lengths[row] === 0;
      if (place < 0 || lacks(envelopes) || lacks(structures) || (headers && !headers[row])) {
        this.gone = true;
        continue;
      }
      if (plan.message) {
        const message = await mailbox.message(uids[row]!);
        if (!message) {
          this.gone = true;
          continue;
        }
        await this.#writeWithMessage({ index, place, row, envelopes, structures, header: undefined }, message);
      } else this.#write({ index, place, row, envelopes, structures, header: headers?.[row] });
      if (this.#out.full) await this.#session.flush();
    }
  }

  /** Writes the reply of a message of which no bytes beyond its header are needed. */
  #write(row: Row): void {
    this.#begin(row);
    let blank = false;
    for (const item of this.#plan.items) {
      if (blank) this.#out.text(" ");
      blank = true;
      if (item.kind === "section") this.#literal(item, headerSection(row.header!, item));
      else this.#simple(item.kind, row);
    }
    this.#end(row);
  }

  async #writeWithMessage(row: Row, message: ImapMessage): Promise<void> {
    const source = new SectionSource(message);
    try {
      this.#begin(row);
      let blank = false;
      for (const item of this.#plan.items) {
        if (blank) this.#out.text(" ");
        blank = true;
        if (item.kind === "section") await this.#section(item, source);
        else if (item.kind === "body") {
          this.#out.text("BODY ");
          this.#out.bytes(imapBodyStructure(await source.root(), { extended: false }));
        } else this.#simple(item.kind, row);
      }
      this.#end(row);
    } finally {
      message.close();
    }
  }

  #begin(row: Row): void {
    this.#out.text("* ");
    this.#out.number(row.index + 1);
    this.#out.text(" FETCH (");
  }

  /** Adds the flags where \Seen has just been set and they are not asked for. */
  #end(row: Row): void {
    const seen = this.#seen?.has(row.index) === true;
    if (seen && !this.#plan.flags) {
      this.#out.text(" ");
      this.#simple("flags", row);
    }
    const word = this.#current.flags[row.place]!;
    if ((seen || this.#plan.flags) && word !== this.#known.flags[row.index]) this.told.set(row.index, word);
    this.#out.text(")\r\n");
  }

  #simple(kind: Exclude<FetchItem["kind"], "section">, row: Row): void {
    const out = this.#out;
    const current = this.#current;
    switch (kind) {
      case "uid":
        out.text("UID ");
        return out.number(current.uids[row.place]!);
      case "flags":
        out.text("FLAGS (");
        out.text(this.#folder.flagText(current.flags[row.place]!, current.uids[row.place]!));
        return out.text(")");
      case "internaldate":
        out.text("INTERNALDATE ");
        return out.text(formatInternalDate(current.dateAt(row.place)));
      case "size":
        out.text("RFC822.SIZE ");
        return out.number(current.sizeAt(row.place));
      case "envelope":
        out.text("ENVELOPE ");
        return writeRow(out, row.envelopes!, row.row);
      case "bodystructure":
        out.text("BODYSTRUCTURE ");
        return writeRow(out, row.structures!, row.row);
      case "body":
        throw new Error("BODY needs the message");
    }
  }

  #literal(item: SectionItem, bytes: Uint8Array): void {
    const range = partialRange(item, { from: 0, to: bytes.length });
    this.#literalStart(item, range);
    this.#out.literal(bytes, range.from, range.to);
  }

  #literalStart(item: SectionItem, range: ByteRange): void {
    this.#out.text(item.label);
    this.#out.text(" {");
    this.#out.number(range.to - range.from);
    this.#out.text("}\r\n");
  }

  async #section(item: SectionItem, source: SectionSource): Promise<void> {
    if (isFields(item.section.kind)) {
      const fields = await source.fields(item.section);
      return fields ? this.#literal(item, fields) : this.#out.text(`${item.label} NIL`);
    }
    const whole = await source.range(item.section);
    if (!whole) return this.#out.text(`${item.label} NIL`);
    const range = partialRange(item, whole);
    this.#literalStart(item, range);
    if (source.message.whole) return this.#out.literal(source.message.whole, range.from, range.to);
    let sent = 0;
    for await (const piece of source.message.pieces(range.from, range.to)) {
      this.#out.literal(piece, 0, piece.length);
      sent += piece.length;
      if (this.#out.full) await this.#session.flush();
    }
    if (sent === range.to - range.from) return;
    // the length is announced: the client can no longer tell data from replies
    this.#session.wire.close();
    throw new Error(`message ended ${range.to - range.from - sent} bytes early`);
  }
}

/** A message whose reply is written. */
interface Row {
  /** Index in what the client knows. */
  readonly index: number;
  /** Index in the current snapshot. */
  readonly place: number;
  /** Number in the batch. */
  readonly row: number;
  readonly envelopes: PackedRows | undefined;
  readonly structures: PackedRows | undefined;
  readonly header: Uint8Array | undefined;
}

function writeRow(out: ImapOutput, rows: PackedRows, row: number): void {
  const start = rows.starts[row]!;
  out.range(rows.bytes, start, start + rows.lengths[row]!);
}

function headerSection(header: Uint8Array, item: SectionItem): Uint8Array {
  return isFields(item.section.kind) ? pickFields(header, item.section) : header;
}

/** The part of a range that a partial FETCH means; empty behind its end. */
function partialRange(item: SectionItem, range: ByteRange): ByteRange {
  if (!item.partial) return range;
  const from = Math.min(range.from + item.partial.offset, range.to);
  return { from, to: Math.min(from + item.partial.count, range.to) };
}
