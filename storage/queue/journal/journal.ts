/**
 * The journal's writer: whatever is waiting goes out as one group in one write and one fdatasync [DESIGN 5.2]. Groups
 * begin at page boundaries, so that a synced page is never written again. After a failed write or sync the segment is
 * left as it is and the next one begins: no position, sequence or page that failed is trusted or used again.
 * Segments are used again in the order of their generations, and only when nothing in them is needed.
 */
import { errorText } from "../../../core/errors.ts";
import type { Logger } from "../../../core/log.ts";
import type { Disk } from "../../disk.ts";
import { formatGone, type JournalKey } from "./payload.ts";
import {
  type Generation,
  GENERATION_MAX,
  PAGE_BYTES,
  pageAlign,
  RECORD_HEADER_BYTES,
  RECORD_KIND,
  recordBytes,
  type RecordKind,
  sealRecord,
} from "./record.ts";
import { createSegment, type Segment } from "./segment.ts";

/** Largest group, so also the largest record. */
export const GROUP_BYTES_MAX = 1024 * 1024;
/** How long done marks may wait for a sync when no message comes. */
const LAZY_SYNC_MS = 100;
/** Pause before marks are written again after a failure, when no message asks for it. */
const RETRY_MS = 1000;
/** The buffer in which groups are put together grows from here to the largest group. */
const BUFFER_BYTES_MIN = 64 * 1024;

/** Where a record is. */
export interface JournalPlace extends JournalKey {
  readonly segment: Segment;
  /** Offset of the payload in the segment. */
  readonly payloadAt: number;
}

/** A message was not taken. */
export class JournalFailure extends Error {
  override name = "JournalFailure";
  /**
   * Resolves when replay cannot find the message any more, although its bytes may be on the disk; until then its mess
   * file must stay.
   */
  readonly forgotten: Promise<void>;

  constructor(cause: unknown, forgotten: Promise<void>) {
    super(errorText(cause), { cause });
    this.forgotten = forgotten;
  }
}

/** How a journal is made. */
export interface JournalOptions {
  readonly disk: Disk;
  /** The folder of the segments. */
  readonly directory: string;
  readonly segmentBytes: number;
  readonly segmentsMax: number;
  readonly log: Logger;
  /** Writes out all that is needed of a segment, so that its `live` is 0. Throws when it cannot. */
  readonly writeOutSegment: (segment: Segment) => Promise<void>;
}

interface Entry {
  readonly kind: RecordKind;
  readonly parts: readonly Uint8Array[];
  readonly payloadBytes: number;
  readonly resolve: (place: JournalPlace) => void;
  readonly reject: (error: unknown) => void;
}

/** A message must be durable now or refused; a mark is repeated until it is, and may wait for the next sync. */
function isMessage(entry: Entry): boolean {
  return entry.kind === RECORD_KIND.message || entry.kind === RECORD_KIND.large;
}

/** Appends records to segments. `start` it only when all that was in them is written out. */
export class Journal {
  readonly #options: JournalOptions;
  /** Oldest generation first; the current one last. */
  readonly #segments: Segment[];
  #generation: number;
  #current: Segment | undefined;
  #at = PAGE_BYTES;
  #sequence = 0;
  /** Records of this generation below this sequence are synced. */
  #syncedBelow = 0;
  #queue: Entry[] = [];
  /** Written but not synced. */
  #lazy: { entry: Entry; place: JournalPlace }[] = [];
  #running: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #settleDue = false;
  #mustRotate = true;
  #preparing: Promise<void> | undefined;
  #prepared = false;
  #buffer = new Uint8Array(BUFFER_BYTES_MIN);
  #closing = false;

  constructor(options: JournalOptions, segments: readonly Segment[]) {
    this.#options = options;
    this.#segments = [...segments];
    this.#generation = segments.reduce((most, segment) => Math.max(most, segment.header?.generation ?? 0), 0);
  }

  /** How many segments there are. */
  get segments(): number {
    return this.#segments.length;
  }

  /** Opens the first segment: from here on nothing that was in the journal before counts any more. */
  async start(): Promise<void> {
    await this.#rotate();
  }

  /** The largest payload that a record can hold, and that a segment can hold. */
  get payloadBytesMax(): number {
    return Math.min(GROUP_BYTES_MAX, this.#options.segmentBytes - PAGE_BYTES) - RECORD_HEADER_BYTES - PAGE_BYTES;
  }

  /**
   * Adds a record to the next group; resolves when it is durable. A message is rejected when its group fails; any other
   * record is then put into the next group. Resolving a message counts it in its segment's `live`.
   */
  append(kind: RecordKind, parts: readonly Uint8Array[]): Promise<JournalPlace> {
    let payloadBytes = 0;
    for (const part of parts) payloadBytes += part.length;
    return new Promise((resolve, reject) => {
      if (payloadBytes > this.payloadBytesMax) {
        return reject(new RangeError("record is too long for the queue journal"));
      }
      this.#queue.push({ kind, parts, payloadBytes, resolve, reject });
      this.#kick();
    });
  }

  #kick(): void {
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    try {
      await Promise.resolve(); // what comes in the same turn joins the group
      while (this.#queue.length > 0 || (this.#settleDue && this.#lazy.length > 0)) {
        const written = await (this.#queue.length > 0 ? this.#writeGroup() : this.#settle());
        if (!written && !this.#queue.some(isMessage)) return this.#wakeIn(RETRY_MS);
      }
      this.#settleDue = false;
      if (this.#lazy.length > 0) this.#wakeIn(LAZY_SYNC_MS);
    } finally {
      this.#running = undefined; // in the same turn as the last look at the queue
    }
  }

  #wakeIn(delayMs: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#settleDue = true;
      this.#kick();
    }, delayMs);
  }

