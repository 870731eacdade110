/**
 * What svscan costs for many services with logs, and how soon a service is up: `deno run -A tests/bench/svscan_bench.ts
 * [services]`; with INDIMAIL_BIN the compiled program. Beside it, when it is there, Debian's svscan on folders alike.
 */
import { tryReadProcessStatus } from "../../core/process_status.ts";
import { SvscanSite, until } from "../support/svscan_site.ts";

const count = Number(Deno.args[0] ?? 200);
const MIB = 1024 * 1024;
/** Services added one after another to a svscan that runs. */
const ADDED = 20;
const DEBIAN = "/usr/bin/svscan";

function mib(bytes: number | undefined): string {
  return bytes === undefined ? "?" : `${(bytes / MIB).toFixed(1)} MB`;
}

function fill(site: SvscanSite, name: string): void {
  site.add(name, { run: "echo started\nexec sleep 1000" });
}

async function ours(account?: string): Promise<void> {
  await using site = new SvscanSite();
  Deno.chmodSync(site.root, 0o755);
  const log = account && `exec setuidgid ${account} multilog t ./main`;
  for (let number = 0; number < count; number++) {
    site.add(`s${number}`, { run: "echo started\nexec sleep 1000", ...(log && { log }) });
    if (account) Deno.chmodSync(`${site.folder}/s${number}/log`, 0o777);
  }
  const start = performance.now();
  site.start();
  for (let number = 0; number < count; number++) await site.up(`s${number}`);
  const ready = performance.now() - start;
  console.log(`ours: ${count} services with log up ${ready.toFixed(0)} ms after the start of svscan`);
  await until("all logs", () => site.log(`s${count - 1}`).length > 0);
  const pids = new Set([site.pid, site.status("s0/log")?.pid ?? site.pid]);
  const bytes = [...pids].reduce((sum, pid) => sum + (tryReadProcessStatus(pid)?.pssBytes ?? 0), 0);
  console.log(`ours: PSS ${mib(bytes)} in ${pids.size} processes`);
  const times: number[] = [];
  for (let number = 0; number < ADDED; number++) {
    const added = performance.now();
    fill(site, `t${number}`);
    await site.up(`t${number}`);
    times.push(performance.now() - added);
  }
  times.sort((a, b) => a - b);
  console.log(
    `ours: a new service is up after ${times[ADDED / 2]!.toFixed(0)} ms (median), ${
      times.at(-1)!.toFixed(0)
    } ms (worst)`,
  );
  const stop = performance.now();
  await site.end("SIGTERM");
  console.log(`ours: all stopped after ${(performance.now() - stop).toFixed(0)} ms`);
}

/** Pids below one, itself included. */
function below(root: number): number[] {
  const parents = [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name)).flatMap(({ name }) => {
    try {
      const stat = Deno.readTextFileSync(`/proc/${name}/stat`);
      return [[Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1])] as const];
    } catch {
      return []; // it has ended meanwhile
    }
  });
  const found = [root];
  for (const pid of found) found.push(...parents.filter(([, parent]) => parent === pid).map(([child]) => child));
  return found;
}

async function debians(): Promise<void> {
  await using site = new SvscanSite();
  for (let number = 0; number < count; number++) fill(site, `s${number}`);
  const start = performance.now();
  const child = new Deno.Command(DEBIAN, { args: [site.folder], stderr: "null" }).spawn();
  for (let number = 0; number < count; number++) await site.up(`s${number}`);
  console.log(`Debian's: up after ${(performance.now() - start).toFixed(0)} ms`);
  await until("all logs", () => site.log(`s${count - 1}`).length > 0);
  const pids = below(child.pid).filter((pid) => !/^sleep/.test(Deno.readTextFileSync(`/proc/${pid}/cmdline`)));
  const bytes = pids.reduce((sum, pid) => sum + (tryReadProcessStatus(pid)?.pssBytes ?? 0), 0);
  console.log(`Debian's: PSS ${mib(bytes)} in ${pids.length} processes`);
  const all = below(child.pid);
  for (const pid of all) {
    try {
      Deno.kill(pid, "SIGKILL");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  await child.status;
}

await ours();
if (Deno.uid() === 0) {
  console.log("logs of the account nobody:");
  await ours("nobody");
}
try {
  Deno.statSync(DEBIAN);
} catch {
  Deno.exit(0); // no peer here
}
await debians();
