/**
 * The queue store crashed, failed and cut from power at every operation of the disk [decision 0032]. Bounded in
 * `deno test`; CRASH_LONG=1 tries every permitted subset and many more samples. A failure names scenario, operation and
 * seed, and comes again with CRASH_SEED=seed.
 */
import { assert, assertEquals } from "../support/assert.ts";
import type { CrashKind } from "./queue_ledger.ts";
import { QueueLedger } from "./queue_ledger.ts";
import { deliverAll, openRun, QUEUE_SCENARIOS, type QueueRun } from "./queue_scenarios.ts";
import { type Fault, SimulatedDisk } from "./simulated_disk.ts";
import { GIVE_UP_MS, seededRandom, VirtualTime } from "./virtual_time.ts";

const LONG = Deno.env.get("CRASH_LONG") === "1" || Deno.env.get("INDIMAIL_CAMPAIGN") === "long";
const SEED = Number(Deno.env.get("CRASH_SEED") ?? 1);
/** Operations that are not durable, up to which every subset of them is tried. */
const ALL_SUBSETS_MAX = LONG ? 10 : 1;
/** Random subsets at each operation otherwise. */
const SAMPLES = LONG ? 60 : 2;
/** The same on a disk that has failed before. */
const FAILED_SAMPLES = LONG ? 20 : 0;

function newRun(disk: SimulatedDisk, tolerant: boolean): QueueRun {
  return { disk, time: new VirtualTime(disk.nowMs), ledger: new QueueLedger(), lines: [], tolerant };
}

/** Runs a scenario with a fault; true when it came to its end. */
async function play(scenario: (run: QueueRun) => Promise<void>, run: QueueRun): Promise<boolean> {
  let ended = false;
  const giveUpMs = run.time.nowMs() + GIVE_UP_MS; // marks wait for ever on a disk that fails for good
  await run.time.drive(async () => {
    await scenario(run);
    ended = true;
  }, () => run.disk.stopped || (run.tolerant && run.time.nowMs() > giveUpMs));
  return ended;
}

/** A disk with the folder of the queues. */
async function newDisk(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  await disk.mkdir("/q");
  await disk.syncDirectory("/");
  disk.operations = 0;
  return disk;
}

/** How many operations a scenario makes. */
async function countOperations(scenario: (run: QueueRun) => Promise<void>): Promise<number> {
  const run = newRun(await newDisk(), false);
  assert(await play(scenario, run));
  return run.disk.operations;
}

/** Opens the store on what a crash left and compares; then delivers everything, and nothing may be left. */
async function recover(
  before: QueueRun,
  disk: SimulatedDisk,
  kind: CrashKind,
  options: { deliver: boolean },
): Promise<void> {
  const run = { ...before, disk, time: new VirtualTime(disk.nowMs + 1000) };
  await run.time.drive(async () => {
    const store = await openRun(run);
    await run.ledger.check(store, kind, { diskFailed: run.tolerant });
    assertEquals(run.lines.filter((line) => / is lost|damage/.test(line)), []);
    if (options.deliver) {
      await deliverAll(run, store);
      await run.ledger.accept(store, "after", { sizeBytes: 100, addresses: ["a@l"] });
    }
    await store.close();
  }, () => false);
  if (!options.deliver) return;
  const last = { ...run, time: new VirtualTime(disk.nowMs + 2000) };
  await last.time.drive(async () => {
    const store = await openRun(last);
    let count = 0;
    for await (const _ of store.scan()) count++;
    assertEquals(count, 1, "only the message accepted after the recovery is left");
    await store.close();
  }, () => false);
}

async function telling<T>(what: string, run: QueueRun, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const note = `${what}, CRASH_SEED=${SEED}\n${run.lines.join("\n")}`;
    throw new Error(`${note}\n${error instanceof Error ? error.stack : String(error)}`, { cause: error });
  }
}

function stopAt(at: number): Fault {
  return { kind: "stop", at };
}