  /** Writes what is waiting; false when that failed. */
  async #writeGroup(): Promise<boolean> {
    if (this.#mustRotate || !this.#fits(this.#queue[0]!, this.#at)) {
      try {
        await this.#rotate();
      } catch (error) {
        this.#refuse(error);
        return false;
      }
    }
    const batch = this.#gather();
    const group = this.#seal(batch);
    const segment = this.#current!;
    const start = this.#at;
    // Whatever happens, these positions and sequences are used.
    this.#at += group.bytes.length;
    this.#sequence += batch.length;
    try {
      const file = await segment.writer();
      await file.writeAt(group.bytes, start);
      for (let index = 0; index < batch.length; index++) {
        this.#lazy.push({ entry: batch[index]!, place: { ...group.places[index]!, segment } });
      }
    } catch (error) {
      this.#fail(batch.map((entry, index) => ({ entry, place: { ...group.places[index]!, segment } })), error);
      return false;
    }
    this.#prepareNext();
    return batch.some(isMessage) ? await this.#settle() : true;
  }

  /** Syncs what is written, and answers for it; false when that failed. */
  async #settle(): Promise<boolean> {
    const written = this.#lazy;
    this.#lazy = [];
    this.#settleDue = false;
    this.#stopTimer();
    if (written.length === 0) return true;
    try {
      const file = await this.#current!.writer();
      await file.sync();
    } catch (error) {
      this.#fail(written, error);
      return false;
    }
    this.#syncedBelow = this.#sequence;
    for (const { entry, place } of written) {
      if (isMessage(entry)) place.segment.live++;
      entry.resolve(place);
    }
    return true;
  }

  /** Takes from the queue what fits into one group and into the segment. */
  #gather(): Entry[] {
    let bytes = 0;
    let count = 0;
    for (; count < this.#queue.length; count++) {
      const next = bytes + recordBytes(this.#queue[count]!.payloadBytes);
      if (count > 0 && next > GROUP_BYTES_MAX) break;
      if (this.#at + pageAlign(next) > this.#current!.sizeBytes) break;
      bytes = next;
    }
    return this.#queue.splice(0, count);
  }

  #fits(entry: Entry, at: number): boolean {
    return at + pageAlign(recordBytes(entry.payloadBytes)) <= (this.#current?.sizeBytes ?? 0);
  }

  #seal(batch: readonly Entry[]): { bytes: Uint8Array; places: (JournalKey & { payloadAt: number })[] } {
    let total = 0;
    for (const entry of batch) total += recordBytes(entry.payloadBytes);
    const length = pageAlign(total);
    if (this.#buffer.length < length) this.#buffer = new Uint8Array(Math.max(length, 2 * this.#buffer.length));
    const bytes = this.#buffer.subarray(0, length);
    const header = this.#current!.header!;
    const places: (JournalKey & { payloadAt: number })[] = [];
    let at = 0;
    for (const [index, entry] of batch.entries()) {
      let end = at + RECORD_HEADER_BYTES;
      places.push({ generation: header.generation, sequence: this.#sequence + index, payloadAt: this.#at + end });
      for (const part of entry.parts) {
        bytes.set(part, end);
        end += part.length;
      }
      sealRecord({ bytes, at, payloadBytes: entry.payloadBytes }, header, {
        kind: entry.kind,
        last: index === batch.length - 1,
        sequence: this.#sequence + index,
        syncedBelow: this.#syncedBelow,
      });
      at += recordBytes(entry.payloadBytes);
      bytes.fill(0, end, at);
    }
    bytes.fill(0, at);
    return { bytes, places };
  }

  /** A group failed: its messages are refused, its marks go into the next group, which begins the next segment. */
  #fail(written: readonly { entry: Entry; place: JournalPlace }[], error: unknown): void {
    this.#mustRotate = true;
    this.#options.log.line(`alert: cannot write queue journal: ${errorText(error)}`);
    const again: Entry[] = [];
    for (const { entry, place } of written) {
      if (!isMessage(entry)) {
        again.push(entry);
        continue;
      }
      // Its bytes may be on the disk all the same: make replay pass over them.
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const payload = formatGone(place);
      const parts = [payload];
      again.push({ kind: RECORD_KIND.gone, parts, payloadBytes: payload.length, resolve: () => resolve(), reject });
      entry.reject(new JournalFailure(error, promise));
    }
    this.#queue.unshift(...again);
  }

  /** No segment can be had: messages are refused, marks wait. */
  #refuse(error: unknown): void {
    const messages = this.#queue.filter(isMessage);
    this.#queue = this.#queue.filter((entry) => !isMessage(entry));
    for (const entry of messages) entry.reject(new JournalFailure(error, Promise.resolve()));
  }

  async #rotate(): Promise<void> {
    if (this.#generation + 1 > GENERATION_MAX) throw new Error("queue journal has no more generations");
    await this.#settleBeforeRotation();
    const next = await this.#nextSegment();
    const generation = ++this.#generation;
    const live = this.#segments.find((segment) => segment !== next && segment.live > 0);
    const salt = crypto.getRandomValues(new Uint32Array(2));
    const own: Generation = { generation, salt: [salt[0]!, salt[1]!] };
    await next.writeHeader({ ...own, base: live?.header?.generation ?? generation, closed: false });
    this.#segments.splice(this.#segments.indexOf(next), 1);
    this.#segments.push(next);
    if (this.#current && this.#current !== next) this.#current.close();
    this.#current = next;
    this.#at = PAGE_BYTES;
    this.#sequence = 0;
    this.#syncedBelow = 0;
    this.#mustRotate = false;
    this.#prepared = false;
  }

  /** Marks written to the old segment and not yet synced: synced, or written again into the next. */
  async #settleBeforeRotation(): Promise<void> {
    if (this.#mustRotate && this.#lazy.length > 0) {
      const unsure = this.#lazy;
      this.#lazy = [];
      this.#queue.unshift(...unsure.map(({ entry }) => entry));
    } else await this.#settle();
  }

  /** A segment in which nothing is needed: the oldest, or a new one, or the oldest after writing out. */
  async #nextSegment(): Promise<Segment> {
    await this.#preparing;
    const { segmentsMax, segmentBytes, disk } = this.#options;
    for (;;) {
      const oldest = this.#segments.find((segment) => segment !== this.#current);
      if (oldest?.free && oldest.sizeBytes === segmentBytes) return oldest;
      if (oldest?.free) {
        await disk.unlink(oldest.path); // of another size than is asked for now
        oldest.close();
        this.#segments.splice(this.#segments.indexOf(oldest), 1);
        continue;
      }
      if (this.#segments.length < segmentsMax) return await this.#addSegment(oldest);
      if (!oldest) throw new Error("queue journal needs two segments");
      await this.#makeFree(oldest);
    }
  }

  async #addSegment(oldest: Segment | undefined): Promise<Segment> {
    const { segmentBytes, disk, directory } = this.#options;
    try {
      const segment = await createSegment(disk, directory, segmentBytes);
      this.#segments.unshift(segment);
      return segment;
    } catch (error) {
      if (!oldest) throw error;
      await this.#makeFree(oldest); // no room for more: use what there is
      return oldest;
    }
  }

  async #makeFree(segment: Segment): Promise<void> {
    await this.#options.writeOutSegment(segment);
    await segment.readsDone();
    if (!segment.free) throw new Error(`journal segment ${segment.path} is still in use`);
  }

  /** Past the middle of a segment the next one is made ready, so that its turn costs nobody a wait. */
  #prepareNext(): void {
    if (this.#prepared || this.#preparing || this.#closing || this.#at < this.#current!.sizeBytes / 2) return;
    this.#prepared = true;
    const oldest = this.#segments.find((segment) => segment !== this.#current);
    if (oldest?.free) return;
    const { segmentsMax, segmentBytes, disk, directory } = this.#options;
    const prepare = async () => {
      if (this.#segments.length < segmentsMax) {
        this.#segments.unshift(await createSegment(disk, directory, segmentBytes));
      } else await this.#options.writeOutSegment(oldest!);
    };
    this.#preparing = prepare().catch((error: unknown) => {
      this.#options.log.line(`warning: cannot make the next journal segment ready: ${errorText(error)}`);
    }).finally(() => this.#preparing = undefined);
  }

  #stopTimer(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Makes everything durable that was appended; false when that cannot be done now. */
  async flush(): Promise<boolean> {
    this.#stopTimer();
    this.#settleDue = true;
    if (this.#queue.length > 0 || this.#lazy.length > 0) this.#kick();
    while (this.#running) await this.#running;
    this.#stopTimer();
    return this.#queue.length === 0 && this.#lazy.length === 0;
  }

  /** Ends the journal. `empty`: nothing in it is needed any more, and the next start need not read it. */
  async close(options: { readonly empty: boolean }): Promise<void> {
    this.#closing = true;
    await this.#preparing;
    await this.flush();
    this.#stopTimer();
    const current = this.#current;
    if (options.empty && current?.header) await current.writeHeader({ ...current.header, closed: true });
    for (const segment of this.#segments) segment.close();
  }
}
