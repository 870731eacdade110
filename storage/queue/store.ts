/**
 * The queue store: journal first, qmail's files for whatever outlives its first attempt [decision 0032]. One process at a time
 * has a queue directory open. What a crash leaves is put right by `openQueueStore`, before it resolves.
 */
import { errorText, Temporary } from "../../core/errors.ts";
import { BodyMemory, BUFFER_BYTES_MAX } from "./body_memory.ts";
import { FileWriter } from "./file_writer.ts";
import { FreeSpace, RESERVE_BYTES } from "./free_space.ts";
import { discardMess, IncomingMessage, INLINE_BYTES_MAX, type ReceivedMessage } from "./incoming.ts";
import { Journal } from "./journal/journal.ts";
import { findSegments } from "./journal/segment.ts";
import { JournalMessages } from "./journal_messages.ts";
import { QueueLayout } from "./layout.ts";
import { appendBounceFile, markRecipients } from "./marks.ts";
import { envelopeFault, HeldMessage, heldMessage, orderTargets } from "./message.ts";
import { diskRefusal, removeStale, STORE_REFUSAL, type StoreParts, tryReadFile } from "./parts.ts";
import { flockQueue, lockQueue, makeQueueTree } from "./queue_tree.ts";
import { recoverJournal } from "./recover.ts";
import {
  type CommitRequest,
  type Incoming,
  type MessageBody,
  type QueuedMessage,
  QueueRefusal,
  type QueueStore,
  type QueueStoreOptions,
  type QueueStoreStatus,
  type QueueTarget,
  type StoredMessage,
  type TodoMessage,
} from "./store_types.ts";
import { cleanupStored, loadStored, Remover, scanStored } from "./stored.ts";
import { preprocessTodo, takeTodoEntries } from "./todo.ts";

/** Bytes of one segment of the journal [decision 0032]. */
export const SEGMENT_BYTES = 64 * 1024 * 1024;
/** Segments at most. */
export const SEGMENTS_MAX = 4;
/** Limits of `segmentBytes`: a few records, and what a sequence number can count. */
const SEGMENT_BYTES_MIN = 32 * 1024;
const SEGMENT_BYTES_MAX = 512 * 1024 * 1024;

/**
 * Opens a queue directory: takes lock/sendmutex, makes what is missing of the tree, writes out what the journal holds.
 * Throws Temporary when the lock is held or when the journal cannot be written out now.
 */
export async function openQueueStore(options: QueueStoreOptions): Promise<QueueStore> {
  const { disk, log, clock } = options;
  const layout = new QueueLayout(options.directory, options);
  await makeQueueTree(disk, layout, options.owners);
  const lock = await lockQueue(layout, options.takeLock ?? flockQueue);
  try {
    const parts: StoreParts = { disk, layout, log, clock, pid: options.pid ?? 1, inUse: new Set() };
    const directory = `${layout.directory}/journal`;
    await disk.mkdir(directory, { recursive: true, mode: 0o700 });
    await disk.syncDirectory(layout.directory);
    const segments = await findSegments(disk, directory);
    await recoverJournal(parts, segments);
    const memory = new BodyMemory(options.bufferBytesMax ?? BUFFER_BYTES_MAX);
    const { segmentBytes = SEGMENT_BYTES, segments: segmentsMax = SEGMENTS_MAX, enabled = true } = options.journal ??
      {};
    const journal: Journal = new Journal({
      disk,
      directory,
      log,
      segmentBytes: Math.min(Math.max(segmentBytes, SEGMENT_BYTES_MIN), SEGMENT_BYTES_MAX),
      segmentsMax: Math.max(2, segmentsMax),
      writeOutSegment: (segment) => messages.writeOutSegment(segment),
    }, segments);
    const messages: JournalMessages = new JournalMessages(parts, memory, journal);
    // Also without a journal: a used one must be told that what it held has been written out.
    if (enabled || segments.some((segment) => segment.header)) await journal.start();
    const free = new FreeSpace(options.freeBytes, options.reserveBytes ?? RESERVE_BYTES, clock);
    return new Store({ parts, memory, journal, messages, free, lock, enabled });
  } catch (error) {
    lock.release();
    throw error;
  }
}

