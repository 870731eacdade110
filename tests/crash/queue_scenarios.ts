/**
 * What a queue daemon does to its store, in small runs that reach every way a message can take. Each is run once for every
 * operation of the disk that it makes, with a crash or a failure at that operation.
 */
import { queueFileSubmission } from "../../storage/queue/queue_file_submission.ts";
import { openQueueStore } from "../../storage/queue/store.ts";
import type { QueuedMessage, QueueStore, QueueStoreOptions } from "../../storage/queue/store_types.ts";
import { QueueLedger, readAll, rememberDisk, requestFor } from "./queue_ledger.ts";
import type { SimulatedDisk } from "./simulated_disk.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** The queue directory of all runs. */
export const QUEUE_DIRECTORY = "/q/queue1";

/** One run: disk, time, and what was promised. */
export interface QueueRun {
  readonly disk: SimulatedDisk;
  readonly time: VirtualTime;
  readonly ledger: QueueLedger;
  readonly lines: string[];
  /** Errors that a failing disk may cause are let pass. */
  readonly tolerant: boolean;
}

/** Opens the store of a run, with tiny segments. */
export async function openRun(run: QueueRun, options: Partial<QueueStoreOptions> = {}): Promise<QueueStore> {
  const store = await openQueueStore({
    disk: run.disk,
    directory: QUEUE_DIRECTORY,
    split: 2,
    journal: { segmentBytes: 32 * 1024, segments: 2 },
    clock: run.time,
    log: { line: (line) => run.lines.push(line), flush: () => Promise.resolve() },
    freeBytes: () => Promise.resolve(1e12),
    takeLock: () => Promise.resolve({ release: () => undefined }),
    ...options,
  });
  rememberDisk(store, run.disk);
  return store;
}

/** Delivers all of a message that is not done, in one mark, and ends it. */
async function deliver(run: QueueRun, store: QueueStore, tag: string, message: QueuedMessage): Promise<void> {
  const indexes = message.recipients.flatMap(({ done }, at) => done ? [] : [at]);
  if (indexes.length > 0) await run.ledger.done(store, tag, { message, indexes });
  await run.ledger.finish(store, tag, message);
}

/** Writes out, as a daemon does after a deferral: a failure is no news. */
async function writeOut(run: QueueRun, store: QueueStore, messages: readonly (QueuedMessage | undefined)[]) {
  try {
    await store.writeOut(messages.filter((message) => message !== undefined));
  } catch (error) {
    if (!run.tolerant) throw error;
  }
}

/** Delivers what a store finds in its files. */
export async function deliverAll(run: QueueRun, store: QueueStore): Promise<void> {
  for (const message of await readAll(store)) {
    const { tag } = await run.ledger.entryOf(store, message);
    await deliver(run, store, tag, message);
  }
}

/** Small messages from three clients; some are delivered at once, some stay. */
async function acceptSmall(run: QueueRun): Promise<void> {
  const store = await openRun(run);
  const lanes = [0, 1, 2].map(async (lane) => {
    for (let round = 0; round < 3; round++) {
      const tag = `small${lane}.${round}`;
      const addresses = round === 2 ? ["a@l", "r@far"] : ["a@l"];
      const message = await run.ledger.accept(store, tag, { sizeBytes: 100 + 1100 * lane, addresses });
      if (message && round !== 1) await run.ledger.done(store, tag, { message, indexes: [0] });
      if (message && round === 0) await run.ledger.finish(store, tag, message);
    }
  });
  await Promise.all(lanes);
}

/** Messages that go to mess files at once, alone and beside small ones. */
async function acceptLarge(run: QueueRun): Promise<void> {
  const store = await openRun(run);
  const sizes = [20_000, 500, 60_000, 13_000];
  const messages = await Promise.all(sizes.map((sizeBytes, at) => {
    return run.ledger.accept(store, `large${at}`, { sizeBytes, addresses: ["a@l", "r@far"] });
  }));
  if (messages[0]) await deliver(run, store, "large0", messages[0]);
  if (messages[2]) await run.ledger.done(store, "large2", { message: messages[2], indexes: [1] });
  const again = await run.ledger.accept(store, "large4", { sizeBytes: 20_000, addresses: ["b@l"] });
  if (again) await deliver(run, store, "large4", again);
  await run.ledger.accept(store, "large5", { sizeBytes: 15_000, addresses: ["c@l"] });
}

