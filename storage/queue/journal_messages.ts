/**
 * The messages that are in the journal and nowhere else: accepted into it, marked done in it, and written out of it, when
 * they are deferred, when their segment is due for reuse, and at a clean stop [decision 0032].
 */
import type { BodyMemory } from "./body_memory.ts";
import { discardMess, type ReceivedMessage } from "./incoming.ts";
import { type Journal, JournalFailure } from "./journal/journal.ts";
import { formatDone, formatGone, formatJournalId, formatMessage } from "./journal/payload.ts";
import { RECORD_KIND } from "./journal/record.ts";
import type { Segment } from "./journal/segment.ts";
import type { HeldMessage, HeldRecipient } from "./message.ts";
import { diskRefusal, type StoreParts } from "./parts.ts";
import { WRITE_OUT_BATCH_MAX, writeOutBatch } from "./write_out.ts";

/** What a message takes on disk besides its bytes when it is written out: blocks and inodes of up to four files. */
const WRITE_OUT_OVERHEAD_BYTES = 16 * 1024;
/** Recipient numbers in one done record: a record of 64 KB. */
const DONE_RECIPIENTS_MAX = 16_000;
/** Bytes of bounce text in one done record. */
const BOUNCE_TEXT_MAX = 20_000;

/** See above. */
export class JournalMessages {
  readonly #parts: StoreParts;
  readonly #memory: BodyMemory;
  readonly #journal: Journal;
  readonly #held = new Set<HeldMessage>();
  #bodyBytes = 0;

  constructor(parts: StoreParts, memory: BodyMemory, journal: Journal) {
    this.#parts = parts;
    this.#memory = memory;
    this.#journal = journal;
  }

  /** How many there are. */
  get count(): number {
    return this.#held.size;
  }

  /** Their bytes. */
  get bodyBytes(): number {
    return this.#bodyBytes;
  }

  /** Disk that writing all of them out takes. */
  get writeOutBytes(): number {
    return this.#bodyBytes + this.#held.size * WRITE_OUT_OVERHEAD_BYTES;
  }

  /** All of them. */
  all(): Iterable<HeldMessage> {
    return this.#held;
  }

