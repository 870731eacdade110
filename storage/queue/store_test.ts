/** The store on a real disk: what is accepted comes back, and a stopped queue is a plain qmail queue. */
import { assert, assertEquals, assertRejects } from "../../tests/support/assert.ts";
import { Temporary } from "../../core/errors.ts";
import { realDisk } from "../disk.ts";
import { openQueueStore } from "./store.ts";
import {
  type CommitRequest,
  type QueuedMessage,
  QueueRefusal,
  type QueueStore,
  type QueueStoreOptions,
  type StoredMessage,
} from "./store_types.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (value: string) => new TextEncoder().encode(value);

interface Bench {
  readonly directory: string;
  readonly lines: string[];
  open(options?: Partial<QueueStoreOptions>): Promise<QueueStore>;
}

async function withQueue(run: (bench: Bench) => Promise<void>): Promise<void> {
  const base = await Deno.makeTempDir();
  const lines: string[] = [];
  const directory = `${base}/queue1`;
  try {
    await run({
      directory,
      lines,
      open: (options) =>
        openQueueStore({
          disk: realDisk,
          directory,
          split: 3,
          journal: { segmentBytes: 64 * 1024, segments: 2 },
          clock: { nowMs: () => Date.now() },
          log: { line: (line) => lines.push(line), flush: () => Promise.resolve() },
          freeBytes: () => Promise.resolve(1e12),
          ...options,
        }),
    });
  } finally {
    await Deno.remove(base, { recursive: true });
  }
}

function request(recipients: readonly string[], sender = "s@x"): CommitRequest {
  return {
    envelope: { sender, recipients, extraHeader: "X-A: 1\n", environmentHeaders: "B: 2\n" },
    submitter: { uid: 7, pid: 8 },
    targets: recipients.map((original) => {
      return original.endsWith("@l")
        ? { address: `u-${original}`, original, channel: "local" }
        : { address: original, original, channel: "remote" };
    }),
  };
}

async function accept(store: QueueStore, body: string, recipients: readonly string[]): Promise<QueuedMessage> {
  const incoming = await store.begin();
  for (let at = 0; at < body.length; at += 10_000) await incoming.write(bytes(body.slice(at, at + 10_000)));
  return await incoming.commit(request(recipients));
}

async function bodyText(store: QueueStore, message: QueuedMessage): Promise<string> {
  const body = await store.body(message);
  return text(body.kind === "bytes" ? body.bytes : await Deno.readFile(body.path));
}

async function scanAll(store: QueueStore): Promise<StoredMessage[]> {
  const all: StoredMessage[] = [];
  for await (const stored of store.scan()) all.push(stored);
  return all;
}

function shape(message: QueuedMessage) {
  const { id, arrivedMs, sizeBytes, sender, extraHeader, environmentHeaders, submitter } = message;
  const recipients = message.recipients.map(({ address, original, channel, done, deliveryId }) => {
    return { address, original, channel, done, deliveryId };
  });
  return { id, arrivedMs, sizeBytes, sender, extraHeader, environmentHeaders, submitter, recipients };
}

