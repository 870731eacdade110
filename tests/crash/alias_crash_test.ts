/**
 * Forwarding databases and lists stopped (kill -9), cut from power and refused by a full disk at every operation: what
 * mail is forwarded by is the old file or the new one, whole, and the next run makes the new one.
 */
import { latin1Bytes } from "../../core/bytes.ts";
import { Temporary } from "../../core/errors.ts";
import { type FilePlace, writeParts, writeRecords } from "../../tools/aliases/write_file.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { SimulatedDisk } from "./simulated_disk.ts";

const CDB: FilePlace = { path: "/e/aliases.cdb", temporary: "/e/aliases.tmp" };
const LIST: FilePlace = { path: "/e/list.bin", temporary: "/e/list.tmp" };

const recordsOf = (target: string) => [[{ key: `:${target}@`, data: `&${target}@h.test\0` }]];

async function writeBoth(disk: SimulatedDisk, target: string): Promise<void> {
  await writeRecords(CDB, recordsOf(target), disk);
  await writeParts(LIST, [`&${target}@h.test\0`], disk);
}

async function newDisk(target = "old"): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  await disk.mkdir("/e");
  await writeBoth(disk, target);
  await disk.syncDirectory("/");
  disk.operations = 0;
  return disk;
}

/** Both files as they are on a disk. */
async function bothOf(disk: SimulatedDisk): Promise<readonly [cdb: string, list: string]> {
  const text = async (path: string) => Array.from(await disk.readFile(path)).join();
  return [await text(CDB.path), await text(LIST.path)];
}

const OLD = await bothOf(await newDisk("old"));
const NEW = await bothOf(await newDisk("new"));

async function checkAfter(disk: SimulatedDisk, why: string): Promise<void> {
  const found = await bothOf(disk);
  found.forEach((text, at) => assert(text === OLD[at] || text === NEW[at], why));
  await writeBoth(disk, "new");
  assertEquals(await bothOf(disk), NEW, why);
}

/** A run that stops at an operation; undefined when there are fewer. */
async function stoppedAt(at: number): Promise<SimulatedDisk | undefined> {
  const disk = await newDisk();
  disk.fault = { kind: "stop", at };
  let ended = false;
  writeBoth(disk, "new").then(() => ended = true);
  for (let turn = 0; turn < 1000 && !ended && !disk.stopped; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assert(ended || disk.stopped);
  return ended ? undefined : disk;
}

Deno.test("a compiler of aliases stopped or cut from power at any operation leaves the old file or the new one", async () => {
  let checked = 0;
  for (let at = 1;; at++) {
    const disk = await stoppedAt(at);
    if (!disk) break;
    await checkAfter(disk.afterStop(), `stopped at ${at}`);
    for (const kept of [true, false]) {
      const cut = disk.afterPowerCut(() => kept);
      if (cut) await checkAfter(cut, `cut at ${at}, ${kept ? "with" : "without"} what was not synced`);
    }
    checked++;
  }
  assert(checked > 8);
});

Deno.test("a full disk leaves the old file, is told, and leaves nothing beside it", async () => {
  let refused = 0;
  for (let at = 1; at < 40; at++) {
    const disk = await newDisk();
    disk.fault = { kind: "fail", at, count: 1, code: "ENOSPC" };
    try {
      await writeBoth(disk, "new");
    } catch (error) {
      if (!(error instanceof Temporary)) throw error;
      refused++;
    }
    disk.fault = undefined;
    const left = (await disk.readDirectory("/e")).toSorted();
    assertEquals(left, ["aliases.cdb", "list.bin"], `failed at ${at}`);
    await checkAfter(disk, `failed at ${at}`);
  }
  assert(refused > 5);
});

Deno.test("what is wrong in the input leaves the old file", async () => {
  const disk = await newDisk();
  const wrong = function* () {
    yield recordsOf("new")[0]!;
    throw new Temporary("no more");
  };
  await writeRecords(CDB, wrong(), disk).catch((error: unknown) => assert(error instanceof Temporary));
  assertEquals(await bothOf(disk), OLD);
  assertEquals(await disk.readFile(LIST.path), latin1Bytes("&old@h.test\0"));
});
