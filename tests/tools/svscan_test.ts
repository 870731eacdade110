/**
 * svscan as a process with many services: start, add, remove, crash loops, kill of services and of svscan itself, a disk
 * that is full under a log. No service ever runs twice, no line of a log is lost. The clock of a service jumps
 * in the tests beside its code.
 */
import { tryReadProcessStatus } from "../../core/process_status.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { command } from "../support/installation.ts";
import { SvscanSite, until } from "../support/svscan_site.ts";

const SERVICES = 200;
/** Writes numbers until it is ended; notes each start with its pid, and that it ended. */
const COUNTER = "echo $$ >>starts\ni=0\nwhile :; do echo line $i; i=$((i+1)); sleep 0.02; done";
const MIB = 1024 * 1024;

function isAlive(pid: number): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return stat.slice(stat.lastIndexOf(")") + 2)[0] !== "Z";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Pids that a service had, in the order of its starts. */
function starts(site: SvscanSite, name: string): number[] {
  return Deno.readTextFileSync(`${site.folder}/${name}/starts`).trim().split("\n").map(Number);
}

/** No line is missing; with `repeats` a block may be there twice. */
function assertCounted(lines: readonly string[], { repeats = false } = {}): void {
  let next = 0;
  for (const line of lines) {
    const number = Number(line.slice("line ".length));
    const isFine = number === next || number === 0 || (repeats && number < next);
    assert(isFine, `line ${next} is missing before ${line}`);
    next = number + 1;
  }
}

Deno.test("two hundred services with logs are up in one process, and are stopped with it", async () => {
  await using site = new SvscanSite();
  for (let number = 0; number < SERVICES; number++) {
    site.add(`s${number}`, { run: 'echo "started $1"\nexec sleep 1000' });
  }
  site.start();
  const pids: number[] = [];
  for (let number = 0; number < SERVICES; number++) pids.push(await site.up(`s${number}`));
  assertEquals(new Set(pids).size, SERVICES);
  for (let number = 0; number < SERVICES; number++) {
    await until(`the log of s${number}`, () => site.log(`s${number}`).length > 0);
    assertEquals(site.log(`s${number}`), [`started s${number}`]);
    assertEquals(site.status(`s${number}/log`)?.pid, site.pid);
  }
  const pss = tryReadProcessStatus(site.pid)?.pssBytes ?? 0;
  assert(pss <= 150 * MIB, `${Math.round(pss / MIB)} MB`);
  await site.end("SIGTERM");
  assertEquals(pids.filter(isAlive), []);
});

Deno.test("services that are added, removed, and told to be down are followed", async () => {
  await using site = new SvscanSite();
  site.start();
  await until("svscan runs", () => site.pid > 0);
  for (let number = 0; number < 20; number++) site.add(`s${number}`, { run: COUNTER });
  for (let number = 0; number < 20; number++) await site.up(`s${number}`);
  Deno.writeTextFileSync(`${site.folder}/s1/down`, "");
  await until("s1 is down", () => site.status("s1")?.up === false);
  Deno.removeSync(`${site.folder}/s1/down`);
  await site.up("s1");
  const gone = await site.up("s2");
  Deno.renameSync(`${site.folder}/s2`, `${site.root}/s2`);
  Deno.writeTextFileSync(`${site.root}/s2/supervise/control`, "dx");
  Deno.writeTextFileSync(`${site.root}/s2/log/supervise/control`, "dx");
  await until("s2 has ended", () => !isAlive(gone));
  const first = starts(site, "s3");
  Deno.renameSync(`${site.folder}/s3`, `${site.folder}/t3`);
  Deno.kill(first[0]!, "SIGKILL");
  await until("the renamed service is started again", () => starts(site, "t3").length === 2);
  await site.up("t3");
  assertCounted(site.log("s4"));
});

Deno.test("a service that crashes is started again once a second, and the others do not feel it", async () => {
  await using site = new SvscanSite();
  for (let number = 0; number < 30; number++) {
    site.add(`crash${number}`, { run: "date +%s.%N >>starts\nexit 1", log: null });
  }
  site.add("missing", { run: "exec /nowhere/at/all", log: null });
  site.add("steady", { run: COUNTER });
  site.start();
  const steady = await site.up("steady");
  for (let number = 0; number < 30; number++) {
    await until(`crash${number} was started three times`, () => {
      try {
        return starts(site, `crash${number}`).length >= 3;
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return false;
        throw error;
      }
    });
    const times = starts(site, `crash${number}`);
    const gaps = times.slice(1).map((time, at) => time - times[at]!);
    assert(gaps.every((gap) => gap > 0.9), gaps.join(" "));
  }
  assertEquals(site.status("steady")?.pid, steady);
  assertCounted(site.log("steady"));
});

