/**
 * What many users cost: `deno run -A --unstable-net tests/bench/accounts_bench.ts [lookup|bulk|list] [users…]`.
 * lookup: questions to the lookup daemon over its socket while the embedded database grows, median and 99th percentile.
 * INDIMAIL_BIN names an executable whose programs are measured instead of the checkout's.
 * bulk: `vadduser --csv` into SQLite and MariaDB, hashes and clear text. list: time and memory of `vuserinfo -D`.
 * 10,000,000 users take 3 GB below TMPDIR.
 */
import { freeBytes, syncFileSystem } from "../../core/libc/files.ts";
import type { Database } from "../../storage/accounts/database.ts";
import { openMysql } from "../../storage/accounts/mysql.ts";
import { openSqlite } from "../../storage/accounts/sqlite.ts";
import { Users } from "../../storage/accounts/users.ts";
import { socketPath } from "../../core/paths.ts";
import { openLookup } from "../../storage/accounts/lookup_client.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { mariadbAvailable, startMariadb } from "../support/mariadb.ts";
import { ownCommand } from "../support/own_program.ts";
import { makeSite, type Site } from "../support/site.ts";
import { existsSync } from "node:fs";

const DOMAIN = "bench.example";
const HASH = `$6$abcdefghijklmnop$${"x".repeat(86)}`;
const LOOKUP_USERS = [10_000, 100_000, 1_000_000];
const BULK_USERS = [50_000];
const LIST_USERS = [10_000, 1_000_000];
const CLEAR_USERS = 4000;
/** Rows of one transaction. */
const PART_ROWS = 12_800;
/** Bytes of a user in the embedded database, about, with room for its log. */
const ROW_BYTES = 400;
const QUESTIONS = 20_000;
const HOT_USERS = 500;
const DAEMON_WAIT_MS = 20_000;

function nameOf(number: number): string {
  return `${"abflqt"[number % 6]}user${String(number).padStart(8, "0")}`;
}

/** Adds the users from one number to another by the shortest way; not as vadduser, which makes places and events as well. */
async function addRows(database: Database, from: number, to: number): Promise<void> {
  const users = new Users(database);
  // in order of names six times as fast: the pages of an index are then written once
  for (let letter = 0; letter < 6; letter++) {
    const numbers: number[] = [];
    const flush = async () => {
      const rows = numbers.splice(0).map((number) => ({
        name: nameOf(number),
        domain: DOMAIN,
        password: HASH,
        uid: 0,
        flags: 0,
        gecos: `User ${number}`,
        home: `/home/mail/A2E/${DOMAIN}/0/0/${nameOf(number)}`,
        quota: "52428800S",
        scram: "",
        inactive: false,
      }));
      await database.transaction((on) => users.addMany(rows, on));
    };
    for (let number = from; number < to; number++) {
      if (number % 6 !== letter) continue;
      numbers.push(number);
      if (numbers.length >= PART_ROWS) await flush();
    }
    await flush();
  }
}

function percentile(sorted: Float64Array, part: number): string {
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]! * 1000).toFixed(0);
}

/** Asks one after the other; microseconds as a row of the table. */
async function ask(count: number, question: (number: number) => Promise<unknown>): Promise<string> {
  const times = new Float64Array(count);
  for (let at = 0; at < count; at++) {
    const start = performance.now();
    await question(at);
    times[at] = performance.now() - start;
  }
  times.sort();
  return `${percentile(times, 0.5)} / ${percentile(times, 0.99)}`;
}