Deno.test("an accepted message keeps id, envelope and delivery ids through a clean stop and a new start", async () => {
  await withQueue(async ({ open, directory }) => {
    const first = await open();
    const message = await accept(first, "hello\n", ["r@far", "a@l", "b@l"]);
    assertEquals(message.recipients.map(({ original }) => original), ["a@l", "b@l", "r@far"]);
    assertEquals(message.fileId, undefined);
    assertEquals(await bodyText(first, message), "hello\n");
    await first.done(message, [0, 1]);
    const before = shape(message);
    await first.close();
    const second = await open();
    const stored = await scanAll(second);
    assertEquals(stored.map(({ local, remote }) => ({ local, remote })), [{ local: false, remote: true }]);
    const again = (await second.load(stored[0]!.fileId))!;
    assertEquals(shape(again), { ...before, recipients: before.recipients.slice(2) });
    assertEquals(await bodyText(second, again), "hello\n");
    const { fileId } = stored[0]!;
    assertEquals(Deno.readTextFileSync(`${directory}/remote/${fileId % 3}/${fileId}`), "Tr@far\0");
    assertEquals(Deno.statSync(`${directory}/mess/${fileId % 3}/${fileId}`).ino, fileId);
    assertEquals(
      Math.floor(Deno.statSync(`${directory}/info/${fileId % 3}/${fileId}`).mtime!.getTime()),
      message.arrivedMs,
    );
    await second.done(again, [0]);
    await second.finish(again);
    assertEquals(await scanAll(second), []);
    await second.close();
    for (const folder of ["mess", "info", "local", "remote"]) {
      for (const number of [0, 1, 2]) assertEquals([...Deno.readDirSync(`${directory}/${folder}/${number}`)], []);
    }
    for (const folder of ["pid", "bounce"]) assertEquals([...Deno.readDirSync(`${directory}/${folder}`)], []);
  });
});

Deno.test("a message that is delivered at once never becomes a queue file", async () => {
  await withQueue(async ({ open, directory }) => {
    const store = await open();
    const message = await accept(store, "hello\n", ["a@l"]);
    await store.done(message, [0]);
    await store.finish(message);
    assertEquals(store.status().journalMessages, 0);
    await store.close();
    for (const number of [0, 1, 2]) assertEquals([...Deno.readDirSync(`${directory}/mess/${number}`)], []);
  });
});

Deno.test("a thousand messages go through a journal of two small segments, and none is mixed up", async () => {
  await withQueue(async ({ open }) => {
    const store = await open();
    const kept: QueuedMessage[] = [];
    const lanes = Array.from({ length: 10 }, async (_, lane) => {
      for (let round = 0; round < 100; round++) {
        const body = `${lane}-${round} ${"x".repeat(round * 97)}`;
        const message = await accept(store, body, ["a@l", "r@far"]);
        assertEquals(await bodyText(store, message), body);
        await store.done(message, [0]);
        if (round % 10 === 3) kept.push(message);
        else {
          store.done(message, [1]);
          await store.finish(message);
        }
      }
    });
    await Promise.all(lanes);
    assertEquals(new Set(kept.map(({ id }) => id)).size, 100);
    await store.writeOut(kept);
    assertEquals((await scanAll(store)).length, 100);
    for (const message of kept) {
      const again = (await store.load(message.fileId!))!;
      assertEquals(shape(again).id, message.id);
      assertEquals(again.recipients.map(({ done }) => done), [false]);
      assertEquals(again.recipients[0]!.deliveryId, message.recipients[1]!.deliveryId);
      assertEquals((await bodyText(store, again)).split(" ")[0]!.endsWith("3"), true);
    }
    assertEquals(store.status().journalMessages, 0);
    await store.close();
  });
});

Deno.test("a large message and one for which memory has no room go to mess files", async () => {
  await withQueue(async ({ open, directory }) => {
    const store = await open({ journal: { segmentBytes: 4 * 1024 * 1024 }, bufferBytesMax: 100_000 });
    const large = await accept(store, "0123456789".repeat(50_000), ["r@far"]);
    const first = await accept(store, "a".repeat(60_000), ["r@far"]);
    const second = await accept(store, "b".repeat(60_000), ["r@far"]);
    assert(store.status().bufferedBytes <= 100_000);
    const incoming = await store.begin();
    await incoming.write(bytes("c".repeat(90_000)));
    const spilled = await store.begin();
    await spilled.write(bytes("d".repeat(90_000)));
    const fourth = await spilled.commit(request(["r@far"]));
    incoming.abort();
    assertEquals((await store.body(fourth)).kind, "file");
    for (const [message, letter] of [[large, "0"], [first, "a"], [second, "b"], [fourth, "d"]] as const) {
      const body = await bodyText(store, message);
      assertEquals(body.length, message.sizeBytes);
      assertEquals(body[0], letter);
      await store.done(message, [0]);
      await store.finish(message);
    }
    assertEquals(store.status().bufferedBytes, 0);
    for (let number = 0; number < 3; number++) assertEquals([...Deno.readDirSync(`${directory}/mess/${number}`)], []);
    await store.close();
  });
});

