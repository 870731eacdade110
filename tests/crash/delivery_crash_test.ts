/**
 * Queue and Maildir together, crashed at every operation of the disk: after a kill nothing is lost and no local delivery
 * is doubled; after a power cut nothing is lost [decision 0032].
 */
import { assert, assertEquals } from "../support/assert.ts";
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { createMaildir, deliverToMaildir } from "../../storage/maildir/deliver.ts";
import type { QueuedMessage, QueueStore } from "../../storage/queue/store_types.ts";
import { readAll, requestFor } from "./queue_ledger.ts";
import { openRun, type QueueRun } from "./queue_scenarios.ts";
import { QueueLedger } from "./queue_ledger.ts";
import { SimulatedDisk } from "./simulated_disk.ts";
import { seededRandom, VirtualTime } from "./virtual_time.ts";

const LONG = Deno.env.get("CRASH_LONG") === "1" || Deno.env.get("INDIMAIL_CAMPAIGN") === "long";
const SEED = Number(Deno.env.get("CRASH_SEED") ?? 1);
const SAMPLES = LONG ? 100 : 6;
const USERS = ["ann", "bob"];

function newRun(disk: SimulatedDisk): QueueRun {
  return { disk, time: new VirtualTime(disk.nowMs), ledger: new QueueLedger(), lines: [], tolerant: false };
}

async function newDisk(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  await disk.mkdir("/q");
  await disk.mkdir("/home");
  await disk.syncDirectory("/");
  for (const user of USERS) await createMaildir(disk, `/home/${user}`);
  disk.operations = 0;
  return disk;
}

async function bodyOf(run: QueueRun, store: QueueStore, message: QueuedMessage): Promise<Uint8Array> {
  const body = await store.body(message);
  return body.kind === "bytes" ? body.bytes : await run.disk.readFile(body.path);
}

/** Delivers to every recipient that is not done, as the daemons do: the mark only when the folder is synced. */
async function deliver(run: QueueRun, store: QueueStore, message: QueuedMessage): Promise<void> {
  const body = await bodyOf(run, store, message);
  for (const [index, { done, address, deliveryId }] of message.recipients.entries()) {
    if (done) continue;
    const maildir = `/home/${address.replace(/^u-|@.*$/g, "")}`;
    const uniqueName = `${Math.floor(message.arrivedMs / 1000)}.${deliveryId}.host`;
    const { sizeBytes } = message;
    await deliverToMaildir({ disk: run.disk, maildir, uniqueName, sizeBytes, body: [body], mayBeRepeat: true });
    await run.disk.syncDirectory(`${maildir}/new`);
    store.done(message, [index]); // nobody waits for it
  }
  await store.finish(message);
}

/** Accepts and delivers; tags of what was accepted are added as the answers come. */
async function scenario(run: QueueRun, accepted: string[]): Promise<void> {
  const store = await openRun(run);
  const lanes = [0, 1].map(async (lane) => {
    for (let round = 0; round < 3; round++) {
      const tag = `tag${lane}.${round}`;
      const incoming = await store.begin();
      await incoming.write(latin1Bytes(`${tag} ${"x".repeat(round === 1 ? 15_000 : 500)}`));
      const message = await incoming.commit(requestFor(USERS.map((user) => `${user}@l`)));
      accepted.push(tag);
      if (round === 2) await store.writeOut([message]);
      await deliver(run, store, message);
    }
  });
  await Promise.all(lanes);
}

/** Starts again on what is left, delivers it, and counts what each Maildir has. */
async function recoverAndCount(disk: SimulatedDisk): Promise<Map<string, number>> {
  const run = newRun(disk);
  const counts = new Map<string, number>();
  await run.time.drive(async () => {
    const store = await openRun(run);
    for (const message of await readAll(store)) await deliver(run, store, message);
    await store.close();
    for (const user of USERS) {
      for (const name of await disk.readDirectory(`/home/${user}/new`)) {
        const text = latin1Text(await disk.readFile(`/home/${user}/new/${name}`));
        const key = `${user} ${text.slice(0, text.indexOf(" "))}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    }
  }, () => false);
  return counts;
}

async function crashed(at: number): Promise<{ disk: SimulatedDisk; accepted: string[] }> {
  const run = newRun(await newDisk());
  const accepted: string[] = [];
  run.disk.fault = { kind: "stop", at };
  await run.time.drive(() => scenario(run, accepted), () => run.disk.stopped);
  return { disk: run.disk, accepted };
}

async function countOperations(): Promise<number> {
  const run = newRun(await newDisk());
  await run.time.drive(() => scenario(run, []), () => false);
  return run.disk.operations;
}

Deno.test("after a kill at any operation each accepted message is in each Maildir exactly once", async () => {
  const operations = await countOperations();
  for (let at = 1; at <= operations; at++) {
    const { disk, accepted } = await crashed(at);
    const counts = await recoverAndCount(disk.afterStop());
    for (const user of USERS) {
      for (const tag of accepted) assert(counts.has(`${user} ${tag}`), `operation ${at}: ${tag} is lost for ${user}`);
    }
    for (const [key, count] of counts) assertEquals(count, 1, `operation ${at}: ${key} is doubled`);
  }
});

Deno.test("after a power cut at any operation each accepted message is in each Maildir", async () => {
  const operations = await countOperations();
  for (let at = 1; at <= operations; at++) {
    const { disk, accepted } = await crashed(at);
    const random = seededRandom(SEED * 1_000_003 + at);
    for (let sample = 0; sample < SAMPLES; sample++) {
      const left = disk.afterPowerCut(() => sample > 0 && random() < 0.5);
      if (!left) continue;
      const counts = await recoverAndCount(left);
      const where = `operation ${at}, outcome ${sample}, CRASH_SEED=${SEED}`;
      for (const user of USERS) {
        for (const tag of accepted) assert(counts.has(`${user} ${tag}`), `${where}: ${tag} is lost for ${user}`);
      }
      for (const [key, count] of counts) assertEquals(count, 1, `${where}: ${key} is doubled`);
    }
  }
});
