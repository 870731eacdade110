/**
 * multilog's folder after a kill between any two operations on the disk: what was taken is there once and in order when
 * the log is opened again, with a processor and without; and so it is when any one operation fails for a while.
 */
import { latin1Bytes } from "../../core/bytes.ts";
import { preloadLibc } from "../../core/libc/libc.ts";
import { type Disk, type DiskFile, realDisk } from "../../storage/disk.ts";
import { LogEngine } from "../../tools/daemontools/log_engine.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { campaignRounds } from "../support/campaign.ts";

preloadLibc();

/** Operations that a run has, at most. */
const OPERATIONS_MAX = campaignRounds({ gate: 400, long: 4000 });
const CHUNKS = 6;
const CHUNK_LINES = 150;

/** Decides at each operation whether it is carried out: it may throw, or never come back. */
type Gate = (name: string) => Promise<void>;

function gatedFile(file: DiskFile, gate: Gate): DiskFile {
  return {
    readAt: (into, at) => file.readAt(into, at),
    writeAt: (bytes, at) => gate("writeAt").then(() => file.writeAt(bytes, at)),
    append: async (bytes) => {
      const half = Math.floor(bytes.length / 2);
      await file.append(bytes.subarray(0, half)); // a kill or a full disk falls within a write, too
      await gate("append");
      await file.append(bytes.subarray(half));
    },
    sync: (options) => gate("sync").then(() => file.sync(options)),
    truncate: (size) => file.truncate(size),
    stat: () => file.stat(),
    close: () => file.close(),
  };
}

function gatedDisk(gate: Gate): Disk {
  return {
    ...realDisk,
    open: async (path, options) => {
      await gate("open");
      return gatedFile(await realDisk.open(path, options), gate);
    },
    link: (from, to) => gate("link").then(() => realDisk.link(from, to)),
    rename: (from, to) => gate("rename").then(() => realDisk.rename(from, to)),
    unlink: (path) => gate("unlink").then(() => realDisk.unlink(path)),
    chmod: (path, mode) => gate("chmod").then(() => realDisk.chmod(path, mode)),
  };
}

function chunk(number: number): string {
  return Array.from({ length: CHUNK_LINES }, (_, at) => `line ${String(number * CHUNK_LINES + at).padStart(5, "0")}\n`)
    .join("");
}

/** What the log holds: old files in order, then current. */
function content(folder: string): string {
  const names = [...Deno.readDirSync(`${folder}/log`)].map(({ name }) => name);
  assertEquals(names.filter((name) => /^(previous|processed|newstate)$/.test(name)), []);
  const files = [...names.filter((name) => name.startsWith("@")).sort(), "current"];
  return files.map((name) => Deno.readTextFileSync(`${folder}/log/${name}`)).join("");
}

/** Writes chunks until one is not taken in time, which is so when the disk has stopped; the chunks that were taken. */
async function write(engine: LogEngine, stopped: Promise<void>): Promise<number> {
  for (let number = 0; number < CHUNKS; number++) {
    const taken = await Promise.race([
      engine.write(latin1Bytes(chunk(number))).then(() => true),
      stopped.then(() => false),
    ]);
    if (!taken) return number;
  }
  return await Promise.race([engine.close().then(() => CHUNKS), stopped.then(() => CHUNKS)]);
}

/** A run that is killed at an operation; false when it ended before. */
async function killedAt(operation: number, script: readonly string[]): Promise<boolean> {
  const folder = await Deno.makeTempDir({ prefix: "log-crash." });
  try {
    let count = 0;
    let stop = () => {};
    const stopped = new Promise<void>((resolve) => stop = resolve);
    const gate: Gate = (name) => {
      if (++count < operation) return Promise.resolve();
      stop();
      return new Promise(() => name);
    };
    Deno.mkdirSync(`${folder}/run`);
    const engine = LogEngine.open(script, { directory: `${folder}/run`, disk: gatedDisk(gate), warn: () => {} });
    const taken = await write(engine, stopped);
    // the copy is what a kill leaves; the stopped engine still has the lock of its own folder
    await new Deno.Command("cp", { args: ["-a", `${folder}/run`, `${folder}/left`] }).output();
    const again = LogEngine.open(script, { directory: `${folder}/left`, warn: () => {} });
    await again.write(latin1Bytes("end\n"));
    await again.close();
    const text = content(`${folder}/left`);
    const whole = Array.from({ length: CHUNKS }, (_, number) => chunk(number)).join("");
    assert(text.endsWith("end\n"), `operation ${operation}`);
    const kept = text.slice(0, -"end\n".length);
    assert(whole.startsWith(kept), `operation ${operation}: lines are doubled or missing: ${kept.length}`);
    assert(
      kept.length >= taken * chunk(0).length,
      `operation ${operation}: ${taken} chunks taken, ${kept.length} bytes kept`,
    );
    return count >= operation;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const script of [["s4096", "n100", "./log"], ["s4096", "n100", "!cat; echo state >&5", "./log"]]) {
  Deno.test(`a log killed at any operation keeps what it took: ${script.join(" ")}`, async () => {
    let operation = 1;
    while (operation < OPERATIONS_MAX && await killedAt(operation, script)) operation++;
    assert(operation > 30 && operation < OPERATIONS_MAX, `${operation} operations`);
  });
}

/** Numbers that are the same in each run. */
function randomBelow(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    return (state >> 8) % below;
  };
}

async function failing(seed: number, failed: Set<string>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "log-crash." });
  try {
    const next = randomBelow(seed);
    let started = false;
    const gate: Gate = (name) => {
      if (!started || next(4) > 0) return Promise.resolve();
      failed.add(name);
      return Promise.reject(new Error("No space left on device"));
    };
    const script = ["s4096", "n100", "!cat", "./log"];
    const options = { directory: folder, disk: gatedDisk(gate), warn: () => {}, sleep: () => Promise.resolve() };
    const engine = LogEngine.open(script, options);
    await engine.ready();
    started = true;
    await write(engine, new Promise(() => {}));
    const whole = Array.from({ length: CHUNKS }, (_, number) => chunk(number)).join("");
    assertEquals(content(folder), whole, `seed ${seed}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a log of which one operation in four fails keeps all, once and in order", async () => {
  const failed = new Set<string>();
  for (let seed = 1; seed <= campaignRounds({ gate: 8, long: 200 }); seed++) await failing(seed, failed);
  assertEquals([...failed].sort(), ["append", "chmod", "link", "open", "rename", "sync", "unlink"]);
});