for (const [name, scenario] of Object.entries(QUEUE_SCENARIOS)) {
  Deno.test(`after a kill at any operation of ${name} nothing is lost, doubled or delivered again`, async () => {
    const operations = await countOperations(scenario);
    for (let at = 1; at <= operations + 1; at++) {
      const run = newRun(await newDisk(), false);
      run.disk.fault = stopAt(at);
      await telling(`${name}, killed at operation ${at}`, run, async () => {
        await play(scenario, run);
        await recover(run, run.disk.afterStop(), "stop", { deliver: true });
      });
    }
  });

  Deno.test(`after a power cut at any operation of ${name} nothing accepted is lost`, async () => {
    const operations = await countOperations(scenario);
    for (let at = 1; at <= operations + 1; at++) {
      const run = newRun(await newDisk(), false);
      run.disk.fault = stopAt(at);
      await telling(`${name}, power cut at operation ${at}`, run, async () => await play(scenario, run));
      await cutPower(name, run, { at, samples: SAMPLES });
    }
  });

  for (const code of ["ENOSPC", "EIO"] as const) {
    for (const count of [1, 1_000_000]) {
      const what = count === 1 ? `one ${code}` : `${code} from then on`;
      Deno.test(`with ${what} at any operation of ${name} nothing accepted is lost`, async () => {
        const operations = await countOperations(scenario);
        // In the bounded run the second code, and a disk that stays broken, are tried at some operations only.
        const step = LONG ? 1 : (code === "EIO" ? 3 : 1) * (count === 1 ? 1 : 3);
        for (let at = step; at <= operations; at += step) {
          const run = newRun(await newDisk(), true);
          run.disk.fault = { kind: "fail", at, code, count };
          await telling(`${name}, ${what} at operation ${at}`, run, async () => {
            await playFailing(scenario, run);
            run.disk.fault = undefined;
            await recover(run, run.disk.afterStop(), "stop", { deliver: false });
          });
          await cutPower(name, run, { at, samples: FAILED_SAMPLES });
        }
      });
    }
  }
}

Deno.test("a recovery that is itself killed, and the one after it, lose and double nothing", async () => {
  const random = seededRandom(SEED);
  for (const name of ["using the journal again", "marking while writing out", "starting after a death"]) {
    const scenario = QUEUE_SCENARIOS[name]!;
    const operations = await countOperations(scenario);
    for (let at = LONG ? 1 : 5; at <= operations; at += LONG ? 1 : 9) {
      for (let again = 0; again < (LONG ? 20 : 3); again++) {
        const run = newRun(await newDisk(), false);
        run.disk.fault = stopAt(at);
        await play(scenario, run);
        const second = { ...run, disk: run.disk.afterStop(), time: new VirtualTime(run.disk.nowMs + 1000) };
        const secondAt = 1 + Math.floor(random() * 80);
        second.disk.fault = stopAt(secondAt);
        await telling(`${name}, killed at operation ${at} and ${secondAt} of the recovery`, second, async () => {
          await play(async () => void await openRun(second), second);
          await recover(second, second.disk.afterStop(), "stop", { deliver: true });
        });
      }
    }
  }
});

/** A store that cannot be opened, or whose disk fails for good, ends the run; so does a daemon. */
async function playFailing(scenario: (run: QueueRun) => Promise<void>, run: QueueRun): Promise<void> {
  try {
    await play(scenario, run);
  } catch (error) {
    if (!(error instanceof Error) || !/simulated (ENOSPC|EIO)/.test(error.message)) throw error;
  }
}

/** Every permitted outcome of a power cut, or a sample of them. */
async function cutPower(name: string, run: QueueRun, options: { at: number; samples: number }): Promise<void> {
  const { at, samples } = options;
  const { undecided } = run.disk;
  const all = undecided <= ALL_SUBSETS_MAX;
  const random = seededRandom(SEED * 1_000_003 + at);
  const total = all ? 2 ** undecided : samples + 2;
  for (let sample = 0; sample < total; sample++) {
    let asked = 0;
    const disk = run.disk.afterPowerCut((operation) => {
      if (operation === "sectors") return all ? false : sample > 1 && random() < 0.5;
      if (all) return (sample >> asked++ & 1) === 1;
      return sample === 0 ? false : sample === 1 ? true : random() < 0.5;
    });
    if (!disk) continue;
    await telling(`${name}, power cut at operation ${at}, outcome ${sample} of ${total}`, run, async () => {
      await recover(copyLedger(run), disk, "power-cut", { deliver: sample === 0 });
    });
  }
}

/** Recoveries change the ledger; each begins with its own. */
function copyLedger(run: QueueRun): QueueRun {
  return { ...run, ledger: run.ledger.copy() };
}