/** inlookup as a process of its own, as mail servers ask it. */
async function startDaemon({ paths }: Site) {
  const [program, ...args] = ownCommand("inlookup");
  const env = { INDIMAIL_ROOT: paths.root };
  const child = new Deno.Command(program, { args, env, stdin: "null", stdout: "null", stderr: "null" }).spawn();
  const end = Date.now() + DAEMON_WAIT_MS;
  while (!existsSync(socketPath(paths, "lookup"))) {
    if (Date.now() > end) throw new Error("inlookup does not come up");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const client = openLookup(paths, new ControlFiles(paths.control));
  return {
    client,
    async [Symbol.asyncDispose]() {
      client.close();
      child.kill("SIGTERM");
      await child.status;
    },
  };
}

async function benchLookup(sizes: readonly number[]): Promise<void> {
  await using site = await makeSite();
  await site.addDomain(DOMAIN);
  const needed = Math.max(...sizes) * ROW_BYTES;
  if (freeBytes(site.paths.lib) < 2 * needed) {
    throw new Error(`${site.paths.lib} has less than ${2 * needed} bytes free`);
  }
  console.log("| users | file, MB | made in, s | recipient, first time, µs | again, µs | account, µs | unknown, µs |");
  console.log("| ----- | -------- | ---------- | ------------------------- | --------- | ----------- | ----------- |");
  let made = 0;
  for (const users of sizes) {
    const start = performance.now();
    const database = openSqlite(site.paths.database);
    await database.query("PRAGMA synchronous = OFF");
    await database.query("PRAGMA cache_size = -262144");
    await addRows(database, made, users);
    await database.query("PRAGMA wal_checkpoint(TRUNCATE)");
    await database.close();
    made = users;
    const seconds = (performance.now() - start) / 1000;
    await syncFileSystem(site.paths.database); // or the questions would wait for what the disk still writes
    const { size } = await Deno.stat(site.paths.database);
    await using daemon = await startDaemon(site);
    const { client } = daemon;
    // a walk that meets no user twice, all over the table
    const address = (at: number) => `${nameOf((at * 7_368_787) % users)}@${DOMAIN}`;
    await ask(2000, (at) => client.recipient(`nobody${at}@${DOMAIN}`)); // until it is compiled
    const first = await ask(Math.min(QUESTIONS, users / 2), (at) => client.recipient(address(at)));
    const again = await ask(QUESTIONS, (at) => client.recipient(address(at % HOT_USERS)));
    const account = await ask(Math.min(QUESTIONS, users), (at) => client.account(address(at)));
    const unknown = await ask(QUESTIONS, (at) => client.recipient(`none${at}@${DOMAIN}`));
    const megabytes = (size / 1e6).toFixed(0);
    console.log(`| ${users} | ${megabytes} | ${seconds.toFixed(0)} | ${first} | ${again} | ${account} | ${unknown} |`);
  }
}

/** A site of its own for programs; `line` is its control/host.mysql. */
async function withPrograms(line: string | undefined, work: (run: Run, root: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "accounts-bench." });
  const root = `${folder}/site`;
  try {
    await Deno.mkdir(`${root}/etc/indimail/control`, { recursive: true });
    await Deno.writeTextFile(`${root}/etc/indimail/control/me`, "mx.example.org\n");
    if (line !== undefined) await Deno.writeTextFile(`${root}/etc/indimail/control/host.mysql`, line);
    const run: Run = async (...args) => {
      const command = ownCommand(...args).map((word) => `'${word}'`).join(" ");
      const start = performance.now();
      const timed = `command time -f %M -o '${folder}/memory' ${command} >/dev/null`;
      const { success, stderr } = await new Deno.Command("bash", { args: ["-c", timed], env: { INDIMAIL_ROOT: root } })
        .output();
      if (!success) throw new Error(new TextDecoder().decode(stderr));
      const megabytes = Number((await Deno.readTextFile(`${folder}/memory`)).trim()) / 1024;
      return { seconds: (performance.now() - start) / 1000, megabytes };
    };
    await run("vadddomain", "-h", "MD5", DOMAIN, "secret");
    await work(run, root);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

type Run = (...args: readonly string[]) => Promise<{ readonly seconds: number; readonly megabytes: number }>;

/** Runs the work on the embedded database, and on MariaDB where that is installed. */
async function onBoth(
  work: (run: Run, place: { readonly root: string; readonly kind: string; open(): Promise<Database> }) => Promise<void>,
): Promise<void> {
  await withPrograms(undefined, (run, root) => {
    const path = `${root}/var/indimail/lib/indimail.sqlite`;
    return work(run, { root, kind: "SQLite", open: () => Promise.resolve(openSqlite(path)) });
  });
  if (!mariadbAvailable()) return;
  await using server = await startMariadb();
  const line = `localhost:root::${server.settings.socketPath}:nossl\n`;
  await withPrograms(
    line,
    (run, root) => work(run, { root, kind: "MariaDB", open: () => openMysql(server.settings) }),
  );
}

async function benchBulk(sizes: readonly number[]): Promise<void> {
  await onBoth(async (run, { root, kind }) => {
    for (const users of sizes) {
      // in no order, as a list of real names is
      const numbers = Array.from({ length: users }, (_, at) => (at * 7_368_787) % 100_000_007);
      const lines = numbers.map((number) => `${nameOf(number)}@${DOMAIN},${HASH},1g,User ${number}\n`);
      await Deno.writeTextFile(`${root}/users.csv`, lines.join(""));
      const { seconds, megabytes } = await run("vadduser", "--csv", `${root}/users.csv`);
      const rate = Math.round(users / seconds);
      console.log(`${kind}: ${users} hashes ${seconds.toFixed(1)} s, ${rate} a second, ${megabytes.toFixed(0)} MB`);
    }
    const clear = Array.from({ length: CLEAR_USERS }, (_, at) => `clear${at}@${DOMAIN},secret${at}\n`);
    await Deno.writeTextFile(`${root}/users.csv`, clear.join(""));
    const { seconds } = await run("vadduser", "--csv", `${root}/users.csv`);
    const rate = Math.round(CLEAR_USERS / seconds);
    console.log(`${kind}: ${CLEAR_USERS} clear texts (SHA-512) ${seconds.toFixed(1)} s, ${rate} a second`);
    const homes = Array.from({ length: CLEAR_USERS }, (_, at) => `home${at}@${DOMAIN},${HASH}\n`);
    await Deno.writeTextFile(`${root}/users.csv`, homes.join(""));
    const made = await run("vadduser", "-d", "--csv", `${root}/users.csv`);
    const homeRate = Math.round(CLEAR_USERS / made.seconds);
    console.log(`${kind}: ${CLEAR_USERS} hashes with homes (-d) ${made.seconds.toFixed(1)} s, ${homeRate} a second`);
  });
}

async function benchList(sizes: readonly number[]): Promise<void> {
  await onBoth(async (run, { kind, open }) => {
    const database = await open();
    let made = 0;
    for (const users of sizes) {
      await addRows(database, made, users);
      made = users;
      for (const options of [["-n"], ["-a"]]) {
        const { seconds, megabytes } = await run("vuserinfo", ...options, "-D", DOMAIN);
        const rate = Math.round(users / seconds);
        const told = `${seconds.toFixed(1)} s, ${rate} a second, ${megabytes.toFixed(0)} MB`;
        console.log(`${kind}: vuserinfo ${options[0]} of ${users} users ${told}`);
      }
    }
    await database.close();
  });
}

const [part, ...rest] = Deno.args;
const sizes = (usual: readonly number[]) => rest.length > 0 ? rest.map(Number) : usual;
if (part === undefined || part === "lookup") await benchLookup(sizes(LOOKUP_USERS));
if (part === undefined || part === "bulk") await benchBulk(sizes(BULK_USERS));
if (part === undefined || part === "list") await benchList(sizes(LIST_USERS));