Deno.test("an aborted message leaves nothing behind, small or large", async () => {
  await withQueue(async ({ open, directory }) => {
    const store = await open();
    for (const size of [10, 1_000_000]) {
      const incoming = await store.begin();
      await incoming.write(new Uint8Array(size));
      incoming.abort();
      await assertRejects(() => incoming.write(new Uint8Array(1)), QueueRefusal);
    }
    assertEquals(store.status().bufferedBytes, 0);
    await store.close();
    for (let number = 0; number < 3; number++) assertEquals([...Deno.readDirSync(`${directory}/mess/${number}`)], []);
    assertEquals([...Deno.readDirSync(`${directory}/pid`)], []);
  });
});

Deno.test("an envelope that is too long for the journal is written out at once", async () => {
  await withQueue(async ({ open }) => {
    const store = await open();
    const recipients = Array.from({ length: 5000 }, (_, at) => `recipient-${at}@${at % 2 ? "far" : "l"}`);
    const message = await accept(store, "many\n", recipients);
    assertEquals(message.id, String(message.fileId));
    assertEquals(message.recipients.length, 5000);
    assertEquals(store.status().journalMessages, 0);
    await store.done(message, [0, 2, 4999]);
    const again = (await store.load(message.fileId!))!;
    assertEquals(shape(again), shape(message));
    assertEquals(again.recipients.flatMap(({ done }, at) => done ? [at] : []), [0, 2, 4999]);
    await store.close();
  });
});

Deno.test("without a journal every message is written out before it is accepted", async () => {
  await withQueue(async ({ open, directory }) => {
    const store = await open({ journal: { enabled: false } });
    const message = await accept(store, "plain\n", ["a@l", "r@far"]);
    const fileId = message.fileId!;
    assertEquals(Deno.readTextFileSync(`${directory}/local/${fileId % 3}/${fileId}`), "Tu-a@l\0");
    await store.done(message, [0]);
    assertEquals(Deno.readTextFileSync(`${directory}/local/${fileId % 3}/${fileId}`), "Du-a@l\0");
    await store.done(message, [1]);
    await store.finish(message);
    assertEquals(await scanAll(store), []);
    const large = await accept(store, "x".repeat(1_000_000), ["a@l"]);
    assertEquals((await bodyText(store, large)).length, 1_000_000);
    await store.close();
    assertEquals([...Deno.readDirSync(`${directory}/journal`)], []);
  });
});

Deno.test("the text of a bounce is kept through writing out and a new start", async () => {
  await withQueue(async ({ open }) => {
    const store = await open();
    const message = await accept(store, "x\n", ["a@l", "b@l", "r@far"]);
    assertEquals(message.bounced, false);
    await store.done(message, [0], { bounceText: "<a@l>:\nno such user é\n\n" });
    assertEquals(message.bounced, true);
    await store.writeOut([message]);
    await store.done(message, [1], { bounceText: "<b@l>:\nfull\n\n" });
    const both = "<a@l>:\nno such user é\n\n<b@l>:\nfull\n\n";
    assertEquals(await store.bounceText(message), both);
    await store.done(message, [2]);
    await store.close();
    const second = await open();
    const again = (await second.load((await scanAll(second))[0]!.fileId))!;
    assertEquals(again.bounced, true);
    assertEquals(await second.bounceText(again), both);
    await second.finish(again);
    assertEquals(await scanAll(second), []);
    await second.close();
  });
});