/** Many recipients: in the journal, and beyond what a record holds. */
async function manyRecipients(run: QueueRun): Promise<void> {
  const store = await openRun(run);
  const addresses = Array.from({ length: 30 }, (_, at) => `user${at}@${at % 3 === 0 ? "far" : "l"}`);
  const some = await run.ledger.accept(store, "some", { sizeBytes: 300, addresses });
  if (some) {
    await run.ledger.done(store, "some", { message: some, indexes: [0, 5, 29] });
    await run.ledger.done(store, "some", { message: some, indexes: [7], bounceText: "<user7>: gone\n" });
  }
  const wide = Array.from({ length: 600 }, (_, at) => `a-rather-long-name-of-a-user-${at}@${at % 2 ? "far" : "l"}`);
  const many = await run.ledger.accept(store, "many", { sizeBytes: 300, addresses: wide });
  if (many) {
    await run.ledger.done(store, "many", { message: many, indexes: [1, 2, 3, 599] });
    await run.ledger.done(store, "many", { message: many, indexes: [4], bounceText: "<4>: gone\n" });
  }
  if (some) await writeOut(run, store, [some]);
}

/** More than the segments hold, so that they are used again; some messages stay in the way. */
async function reuseJournal(run: QueueRun): Promise<void> {
  const store = await openRun(run);
  const lanes = [0, 1].map(async (lane) => {
    for (let round = 0; round < 9; round++) {
      const tag = `reuse${lane}.${round}`;
      const message = await run.ledger.accept(store, tag, { sizeBytes: 3000, addresses: ["a@l", "r@far"] });
      if (!message) continue;
      if (round % 4 === 1) continue; // never tried
      await run.ledger.done(store, tag, { message, indexes: [0] });
      if (round % 4 !== 3) await deliver(run, store, tag, message);
    }
  });
  await Promise.all(lanes);
}

/** Deferrals written out while deliveries and failures go on; then tried again from the files, and ended. */
async function writeOutAndDeliver(run: QueueRun): Promise<void> {
  const store = await openRun(run);
  const make = (tag: string, sizeBytes: number) => {
    return run.ledger.accept(store, tag, { sizeBytes, addresses: ["a@l", "b@l", "r@far"] });
  };
  const [one, two, three, large] = await Promise.all([
    make("out1", 100),
    make("out2", 5000),
    make("out3", 100),
    make("out4", 20_000),
  ]);
  if (one) await run.ledger.done(store, "out1", { message: one, indexes: [0], bounceText: "<a>: gone\n" });
  const writing = writeOut(run, store, [one, two, three, large]);
  if (two) await run.ledger.done(store, "out2", { message: two, indexes: [2], bounceText: "<r>: gone\n" });
  const ending = three && deliver(run, store, "out3", three);
  await Promise.all([writing, ending]);
  if (one) await run.ledger.done(store, "out1", { message: one, indexes: [1], bounceText: "<b>: gone\n" });
  if (large) await run.ledger.done(store, "out4", { message: large, indexes: [0] });
  for await (const { fileId } of store.scan()) {
    const message = await store.load(fileId);
    if (!message) continue;
    const { tag } = await run.ledger.entryOf(store, message);
    if (tag !== "out4") await deliver(run, store, tag, message);
  }
  // Inode numbers of what has ended are used again, by messages of other kinds.
  const next = [await make("next1", 100), await make("next2", 20_000)];
  await writeOut(run, store, next);
}

/** Marks, failures and ends that come at any moment of a writing out. */
async function markWhileWritingOut(run: QueueRun): Promise<void> {
  const store = await openRun(run);
  const tags = Array.from({ length: 4 }, (_, at) => `mark${at}`);
  const messages = await Promise.all(tags.map((tag, at) => {
    return run.ledger.accept(store, tag, { sizeBytes: at === 3 ? 20_000 : 200, addresses: ["a@l", "b@l", "r@far"] });
  }));
  const writing = writeOut(run, store, messages);
  const deliveries = messages.map(async (message, at) => {
    const tag = tags[at]!;
    if (!message) return;
    for (let index = 0; index < 3; index++) {
      await operationsPassed(run, 6 + 2 * at);
      const bounceText = index === 1 && at % 2 === 0 ? { bounceText: `<${tag}>: gone\n` } : {};
      await run.ledger.done(store, tag, { message, indexes: [index], ...bounceText });
    }
    if (at !== 2) await run.ledger.finish(store, tag, message);
  });
  await Promise.all([writing, ...deliveries]);
  const next = await run.ledger.accept(store, "mark9", { sizeBytes: 20_000, addresses: ["c@l"] });
  await writeOut(run, store, [next]);
}

/** Waits until the disk has made so many more operations, or until it is idle. */
async function operationsPassed(run: QueueRun, count: number): Promise<void> {
  const until = run.disk.operations + count;
  for (let turn = 0; turn < 200 && run.disk.operations < until; turn++) await Promise.resolve();
}

