/**
 * vadduser with a file under bad conditions: killed in the middle and run again, beside single commands, and with a reader
 * that goes away. On the embedded database and on MariaDB.
 */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { mariadbAvailable, startMariadb } from "../support/mariadb.ts";
import { ownCommand } from "../support/own_program.ts";
import { type Database, numberOf, textOf } from "../../storage/accounts/database.ts";
import { openMysql } from "../../storage/accounts/mysql.ts";
import { openSqlite } from "../../storage/accounts/sqlite.ts";
import { LETTER_RANGES, letterRange } from "../../storage/accounts/user_dir.ts";

const USERS = 12_000;
const KILLS = 3;
/** Users of one directory of the tree: as vadduser has it. */
const PER_DIRECTORY = 100;
const HASH = `$6$abcdefghijklmnop$${"x".repeat(86)}`;
/** How often a run is looked at, and how many times, before it counts as stuck. */
const LOOK_MS = 10;
const LOOKS_MAX = 6000;

interface World {
  readonly root: string;
  readonly database: Database;
  readonly csv: string;
  /** Runs a program to its end. */
  run(...args: readonly string[]): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>;
  start(...args: readonly string[]): Deno.ChildProcess;
}

/** A site with one domain and a file of users in no order; `line` is its control/host.mysql. */
async function withWorld(
  open: (root: string) => Promise<Database>,
  line: string | undefined,
  work: (world: World) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "bulk-" });
  const root = `${folder}/site`;
  const csv = `${folder}/users.csv`;
  const commandOf = (args: readonly string[]) => {
    const [program, ...rest] = ownCommand(...args);
    return new Deno.Command(program, {
      args: rest,
      env: { INDIMAIL_ROOT: root },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
  };
  try {
    await Deno.mkdir(`${root}/etc/indimail/control`, { recursive: true });
    await Deno.writeTextFile(`${root}/etc/indimail/control/me`, "mx.example.org\n");
    if (line !== undefined) await Deno.writeTextFile(`${root}/etc/indimail/control/host.mysql`, line);
    const names = Array.from({ length: USERS }, (_, at) => `${"abflqtz"[at * 31 % 7]}${at * 7919 % USERS}`);
    await Deno.writeTextFile(csv, names.map((name) => `${name}@example.org,${HASH}\n`).join(""));
    const run: World["run"] = async (...args) => {
      const { code, stdout, stderr } = await commandOf(args).output();
      return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
    };
    const made = await run("vadddomain", "-h", "MD5", "example.org", "secret");
    assertEquals(made.code, 0, made.stderr);
    const database = await open(root);
    try {
      await work({ root, database, csv, run, start: (...args) => commandOf(args).spawn() });
    } finally {
      await database.close();
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function countOf(database: Database, table: string): Promise<number> {
  const [row] = await database.query(`SELECT COUNT(*) AS users FROM ${table}`);
  return row ? numberOf(row, "users") : 0;
}

/** Rows, lastauth and the counts of the trees say the same, and no directory has more users than it may. */
async function checkWhole(database: Database): Promise<number> {
  const rows = await database.query("SELECT pw_name, pw_dir FROM indimail");
  const byRange = Map.groupBy(rows, (row) => letterRange(textOf(row, "pw_name")));
  for (const range of LETTER_RANGES) {
    const [state] = await database.query(`SELECT cur_users FROM dir_controlroot_${range}`).catch(() => []);
    const users = byRange.get(range)?.length ?? 0;
    if (users > 0) assertEquals(state && numberOf(state, "cur_users"), users, range);
  }
  for (const [folder, users] of Map.groupBy(rows, (row) => textOf(row, "pw_dir").replace(/\/[^/]*$/, ""))) {
    assert(users.length <= PER_DIRECTORY, `${users.length} users in ${folder}`);
  }
  assertEquals(await countOf(database, "lastauth"), rows.length);
  return rows.length;
}

async function killedAndAgain({ database, csv, run, start }: World): Promise<void> {
  for (let kill = 0; kill < KILLS; kill++) {
    const before = await countOf(database, "indimail");
    const child = start("vadduser", "--csv", csv);
    // later each time: the users of the runs before are passed over
    const until = Math.max(before, kill * 2000) + 1;
    for (let look = 0; look < LOOKS_MAX && await countOf(database, "indimail") < until; look++) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    child.kill("SIGKILL");
    await child.output();
    const users = await checkWhole(database);
    assert(users >= until && users <= USERS + 1, `${users} users after kill ${kill}`);
  }
  const before = await countOf(database, "indimail");
  const child = start("vadduser", "--csv", csv);
  const single = await run("vadduser", "-h", "MD5", "meanwhile@example.org", "secret");
  assertEquals([single.code, single.stderr], [0, ""]);
  const { code, stderr } = await child.output();
  const added = USERS + 1 - before;
  assertEquals(code, 0);
  assertEquals(
    new TextDecoder().decode(stderr),
    `vadduser: ${added} added, ${USERS - added} were there already, 0 refused\n`,
  );
  assertEquals(await checkWhole(database), USERS + 2);
}

/** Everything that vuserinfo writes comes in order; a reader that goes away ends it without a word. */
async function listed({ run, start }: World): Promise<void> {
  const { stdout } = await run("vuserinfo", "-n", "-D", "example.org");
  const names = stdout.trimEnd().split("\n").map((address) => address.replace("@example.org", ""));
  assertEquals(names.length, USERS + 2);
  assertEquals(names, [...names].sort());
  const child = start("vuserinfo", "-D", "example.org");
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  assertMatch(new TextDecoder().decode(value), /^name {10}: a/);
  await reader.cancel();
  const stderr = await new Response(child.stderr).text();
  assertEquals([(await child.status).code, stderr], [1, ""]);
}

Deno.test("a file of users that is killed and run again leaves each user once, on the embedded database", async () => {
  const open = (root: string) => Promise.resolve(openSqlite(`${root}/var/indimail/lib/indimail.sqlite`));
  await withWorld(open, undefined, async (world) => {
    await killedAndAgain(world);
    await listed(world);
  });
});

Deno.test({
  name: "a file of users that is killed and run again leaves each user once, on MariaDB",
  ignore: !mariadbAvailable(),
  async fn() {
    await using server = await startMariadb();
    const line = `localhost:root::${server.settings.socketPath}:nossl\n`;
    await withWorld(() => openMysql(server.settings), line, async (world) => {
      await killedAndAgain(world);
      await listed(world);
    });
  },
});
