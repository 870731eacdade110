/**
 * Delivery to a Maildir stopped (kill -9) and cut from power at every operation of the disk: after the repeat that the
 * queue makes there is the message once and whole, and what was told to be durable is there without a repeat [DESIGN 5.4].
 */
import { assert, assertEquals } from "../support/assert.ts";
import type { Disk } from "../../storage/disk.ts";
import { createMaildir, deliverToMaildir } from "../../storage/maildir/deliver.ts";
import { FolderSync } from "../../storage/maildir/folder_sync.ts";
import { SimulatedDisk } from "./simulated_disk.ts";

const MAILDIR = "/m/Maildir";
const TEXT = new TextEncoder().encode(`Subject: x\n\n${"y".repeat(1500)}\n`);
/** Operations that are not durable, up to which every subset of them is tried. */
const ALL_SUBSETS_MAX = 10;

async function newDisk(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  await disk.mkdir("/m");
  await createMaildir(disk, MAILDIR);
  for (const folder of ["/", "/m", MAILDIR]) await disk.syncDirectory(folder);
  disk.operations = 0;
  return disk;
}

function deliver(disk: Disk, { mayBeRepeat }: { readonly mayBeRepeat: boolean }) {
  return deliverToMaildir({
    disk,
    maildir: MAILDIR,
    uniqueName: "17.Q1.host",
    sizeBytes: TEXT.length,
    body: [TEXT],
    mayBeRepeat,
  });
}

/** Delivers and syncs the folder; "durable" is noted when it is told. */
async function scenario(disk: SimulatedDisk, told: string[]): Promise<void> {
  const sync = new FolderSync<string>({
    disk,
    delayMs: 0,
    onDurable: (tokens) => told.push(...tokens),
    onFailed: () => assert(false),
  });
  await deliver(disk, { mayBeRepeat: false });
  told.push("delivered");
  sync.touched(`${MAILDIR}/new`, "durable");
  await sync.flush();
}

async function messages(disk: Disk): Promise<Uint8Array[]> {
  const found: Uint8Array[] = [];
  for (const folder of ["new", "cur"]) {
    for (const name of await disk.readDirectory(`${MAILDIR}/${folder}`)) {
      found.push(await disk.readFile(`${MAILDIR}/${folder}/${name}`));
    }
  }
  return found;
}

/** The scenario until it stops at an operation; undefined when it has fewer. */
async function stoppedAt(at: number): Promise<{ disk: SimulatedDisk; told: string[] } | undefined> {
  const disk = await newDisk();
  disk.fault = { kind: "stop", at };
  const told: string[] = [];
  let ended = false;
  scenario(disk, told).then(() => ended = true);
  for (let turn = 0; turn < 1000 && !ended && !disk.stopped; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assert(ended || disk.stopped);
  return ended ? undefined : { disk, told };
}

async function checkAfter(disk: SimulatedDisk, told: readonly string[], why: string): Promise<void> {
  const before = await messages(disk);
  assert(before.length <= 1, why);
  if (told.includes("durable")) assertEquals(before.length, 1, why);
  await deliver(disk, { mayBeRepeat: true });
  const after = await messages(disk);
  assertEquals(after.length, 1, why);
  assertEquals(after[0], TEXT, why);
}

Deno.test("a delivery stopped at any operation is complete and single after its repeat", async () => {
  let at = 1;
  for (;; at++) {
    const run = await stoppedAt(at);
    if (!run) break;
    await checkAfter(run.disk.afterStop(), run.told.includes("delivered") ? ["durable"] : [], `stopped at ${at}`);
  }
  assert(at > 5, "there were operations to stop at");
});

Deno.test("a delivery cut from power at any operation is whole, and there if it was told durable", async () => {
  let cuts = 0;
  for (let at = 1;; at++) {
    const stopped = await stoppedAt(at);
    const told: string[] = stopped?.told ?? [];
    let disk = stopped?.disk;
    if (!disk) {
      disk = await newDisk();
      await scenario(disk, told);
      assert(told.includes("durable"));
    }
    const most = Math.min(disk.undecided, ALL_SUBSETS_MAX);
    for (let subset = 0; subset < 2 ** most; subset++) {
      let asked = 0;
      const cut = disk.afterPowerCut(() => ((subset >> asked++) & 1) === 1);
      if (!cut) continue;
      cuts++;
      await checkAfter(cut, told, `cut at ${at}, subset ${subset}`);
    }
    if (!stopped) break;
  }
  assert(cuts > 20);
});