Deno.test("a second daemon on the same queue is refused by name of the lock", async () => {
  await withQueue(async ({ open }) => {
    const store = await open();
    await assertRejects(() => open(), Temporary, "lock/sendmutex");
    await store.close();
    await (await open()).close();
  });
});

Deno.test("too little free disk refuses with code 53 before it is too late", async () => {
  await withQueue(async ({ open }) => {
    let free = 200_000;
    let now = 1000;
    const store = await open({
      freeBytes: () => Promise.resolve(free),
      reserveBytes: 100_000,
      clock: { nowMs: () => now += 1000 },
    });
    const message = await accept(store, "x".repeat(20_000), ["r@far"]);
    free = 120_000;
    const refusal = await assertRejects(() => accept(store, "y", ["r@far"]), QueueRefusal);
    assertEquals(refusal.code, 53);
    await store.writeOut([message]);
    await accept(store, "z", ["r@far"]);
    await store.close();
  });
});

Deno.test("what qmail-queue left in todo is processed and its entry removed", async () => {
  await withQueue(async ({ open, directory }) => {
    const store = await open();
    Deno.writeTextFileSync(`${directory}/pid/new`, "todo body\n");
    const fileId = Deno.statSync(`${directory}/pid/new`).ino!;
    Deno.renameSync(`${directory}/pid/new`, `${directory}/mess/${fileId % 3}/${fileId}`);
    Deno.writeTextFileSync(`${directory}/intd/${fileId % 3}/${fileId}`, "u12\0p34\0Fs@x\0Ta@l\0Tr@far\0");
    Deno.linkSync(`${directory}/intd/${fileId % 3}/${fileId}`, `${directory}/todo/${fileId % 3}/${fileId}`);
    Deno.writeTextFileSync(`${directory}/todo/0/9999999`, "garbage");
    const todos = [];
    for await (const todo of store.takeTodo()) todos.push(todo);
    assertEquals(todos.map(({ envelope, submitter, sizeBytes }) => ({ envelope, submitter, sizeBytes })), [
      { envelope: { sender: "s@x", recipients: ["a@l", "r@far"] }, submitter: { uid: 12, pid: 34 }, sizeBytes: 10 },
    ]);
    const message = await store.preprocess(todos[0]!, request(["a@l", "r@far"]).targets);
    assertEquals(shape((await store.load(fileId))!), shape(message));
    assertEquals((await scanAll(store)).length, 1);
    for (const folder of ["intd", "todo"]) {
      assertEquals(
        [...Deno.readDirSync(`${directory}/${folder}/${fileId % 3}`)].filter(({ name }) => name !== "9999999"),
        [],
      );
    }
    await store.close();
  });
});

Deno.test("cleanup removes leftovers older than 36 hours and nothing that is needed", async () => {
  await withQueue(async ({ open, directory }) => {
    const store = await open();
    const large = await accept(store, "x".repeat(500_000), ["r@far"]);
    const waiting = await accept(store, "small", ["r@far"]);
    await store.writeOut([waiting]);
    Deno.writeTextFileSync(`${directory}/mess/1/1`, "old");
    Deno.writeTextFileSync(`${directory}/pid/qmail-pid.1.1.1`, "old");
    Deno.writeTextFileSync(`${directory}/pid/qmail-pid.1.1.2`, "new");
    const old = new Date(Date.now() - 130_000_000);
    for (const path of ["mess/1/1", "pid/qmail-pid.1.1.1"]) Deno.utimeSync(`${directory}/${path}`, old, old);
    for (let number = 0; number < 3; number++) {
      for (const { name } of Deno.readDirSync(`${directory}/mess/${number}`)) {
        Deno.utimeSync(`${directory}/mess/${number}/${name}`, old, old);
      }
    }
    assertEquals(await store.cleanup(), 2);
    assertEquals((await bodyText(store, large)).length, 500_000);
    assertEquals(await bodyText(store, waiting), "small");
    await store.close();
  });
});
