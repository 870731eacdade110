/**
 * Logs of other accounts under svscan: `setuidgid USER multilog` lines share one process of that account. Killed again
 * and again it loses no line and is started at most once a second. Needs root and the account nobody.
 */
import { tryReadProcessStatus } from "../../core/process_status.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { SvscanSite, until } from "../support/svscan_site.ts";

const SERVICES = 200;
const COUNTER = "i=0\nwhile :; do echo line $i; i=$((i+1)); sleep 0.02; done";
const LOG = "exec setuidgid nobody multilog t ./main";
const NOBODY = 65534;
const MIB = 1024 * 1024;
const isRoot = Deno.uid() === 0;
if (!isRoot) console.error("SKIPPED: logs of other accounts under svscan; they need root");

/** A service whose log folder is the account's. */
function add(site: SvscanSite, name: string, { run, log = LOG }: { run: string; log?: string }): void {
  site.add(name, { run, log });
  Deno.chownSync(`${site.folder}/${name}/log`, NOBODY, NOBODY);
}

async function logPid(site: SvscanSite, name: string): Promise<number> {
  return await until(`${name}/log is up`, () => {
    const status = site.status(`${name}/log`);
    return status?.up ? status.pid : undefined;
  });
}

/** Lines of a counter: none is missing; after a kill a block may be there twice. */
function assertCounted(lines: readonly string[]): void {
  let next = 0;
  for (const line of lines) {
    const number = Number(line.slice("line ".length));
    assert(number <= next, `line ${next} is missing before ${line}`);
    next = number + 1;
  }
}

Deno.test({
  name: "two hundred logs of an account are kept by one process of that account",
  ignore: !isRoot,
  async fn() {
    await using site = new SvscanSite();
    for (let number = 0; number < SERVICES; number++) {
      add(site, `s${number}`, { run: 'echo "started $1"\nexec sleep 1000' });
    }
    Deno.chmodSync(site.root, 0o755);
    site.start();
    const pids = new Set<number>();
    for (let number = 0; number < SERVICES; number++) {
      await site.up(`s${number}`);
      pids.add(await logPid(site, `s${number}`));
      await until(`the log of s${number}`, () => site.log(`s${number}`).length > 0);
      assertEquals(site.log(`s${number}`), [`started s${number}`]);
    }
    assertEquals(pids.size, 1);
    const [keeper = 0] = pids;
    assert(keeper !== site.pid);
    const ids = /^Uid:\s+(\d+)\s+(\d+)\s+(\d+)/m.exec(Deno.readTextFileSync(`/proc/${keeper}/status`));
    assertEquals(ids?.slice(1), [`${NOBODY}`, `${NOBODY}`, `${NOBODY}`]);
    assertEquals(Deno.statSync(`${site.folder}/s0/log/main/current`).uid, NOBODY);
    const pss = [site.pid, keeper].reduce((sum, pid) => sum + (tryReadProcessStatus(pid)?.pssBytes ?? 0), 0);
    assert(pss <= 150 * MIB, `${Math.round(pss / MIB)} MB`);
    await site.end("SIGTERM");
    assertEquals(tryReadProcessStatus(keeper), undefined);
  },
});

Deno.test({
  name: "the process of an account's logs is killed again and again: no line is lost, and svc reaches each log",
  ignore: !isRoot,
  async fn() {
    await using site = new SvscanSite();
    Deno.chmodSync(site.root, 0o755);
    for (let number = 0; number < 5; number++) add(site, `s${number}`, { run: COUNTER });
    add(site, "chain", {
      run: COUNTER,
      log: "exec envuidgid nobody softlimit -m 9000000 setuidgid nobody multilog t ./main",
    });
    site.start();
    const names = [0, 1, 2, 3, 4].map((number) => `s${number}`);
    for (const name of names) await site.up(name);
    let before = await logPid(site, "s0");
    for (let round = 0; round < 3; round++) {
      const lengths = names.map((name) => site.log(name).length);
      for (const [at, name] of names.entries()) await until(`${name} logs`, () => site.log(name).length > lengths[at]!);
      Deno.kill(before, round === 1 ? "SIGTERM" : "SIGKILL");
      before = await until("another process", () => {
        const status = site.status("s0/log");
        return status?.up && status.pid !== before ? status.pid : undefined;
      });
    }
    const control = (letters: string) => Deno.writeTextFileSync(`${site.folder}/s1/log/supervise/control`, letters);
    const folder = `${site.folder}/s1/log/main`;
    await logPid(site, "s1");
    control("a");
    await until("a rotation", () => [...Deno.readDirSync(folder)].some(({ name }) => name.startsWith("@")));
    control("d");
    await until("the log is down", () => site.status("s1/log")?.up === false);
    assertEquals(await logPid(site, "s2"), before);
    control("u");
    assertEquals(await logPid(site, "s1"), before);
    const lengths = names.map((name) => site.log(name).length);
    for (const [at, name] of names.entries()) {
      await until(`${name} logs on`, () => site.log(name).length > lengths[at]!);
    }
    await site.end("SIGTERM");
    for (const name of [...names, "chain"]) assertCounted(site.log(name));
    assert(site.log("chain").length > 0);
  },
});

Deno.test({
  name: "svscan is killed: the process of an account's logs ends, and the next svscan goes on without a gap",
  ignore: !isRoot,
  async fn() {
    await using site = new SvscanSite();
    Deno.chmodSync(site.root, 0o755);
    add(site, "s", { run: COUNTER });
    add(site, "closed", { run: COUNTER, log: "exec setuidgid nobody multilog t /proc/none/main" });
    site.start();
    const pid = await site.up("s");
    const keeper = await logPid(site, "s");
    await until("lines", () => site.log("s").length > 10);
    await site.end("SIGKILL");
    await until("the process has ended", () => tryReadProcessStatus(keeper) === undefined);
    const before = site.log("s").length;
    site.start();
    assertEquals(await site.up("s"), pid);
    await until("lines again", () => site.log("s").length > before + 10);
    assertEquals(site.status("closed/log")?.up, false);
    const text = await site.end("SIGTERM");
    assert(/closed\/log: unable to start/.test(text), text);
    assertCounted(site.log("s"));
  },
});
