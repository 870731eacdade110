/**
 * The journal's writer: whatever is waiting goes out as one group in one write and one fdatasync [decision 0032]. Groups
 * begin at page boundaries, so that a synced page is never written again. After a failed write or sync the segment is
 * left as it is and the next one begins: no position, sequence or page that failed is trusted or used again.
 * Segments are used again in the order of their generations, and only when nothing in them is needed.
 */
import { errorText } from "../../../core/errors.ts";
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
import type { Segment } from "./segment.ts";
import { SegmentPool, type SegmentPoolOptions } from "./segment_pool.ts";

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
export type JournalOptions = SegmentPoolOptions;

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
  readonly #pool: SegmentPool;
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
  #buffer = new Uint8Array(BUFFER_BYTES_MIN);
  #closing = false;

  constructor(options: JournalOptions, segments: readonly Segment[]) {
    this.#options = options;
    this.#pool = new SegmentPool(options, segments);
    this.#generation = segments.reduce((most, segment) => Math.max(most, segment.header?.generation ?? 0), 0);
  }

  /** How many segments there are. */
  get segments(): number {
    return this.#pool.count;
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
    if (!this.#closing && this.#at > segment.sizeBytes / 2) this.#pool.prepare(segment);
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
    const next = await this.#pool.take(this.#current);
    const generation = ++this.#generation;
    const salt = crypto.getRandomValues(new Uint32Array(2));
    const own: Generation = { generation, salt: [salt[0]!, salt[1]!] };
    await next.writeHeader({ ...own, base: this.#pool.baseWithout(next) ?? generation, closed: false });
    this.#pool.began(next);
    if (this.#current && this.#current !== next) this.#current.close();
    this.#current = next;
    this.#at = PAGE_BYTES;
    this.#sequence = 0;
    this.#syncedBelow = 0;
    this.#mustRotate = false;
  }

  /** Marks written to the old segment and not yet synced: synced, or written again into the next. */
  async #settleBeforeRotation(): Promise<void> {
    if (this.#mustRotate && this.#lazy.length > 0) {
      const unsure = this.#lazy;
      this.#lazy = [];
      this.#queue.unshift(...unsure.map(({ entry }) => entry));
    } else await this.#settle();
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
    await this.#pool.idle();
    await this.flush();
    this.#stopTimer();
    const current = this.#current;
    if (options.empty && current?.header) await current.writeHeader({ ...current.header, closed: true });
    this.#pool.close();
  }
}
