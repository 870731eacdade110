/**
 * What a run of the queue store was told and what it answered, message by message; and the check that what a crash leaves
 * agrees with it: nothing accepted is lost, nothing is there twice, nothing recorded done comes back.
 */
import { assert, assertEquals } from "../support/assert.ts";
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import {
  type CommitRequest,
  type QueuedMessage,
  QueueRefusal,
  type QueueStore,
} from "../../storage/queue/store_types.ts";
import type { Envelope } from "../../storage/queue/submission.ts";

/** How strictly marks are checked: after a plain crash what was written counts, after a power cut only what was synced. */
export type CrashKind = "stop" | "power-cut";

interface Entry {
  readonly tag: string;
  readonly body: string;
  readonly addresses: readonly string[];
  state: "offered" | "refused" | "accepted" | "finished";
  /** `finish` was called: it may be gone from here on. */
  finishing: boolean;
  /** Delivery ids by address, once known. */
  readonly deliveryIds: Map<string, string>;
  /** Addresses for which `done` was called. */
  readonly called: Set<string>;
  /** Addresses for which `done` resolved. */
  readonly recorded: Set<string>;
  bounceRecorded: string;
}

/** A message to be made up. */
export interface OfferOptions {
  readonly sizeBytes: number;
  readonly addresses: readonly string[];
}

/** The messages of one run. */
export class QueueLedger {
  readonly entries = new Map<string, Entry>();

  /** The same promises, to be changed apart. */
  copy(): QueueLedger {
    const copy = new QueueLedger();
    for (const [tag, entry] of this.entries) {
      const { deliveryIds, called, recorded } = entry;
      const own = { deliveryIds: new Map(deliveryIds), called: new Set(called), recorded: new Set(recorded) };
      copy.entries.set(tag, { ...entry, ...own });
    }
    return copy;
  }

  /** Offers a message to a store and notes the answer; undefined when it is refused. */
  async accept(store: QueueStore, tag: string, options: OfferOptions): Promise<QueuedMessage | undefined> {
    let message: QueuedMessage | undefined;
    await this.offer(tag, options, async (bytes) => {
      try {
        const incoming = await store.begin();
        try {
          for (let at = 0; at < bytes.length; at += 8192) await incoming.write(bytes.subarray(at, at + 8192));
        } catch (error) {
          incoming.abort();
          throw error;
        }
        message = await incoming.commit(requestFor(options.addresses));
        return true;
      } catch (error) {
        if (error instanceof QueueRefusal) return false;
        throw error;
      }
    });
    const entry = this.entries.get(tag)!;
    for (const { original, deliveryId } of message?.recipients ?? []) entry.deliveryIds.set(original, deliveryId);
    return message;
  }

  /** Offers a message to whatever `submit` is. */
  async offer(
    tag: string,
    options: OfferOptions,
    submit: (bytes: Uint8Array, envelope: Envelope) => Promise<boolean>,
  ): Promise<void> {
    const { sizeBytes, addresses } = options;
    const body = `${tag} `.repeat(Math.ceil(sizeBytes / tag.length)).slice(0, Math.max(sizeBytes, tag.length + 1));
    const entry: Entry = {
      tag,
      body,
      addresses,
      state: "offered",
      finishing: false,
      deliveryIds: new Map(),
      called: new Set(),
      recorded: new Set(),
      bounceRecorded: "",
    };
    this.entries.set(tag, entry);
    entry.state = await submit(latin1Bytes(body), requestFor(addresses).envelope) ? "accepted" : "refused";
  }

  /** The entry of a message. */
  async entryOf(store: QueueStore, message: QueuedMessage): Promise<Entry> {
    const body = await readBody(store, message);
    const entry = this.entries.get(body.slice(0, body.indexOf(" ")));
    assert(entry, `message ${message.id} has a body that nobody sent`);
    return entry;
  }

  /** Marks recipients of a message done, and notes what is promised then; false when it could not be recorded. */
  async done(
    store: QueueStore,
    tag: string,
    options: { message: QueuedMessage; indexes: number[]; bounceText?: string },
  ) {
    const entry = this.entries.get(tag)!;
    const { message, indexes, bounceText } = options;
    const addresses = indexes.map((index) => message.recipients[index]!.original);
    for (const address of addresses) entry.called.add(address);
    try {
      await store.done(message, indexes, bounceText === undefined ? {} : { bounceText });
    } catch (error) {
      if (error instanceof Error && error.name === "Temporary") return false;
      throw error;
    }
    for (const address of addresses) entry.recorded.add(address);
    if (bounceText) entry.bounceRecorded += bounceText;
    return true;
  }