  /**
   * Makes a message durable in the journal. False when its envelope is too long for a record: nothing was done then.
   * Throws QueueRefusal when it is not accepted; what it holds is given back.
   */
  async tryAccept(message: HeldMessage, received: ReceivedMessage): Promise<boolean> {
    const { bytes, reservedBytes } = received;
    const payload = formatMessage({ ...pickMessage(message), fileId: message.messId, targets: message.recipients });
    if (payload.length + (bytes?.length ?? 0) > this.#journal.payloadBytesMax) return false;
    try {
      const [kind, parts] = bytes ? [RECORD_KIND.message, [payload, bytes]] : [RECORD_KIND.large, [payload]];
      message.place = await this.#journal.append(kind, parts);
    } catch (error) {
      this.#memory.release(reservedBytes);
      this.#discard(message, error);
      throw diskRefusal(error instanceof JournalFailure ? error.cause : error, "cannot write queue journal");
    }
    message.id = formatJournalId(message.place);
    message.bodyAt = message.place.payloadAt + payload.length;
    if (bytes) this.#memory.retain(message, bytes, reservedBytes);
    this.#held.add(message);
    message.journalBytes = bytes?.length ?? 0;
    this.#bodyBytes += message.journalBytes;
    return true;
  }

  /** The mess file of a refused message may go only when replay cannot find its record any more. */
  #discard(message: HeldMessage, error: unknown): void {
    const { messId } = message;
    if (messId === undefined) return;
    const forgotten = error instanceof JournalFailure ? error.forgotten : Promise.resolve();
    forgotten.then(() => discardMess(this.#parts, messId), () => undefined);
  }

  /** The bytes of a small message. */
  async readBody(message: HeldMessage): Promise<Uint8Array> {
    if (message.bytes) return message.bytes;
    if (!message.place) throw new Error(`message ${message.id} is not in the journal any more`);
    return await message.place.segment.read(message.bodyAt, message.sizeBytes);
  }

  /** Records that recipients are done; resolves when that is durable. */
  async done(message: HeldMessage, recipients: readonly HeldRecipient[], bounceText: string): Promise<void> {
    message.bounce += bounceText;
    const key = message.place;
    if (!key) return;
    const numbers = recipients.map(({ number }) => number);
    let text = bounceText;
    const records: Promise<unknown>[] = [];
    // The bounce's text never comes after the marks: a crash between would forget why they failed.
    while (text.length > BOUNCE_TEXT_MAX) {
      const payload = formatDone({ ...key, recipients: [], bounceText: text.slice(0, BOUNCE_TEXT_MAX) });
      records.push(this.#journal.append(RECORD_KIND.done, [payload]));
      text = text.slice(BOUNCE_TEXT_MAX);
    }
    for (let at = 0; at === 0 || at < numbers.length; at += DONE_RECIPIENTS_MAX) {
      const part = numbers.slice(at, at + DONE_RECIPIENTS_MAX);
      const payload = formatDone({ ...key, recipients: part, bounceText: at === 0 ? text : "" });
      records.push(this.#journal.append(RECORD_KIND.done, [payload]));
    }
    await Promise.all(records);
  }

  /** Forgets a message. When it has files or a bounce, resolves once replay cannot bring it back. */
  async finish(message: HeldMessage): Promise<void> {
    const key = message.place;
    const lasting = message.bounced || message.messId !== undefined;
    this.#leave(message);
    if (key && lasting) await this.#journal.append(RECORD_KIND.gone, [formatGone(key)]);
  }

  /** Writes messages out, those of them that need it; gives those that failed. `gone` of each is set, not awaited. */
  async writeOut(messages: readonly HeldMessage[]): Promise<Map<HeldMessage, unknown>> {
    const failed = new Map<HeldMessage, unknown>();
    const wanted = new Set(messages);
    const others = [...wanted].filter(({ busy }) => busy !== undefined);
    const mine = [...wanted].filter((message) => message.place && !message.busy && !message.finished);
    for (let at = 0; at < mine.length; at += WRITE_OUT_BATCH_MAX) {
      // Another call may have taken some of them while this one waited.
      const batch = mine.slice(at, at + WRITE_OUT_BATCH_MAX).filter((message) => message.place && !message.finished);
      const free = batch.filter(({ busy }) => busy === undefined);
      others.push(...batch.filter(({ busy }) => busy !== undefined));
      for (const [message, error] of await this.#writeOutNow(free)) failed.set(message, error);
    }
    for (const message of others) {
      while (message.busy) await message.busy;
      if (message.place && !message.finished) failed.set(message, new Error("an earlier attempt failed"));
    }
    return failed;
  }

  async #writeOutNow(batch: readonly HeldMessage[]): Promise<Map<HeldMessage, unknown>> {
    const { promise: busy, resolve } = Promise.withResolvers<void>();
    for (const message of batch) message.busy = busy;
    try {
      const failed = await writeOutBatch(this.#parts, batch, (message) => this.readBody(message));
      for (const message of batch) {
        const key = message.place;
        if (failed.has(message) || !key) continue;
        this.#leave(message);
        message.gone = this.#journal.append(RECORD_KIND.gone, [formatGone(key)]).then(() => undefined);
      }
      return failed;
    } finally {
      for (const message of batch) message.busy = undefined;
      resolve();
    }
  }

  /** Writes out what is needed of a segment. Throws when some of it could not be. */
  async writeOutSegment(segment: Segment): Promise<void> {
    const messages = [...this.#held].filter(({ place }) => place?.segment === segment);
    for (const error of (await this.writeOut(messages)).values()) throw error;
  }

  #leave(message: HeldMessage): void {
    if (!message.place) return;
    message.place.segment.live--;
    message.place = undefined;
    this.#held.delete(message);
    this.#memory.drop(message);
    this.#bodyBytes -= message.journalBytes;
  }
}

function pickMessage(message: HeldMessage) {
  const { arrivedMs, submitter, sizeBytes, sender, extraHeader, environmentHeaders } = message;
  return { arrivedMs, submitter, sizeBytes, sender, extraHeader, environmentHeaders };
}