interface Opened {
  readonly parts: StoreParts;
  readonly memory: BodyMemory;
  readonly journal: Journal;
  readonly messages: JournalMessages;
  readonly free: FreeSpace;
  readonly lock: { release(): void };
  /** Messages are accepted into the journal. */
  readonly enabled: boolean;
}

class Store implements QueueStore {
  readonly directory: string;
  readonly #open: Opened;
  readonly #remover: Remover;
  readonly #fileWriter: FileWriter;
  readonly #inlineBytesMax: number;
  /** Accepting under way. */
  readonly #commits = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  constructor(open: Opened) {
    this.#open = open;
    this.directory = open.parts.layout.directory;
    this.#remover = new Remover(open.parts);
    this.#fileWriter = new FileWriter(open.parts);
    this.#inlineBytesMax = Math.min(INLINE_BYTES_MAX, open.journal.payloadBytesMax >> 1);
  }

  async begin(): Promise<Incoming> {
    if (this.#closing) throw new QueueRefusal(STORE_REFUSAL.closing, "queue is being stopped");
    const { parts, memory, messages, free } = this.#open;
    await free.check(messages.writeOutBytes);
    return new IncomingMessage({
      parts,
      memory,
      inlineBytesMax: this.#inlineBytesMax,
      accept: (received, request) => {
        const commit = this.#accept(received, request);
        const settled = commit.then(() => undefined, () => undefined);
        this.#commits.add(settled);
        settled.finally(() => this.#commits.delete(settled));
        return commit;
      },
    });
  }

  async #accept(received: ReceivedMessage, request: CommitRequest): Promise<QueuedMessage> {
    const { parts, memory, messages, free } = this.#open;
    const { envelope, submitter } = request;
    try {
      const fault = envelopeFault(envelope, request.targets);
      if (fault !== undefined) throw new QueueRefusal(STORE_REFUSAL.envelope, fault);
      if (this.#closing) throw new QueueRefusal(STORE_REFUSAL.closing, "queue is being stopped");
      await free.check(messages.writeOutBytes + received.sizeBytes);
    } catch (error) {
      memory.release(received.reservedBytes);
      if (received.messId !== undefined) discardMess(parts, received.messId);
      throw diskRefusal(error, "cannot accept message");
    }
    const message = new HeldMessage({
      id: "",
      arrivedMs: parts.clock.nowMs(),
      sizeBytes: received.sizeBytes,
      sender: envelope.sender,
      extraHeader: envelope.extraHeader ?? "",
      environmentHeaders: envelope.environmentHeaders ?? "",
      submitter,
      targets: orderTargets(request.targets),
    });
    message.messId = received.messId;
    message.messReady = received.messId !== undefined;
    if (this.#open.enabled && await messages.tryAccept(message, received)) return message;
    await this.#acceptAsFiles(message, received);
    return message;
  }

  /** Without a journal, and for an envelope that is too long for it: written out at once. */
  async #acceptAsFiles(message: HeldMessage, received: ReceivedMessage): Promise<void> {
    const { parts, memory } = this.#open;
    if (message.messId !== undefined) message.id = String(message.messId);
    const error = await this.#fileWriter.write(message, received.bytes ?? new Uint8Array(0));
    memory.release(received.reservedBytes);
    if (error === undefined) return;
    const { messId } = message;
    if (messId !== undefined) {
      await removeStale(parts, messId).then(() => discardMess(parts, messId), () => undefined); // else a duplicate
    }
    throw diskRefusal(error, "cannot write message");
  }

  async body(message: QueuedMessage): Promise<MessageBody> {
    const held = heldMessage(message);
    if (held.bytes) return { kind: "bytes", bytes: held.bytes };
    if (held.messReady) return { kind: "file", path: this.#open.parts.layout.path("mess", held.messId!) };
    return { kind: "bytes", bytes: await this.#open.messages.readBody(held) };
  }

  release(message: QueuedMessage): void {
    this.#open.memory.drop(heldMessage(message));
  }

  async done(
    message: QueuedMessage,
    indexes: readonly number[],
    options: { readonly bounceText?: string } = {},
  ): Promise<void> {
    const held = heldMessage(message);
    const { bounceText = "" } = options;
    const recipients = indexes.map((index) => held.recipients[index]!).filter((recipient) => !recipient.done);
    for (const recipient of recipients) recipient.done = true;
    if (!held.inFiles) return await this.#open.messages.done(held, recipients, bounceText);
    const { parts } = this.#open;
    if (bounceText) held.bounceFile = true;
    const marked = (async () => {
      if (bounceText) await appendBounceFile(parts, held.messId!, bounceText);
      // The last mark need not be synced: the removal follows, and is.
      await markRecipients(parts, held, { recipients, sync: !held.allDone || held.bounced });
    })();
    const settled = marked.catch(() => undefined); // told below
    held.marking = Promise.all([held.marking, settled]).then(() => undefined);
    try {
      await marked;
    } catch (error) {
      throw new Temporary(`trouble marking message ${held.id}: ${errorText(error)}; message may be delivered twice`);
    }
  }

  async bounceText(message: QueuedMessage): Promise<string> {
    const held = heldMessage(message);
    if (!held.inFiles) return held.bounce;
    await held.marking;
    const { disk, layout } = this.#open.parts;
    return new TextDecoder().decode(await tryReadFile(disk, layout.path("bounce", held.messId!)));
  }

  async finish(message: QueuedMessage): Promise<void> {
    const held = heldMessage(message);
    if (held.finished) return;
    held.finished = true;
    while (held.busy) await held.busy;
    if (held.inFiles) {
      await held.marking;
      await held.gone;
    } else await this.#open.messages.finish(held);
    if (held.messId !== undefined) await this.#remover.remove(held.messId);
  }

  async writeOut(messages: readonly QueuedMessage[]): Promise<void> {
    const held = messages.map(heldMessage);
    const failed = await this.#open.messages.writeOut(held);
    await Promise.all(held.map((message) => message.gone));
    for (const [message, error] of failed) {
      throw new Temporary(`cannot write message ${message.id} to the queue: ${errorText(error)}`);
    }
  }

  journalMessages(): Iterable<QueuedMessage> {
    return this.#open.messages.all();
  }

  scan(): AsyncIterable<StoredMessage> {
    return scanStored(this.#open.parts);
  }

  load(fileId: number): Promise<QueuedMessage | undefined> {
    return loadStored(this.#open.parts, fileId);
  }

  takeTodo(): AsyncIterable<TodoMessage> {
    return takeTodoEntries(this.#open.parts);
  }

  preprocess(todo: TodoMessage, targets: readonly QueueTarget[]): Promise<QueuedMessage> {
    return preprocessTodo(this.#open.parts, todo, targets);
  }

  cleanup(): Promise<number> {
    return cleanupStored(this.#open.parts);
  }

  status(): QueueStoreStatus {
    const { messages, memory, journal } = this.#open;
    return {
      journalMessages: messages.count,
      journalBytes: messages.bodyBytes,
      bufferedBytes: memory.usedBytes,
      segments: journal.segments,
    };
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    const { messages, journal, lock } = this.#open;
    try {
      await Promise.resolve(); // `#closing` is set from here on
      while (this.#commits.size > 0) await Promise.all(this.#commits);
      const failed = await messages.writeOut([...messages.all()]);
      await this.#remover.idle();
      await journal.close({ empty: messages.count === 0 });
      for (const error of failed.values()) {
        throw new Temporary(`queue journal in ${this.directory} is not empty at the stop: ${errorText(error)}`);
      }
    } finally {
      lock.release();
    }
  }
}