/** Ends that nobody waits for, of large messages, whose inode numbers are then used again at once. */
async function endHastily(run: QueueRun): Promise<void> {
  const store = await openRun(run);
  for (let round = 0; round < 4; round++) {
    const tag = `hasty${round}`;
    const message = await run.ledger.accept(store, tag, { sizeBytes: 20_000, addresses: ["a@l", "r@far"] });
    if (!message || round === 3) continue;
    const done = run.ledger.done(store, tag, { message, indexes: [0, 1] });
    await run.ledger.finish(store, tag, message);
    if (round === 1) await done;
  }
}

/** Starts after a death: what the journal held is written out, delivered, and must not come back. */
async function startAgain(run: QueueRun): Promise<void> {
  for (let round = 0; round < 3; round++) {
    const store = await openRun(run); // the store before it is left as a dead process leaves it
    for (const message of await readAll(store)) {
      const { tag } = await run.ledger.entryOf(store, message);
      if (round === 2 || !tag.endsWith("stays")) await deliver(run, store, tag, message);
    }
    for (const [at, sizeBytes] of [200, 20_000, 200].entries()) {
      const tag = `start${round}.${at}${at === 2 ? "stays" : ""}`;
      const message = await run.ledger.accept(store, tag, { sizeBytes, addresses: ["a@l", "r@far"] });
      if (message) await run.ledger.done(store, tag, { message, indexes: [at % 2] });
    }
  }
}

/** qmail-queue without a daemon, then a daemon that finds its entries. */
async function processTodo(run: QueueRun): Promise<void> {
  const first = await openRun(run);
  await first.close();
  const log = { line: (line: string) => void run.lines.push(line), flush: () => Promise.resolve() };
  const clock = run.time;
  const client = queueFileSubmission({ disk: run.disk, directory: QUEUE_DIRECTORY, split: 2, pid: 9, clock, log });
  for (const tag of ["todo1", "todo2"]) {
    await run.ledger.offer(tag, { sizeBytes: 9000, addresses: ["a@l", "r@far"] }, async (body, envelope) => {
      const submission = await client.open({ uid: 1, pid: 2 });
      await submission.write(body);
      return (await submission.commit(envelope)).kind === "accepted";
    });
  }
  const store = await openRun(run);
  for await (const todo of store.takeTodo()) {
    try {
      const message = await store.preprocess(todo, requestFor(todo.envelope.recipients).targets);
      const { tag } = await run.ledger.entryOf(store, message);
      await run.ledger.done(store, tag, { message, indexes: [0] });
      if (tag === "todo1") await deliver(run, store, tag, message);
    } catch (error) {
      if (!run.tolerant) throw error;
    }
  }
}

/** Clean stops, and starts after them. */
async function stopAndStart(run: QueueRun): Promise<void> {
  for (let round = 0; round < 3; round++) {
    const store = await openRun(run);
    if (round === 1) await deliverAll(run, store);
    const sizes = [100, 20_000, 2000];
    for (const [at, sizeBytes] of sizes.entries()) {
      const tag = `stop${round}.${at}`;
      const message = await run.ledger.accept(store, tag, { sizeBytes, addresses: ["a@l", "r@far"] });
      if (message && at !== 1) await run.ledger.done(store, tag, { message, indexes: [0] });
    }
    try {
      await store.close();
    } catch (error) {
      if (!run.tolerant) throw error;
    }
  }
}

/** Everything without a journal. */
async function withoutJournal(run: QueueRun): Promise<void> {
  const store = await openRun(run, { journal: { enabled: false } });
  for (const [at, sizeBytes] of [100, 300_000, 3000].entries()) {
    const tag = `plain${at}`;
    const message = await run.ledger.accept(store, tag, { sizeBytes, addresses: ["a@l", "r@far"] });
    if (!message) continue;
    await run.ledger.done(store, tag, { message, indexes: [1] });
    if (at === 0) await deliver(run, store, tag, message);
  }
}

/** All of them, by name. */
export const QUEUE_SCENARIOS: Readonly<Record<string, (run: QueueRun) => Promise<void>>> = {
  "accepting small messages": acceptSmall,
  "accepting large messages": acceptLarge,
  "accepting many recipients": manyRecipients,
  "using the journal again": reuseJournal,
  "writing out, marking and removing": writeOutAndDeliver,
  "marking while writing out": markWhileWritingOut,
  "ending hastily": endHastily,
  "starting after a death": startAgain,
  "processing todo": processTodo,
  "stopping cleanly and starting": stopAndStart,
  "a queue without a journal": withoutJournal,
};