Deno.test("svscan killed again and again: services go on, none runs twice, no line is lost", async () => {
  await using site = new SvscanSite();
  const names = Array.from({ length: 20 }, (_, number) => `s${number}`);
  for (const name of names) site.add(name, { run: COUNTER });
  site.add("foreign", { run: COUNTER, log: "exec cat >>all" });
  site.start();
  const pids = new Map<string, number>();
  for (const name of [...names, "foreign"]) pids.set(name, await site.up(name));
  for (let round = 0; round < 3; round++) {
    await site.end("SIGKILL");
    for (const [name, pid] of pids) assert(isAlive(pid), `${name} has ended`);
    site.start();
    for (const [name, pid] of pids) assertEquals(await site.up(name), pid, name);
  }
  const victim = pids.get("s0")!;
  Deno.kill(victim, "SIGKILL");
  await until("a killed service that was adopted is started again", () => starts(site, "s0").length === 2);
  await site.up("s0");
  const lengths = names.map((name) => site.log(name).length);
  for (const [at, name] of names.entries()) await until(`${name} logs on`, () => site.log(name).length > lengths[at]!);
  await site.end("SIGTERM");
  for (const name of names) {
    assertCounted(site.log(name), { repeats: true });
    assertEquals(starts(site, name).filter(isAlive), []);
    assertEquals(starts(site, name).length, name === "s0" ? 2 : 1);
  }
  const foreign = Deno.readTextFileSync(`${site.folder}/foreign/log/all`).trim().split("\n");
  assertCounted(foreign);
});

Deno.test("svscan killed between the decision to start and the pid: the copy that runs is found", async () => {
  await using site = new SvscanSite();
  site.add("s", { run: COUNTER });
  site.start();
  const pid = await site.up("s");
  await site.end("SIGKILL");
  const lock = `${site.folder}/s/supervise/lock`;
  const [, ticks = "", boot = ""] = Deno.readTextFileSync(lock).trim().split(" ");
  Deno.writeTextFileSync(lock, `${`0 ${Number(ticks) - 1} ${boot}`.padEnd(79)}\n`);
  site.start();
  assertEquals(await site.up("s"), pid);
  assertEquals(starts(site, "s"), [pid]);
});

Deno.test("a pid of another process in the lock is not adopted", async () => {
  await using site = new SvscanSite();
  site.add("s", { run: COUNTER });
  site.start();
  const pid = await site.up("s");
  await site.end("SIGKILL");
  Deno.kill(pid, "SIGKILL");
  const lock = `${site.folder}/s/supervise/lock`;
  const [, ticks = "", boot = ""] = Deno.readTextFileSync(lock).trim().split(" ");
  Deno.writeTextFileSync(lock, `${`${Deno.pid} ${ticks} ${boot}`.padEnd(79)}\n`);
  site.start();
  await until("it is started anew", () => starts(site, "s").length === 2);
  assert(await site.up("s") !== Deno.pid);
});

Deno.test("a supervise of another keeps its service", async () => {
  await using site = new SvscanSite();
  site.add("s", { run: COUNTER, log: null });
  const { stdout } = await command("sh", [
    "-c",
    `cd '${site.folder}' && setsid flock s/run true && mkdir -p s/supervise`,
  ]);
  assertEquals(stdout, "");
  const holder = new Deno.Command("flock", { args: [`${site.folder}/s/supervise/lock`, "sleep", "1000"] }).spawn();
  await until("the lock is taken", () => {
    return !new Deno.Command("flock", { args: ["-n", `${site.folder}/s/supervise/lock`, "true"] }).outputSync().success;
  });
  site.add("other", { run: COUNTER });
  site.start();
  await site.up("other");
  assertEquals(site.status("s"), undefined);
  const sleeper = Deno.readTextFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`).trim();
  Deno.kill(Number(sleeper), "SIGKILL");
  await holder.status;
  await site.up("s");
});

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

const isRoot = Deno.uid() === 0;
const canMount = isRoot && new Deno.Command("sh", {
  args: ["-c", "d=$(mktemp -d) && mount -t tmpfs -o size=64k none $d && umount $d && rmdir $d"],
  stderr: "null",
}).outputSync().success;
if (!canMount) console.error("SKIPPED: the disk that is full under a log; it needs root and mount");

Deno.test({
  name: "a disk that is full under a log makes the service wait, and nothing is lost",
  ignore: !canMount,
  async fn() {
    await using site = new SvscanSite();
    const disk = `${site.root}/disk`;
    Deno.mkdirSync(disk);
    await command("mount", ["-t", "tmpfs", "-o", "size=256k", "none", disk]);
    try {
      Deno.writeFileSync(`${disk}/ballast`, new Uint8Array(200 * 1024));
      const flood = 'i=0\nwhile [ $i -lt 9000 ]; do echo "line $i"; i=$((i+1)); done\nexec sleep 1000';
      site.add("flood", { run: flood, log: `exec multilog s16777215 ${disk}/main` });
      site.add("steady", { run: COUNTER });
      site.start();
      await site.up("flood");
      const steady = await site.up("steady");
      await until("the disk is full", () => sizeOf(`${disk}/main/current`) > 20 * 1024);
      const before = site.log("steady").length;
      await until("others go on", () => site.log("steady").length > before + 10);
      Deno.removeSync(`${disk}/ballast`);
      const lines = () => Deno.readTextFileSync(`${disk}/main/current`).trim().split("\n");
      await until("all lines are there", () => lines().length === 9000);
      assertCounted(lines());
      assertEquals(site.status("steady")?.pid, steady);
      await site.end("SIGTERM");
    } finally {
      await command("umount", ["-l", disk]);
    }
  },
});