  /** Finishes a message, and notes that it must not come back. */
  async finish(store: QueueStore, tag: string, message: QueuedMessage): Promise<void> {
    const entry = this.entries.get(tag)!;
    entry.finishing = true;
    await store.finish(message);
    entry.state = "finished";
  }

  /** Compares what a recovered store has with what was promised. */
  async check(store: QueueStore, kind: CrashKind, options: { readonly diskFailed: boolean }): Promise<void> {
    const found = await readAll(store);
    const seen = new Map<string, QueuedMessage>();
    const ids = new Set<string>();
    for (const message of found) {
      assert(!ids.has(message.id), `id ${message.id} twice`);
      ids.add(message.id);
      const entry = await this.entryOf(store, message);
      assert(!seen.has(entry.tag), `${entry.tag} is there twice`);
      seen.set(entry.tag, message);
      assertEquals(await readBody(store, message), entry.body, `${entry.tag} has another body`);
      assertEquals(message.sender, "s@x");
      this.#checkMarks(entry, message, { kind, ...options });
      if (!entry.finishing && entry.bounceRecorded) {
        const text = await store.bounceText(message);
        assert(text.includes(entry.bounceRecorded), `${entry.tag} lacks bounce text: has "${text}"`);
      }
    }
    for (const entry of this.entries.values()) {
      if (entry.state !== "accepted") continue;
      const undone = entry.addresses.filter((address) => !entry.called.has(address));
      const there = seen.get(entry.tag);
      const undoneThere = there?.recipients.flatMap(({ done, original }) => done ? [] : [original]) ?? [];
      for (const address of undone) assert(undoneThere.includes(address), `${entry.tag} is lost for ${address}`);
      assert(there || entry.finishing || !entry.bounceRecorded, `${entry.tag} has lost its bounce`);
    }
  }

  #checkMarks(
    entry: Entry,
    message: QueuedMessage,
    crash: { readonly kind: CrashKind; readonly diskFailed: boolean },
  ): void {
    const addresses = message.recipients.map(({ original }) => original);
    assertEquals(new Set(addresses).size, addresses.length, `${entry.tag} has a recipient twice`);
    const allRecorded = entry.addresses.every((address) => entry.recorded.has(address));
    for (const { original, done, deliveryId } of message.recipients) {
      assert(entry.addresses.includes(original), `${entry.tag} has recipient ${original} of another message`);
      const known = entry.deliveryIds.get(original);
      if (known !== undefined) assertEquals(deliveryId, known, `${entry.tag} has another delivery id`);
      if (done) continue;
      // Files that a failing disk does not let go are found again by the scan.
      const ended = allRecorded && entry.state === "finished" && !(crash.diskFailed && crash.kind === "power-cut");
      assert(!ended, `${entry.tag} came back for ${original} after its end`);
      // The last mark in the files is not synced, since the removal follows.
      if (crash.kind === "power-cut" && allRecorded) continue;
      assert(!entry.recorded.has(original), `${entry.tag} is delivered to ${original} again`);
    }
  }
}

/** All messages of a freshly opened store; those in todo are processed first. */
export async function readAll(store: QueueStore): Promise<QueuedMessage[]> {
  for await (const todo of store.takeTodo()) {
    await store.preprocess(todo, requestFor(todo.envelope.recipients).targets);
  }
  const found: QueuedMessage[] = [];
  for await (const { fileId } of store.scan()) {
    const message = await store.load(fileId);
    assert(message, `message ${fileId} of the scan cannot be read`);
    found.push(message);
  }
  return found;
}

/** The text of a message. */
export async function readBody(store: QueueStore, message: QueuedMessage): Promise<string> {
  const body = await store.body(message);
  if (body.kind === "bytes") return latin1Text(body.bytes);
  return latin1Text(await diskOf(store).readFile(body.path));
}

const disks = new WeakMap<QueueStore, { readFile(path: string): Promise<Uint8Array> }>();

/** Tells which disk a store works on. */
export function rememberDisk(store: QueueStore, disk: { readFile(path: string): Promise<Uint8Array> }): void {
  disks.set(store, disk);
}

function diskOf(store: QueueStore) {
  const disk = disks.get(store);
  assert(disk, "store without a known disk");
  return disk;
}

/** Envelope and targets: addresses at `l` are local, with a prefix, others remote. */
export function requestFor(addresses: readonly string[]): CommitRequest {
  return {
    envelope: { sender: "s@x", recipients: addresses },
    submitter: { uid: 1, pid: 2 },
    targets: addresses.map((original) => {
      const local = original.endsWith("@l");
      return { address: local ? `u-${original}` : original, original, channel: local ? "local" : "remote" };
    }),
  };
}
