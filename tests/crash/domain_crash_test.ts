/**
 * Commands about domains killed at every operation of the disk and the database: mail that is accepted meanwhile has a
 * domain to go to, and the same command run again leaves exactly what it leaves when nothing comes between.
 */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { latin1Text } from "../../core/bytes.ts";
import { resolvePaths } from "../../core/paths.ts";
import { Accounts } from "../../storage/accounts/accounts.ts";
import { addDomain } from "../../storage/accounts/add_domain.ts";
import { addAutoturnDomain, removeAutoturnDomain } from "../../storage/accounts/autoturn.ts";
import { Command } from "../../storage/accounts/command.ts";
import type { Database } from "../../storage/accounts/database.ts";
import { removeDomain } from "../../storage/accounts/domains/remove_domain.ts";
import { renameDomain } from "../../storage/accounts/domains/rename_domain.ts";
import { readLineFile, writeLineFile } from "../../storage/accounts/line_file.ts";
import { LIMITS_DEFAULT } from "../../storage/accounts/tables/vlimits.ts";
import { openSqlite } from "../../storage/accounts/sqlite.ts";
import { type Disk, type DiskFile, realDisk } from "../../storage/disk.ts";

const OWNER = { uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0 };
const none = () => undefined;
/** Operations above which a command is taken to go round in circles. */
const OPERATIONS_MAX = 2000;

/** Counts operations; from number `last` on nothing happens any more. */
class Life {
  operations = 0;
  readonly last: number;

  constructor(last: number) {
    this.last = last;
  }

  spend(): void {
    if (++this.operations >= this.last) throw new Error("killed");
  }
}

const READS = new Set(["readFile", "readDirectory", "stat", "lstat"]);
const SYNCS = new Set(["sync", "syncDirectory"]);

/** `target` as it is for somebody who is killed; syncs are counted and not done, since nobody cuts the power. */
function mortal<T extends object>(target: T, life: Life): T {
  return new Proxy(target, {
    get(inner, name) {
      const operation: unknown = Reflect.get(inner, name, inner);
      if (typeof operation !== "function") return operation;
      if (READS.has(String(name)) || name === "readAt") return operation.bind(inner);
      if (name === "close") return () => Reflect.apply(operation, inner, []);
      return async (...args: unknown[]) => {
        life.spend();
        if (SYNCS.has(String(name))) return;
        const result: unknown = await Reflect.apply(operation, inner, args);
        return name === "open" ? mortal(result as DiskFile, life) : result;
      };
    },
  });
}

/** A database whose changes are counted; a transaction is one. */
function mortalDatabase(inner: Database, life: Life): Database {
  return {
    kind: inner.kind,
    query: (sql, values) => inner.query(sql, values),
    async run(sql, values) {
      life.spend();
      return await inner.run(sql, values);
    },
    async transaction(work) {
      life.spend();
      return await inner.transaction(work);
    },
    version: () => inner.version(),
    reopen: () => inner.reopen(),
    close: () => inner.close(),
  };
}

interface Scenario {
  readonly name: string;
  /** What was there before. */
  prepare(command: Command): Promise<void>;
  /** The command. One that says that there is nothing to do has done its work before. */
  run(command: Command): Promise<unknown>;
}

const POSTMASTER = { password: "$1$x", scram: "" };
const newDomain = (domain: string) => ({
  domain,
  ...POSTMASTER,
  files: { ...OWNER, fallback: `postmaster@${domain}`, checkRecipients: true },
});

const add = (command: Command, domain: string) => addDomain(command, newDomain(domain), none);
const alias = (command: Command, from: string, to: string) =>
  command.domains.locked(() => command.domains.addAlias(from, to));

async function filledDomain(command: Command): Promise<void> {
  const { accounts } = command;
  await add(command, "example.org");
  await add(command, "other.example");
  await alias(command, "example.net", "example.org");
  await alias(command, "example.com", "example.org");
  const { address, domain } = await command.locate("alice@example.org");
  const user = { ...POSTMASTER, gecos: "Alice", inactive: false, makeDirectory: true };
  const row = await command.users.add(address, domain, user);
  assert(row !== "exists");
  await writeLineFile(command.disk, `${row.home}/.qmail`, [`| answer ${row.home}/.vacation.msg`, "./Maildir/"]);
  await accounts.aliases.add("team", "other.example", "&alice@example.org");
  await accounts.limits.set("example.org", { ...LIMITS_DEFAULT, maxpopaccounts: 7 });
  await accounts.limits.set("alice@example.org", { ...LIMITS_DEFAULT, maxaliases: 3 });
  await accounts.ipAliases.set("192.0.2.7", "example.org");
  await accounts.atrn.add("alice", "example.org", "turn.example");
}

async function fiftyHosts(command: Command): Promise<void> {
  const hosts = Array.from({ length: 50 }, (_, at) => `h${at}.example`);
  await writeLineFile(command.disk, `${command.paths.control}/rcpthosts`, hosts);
}

const rename = (from: string, to: string) => (command: Command) =>
  renameDomain(command, { from, to, told: none, sleep: () => Promise.resolve() });
const remove = (domain: string) => async (command: Command) => {
  const removed = await command.domains.locked(() => removeDomain(command, domain, none));
  if (!removed) throw new Error(`domain ${domain} does not exist`);
};
const turn = { domain: "turn.example", ...OWNER, ipAddress: undefined };

const SCENARIOS: readonly Scenario[] = [
  {
    name: "adding a domain",
    prepare: (command) => add(command, "other.example").then(none),
    run: (command) => add(command, "example.org"),
  },
  { name: "adding the fifty-first domain", prepare: fiftyHosts, run: (command) => add(command, "example.org") },
  {
    name: "adding an alias domain",
    prepare: (command) => add(command, "example.org").then(none),
    run: (command) => alias(command, "example.net", "example.org"),
  },
  { name: "renaming a domain", prepare: filledDomain, run: rename("example.org", "new.example") },
  { name: "renaming an alias domain", prepare: filledDomain, run: rename("example.net", "new.example") },
  { name: "removing a domain", prepare: filledDomain, run: remove("example.org") },
  { name: "removing an alias domain", prepare: filledDomain, run: remove("example.net") },
  {
    name: "removing the fifty-first domain",
    async prepare(command) {
      await fiftyHosts(command);
      await add(command, "example.org");
    },
    run: remove("example.org"),
  },
  {
    name: "adding a domain for ETRN",
    prepare: (command) => add(command, "other.example").then(none),
    run: (command) => addAutoturnDomain(command, turn),
  },
  {
    name: "removing a domain for ETRN",
    prepare: (command) => addAutoturnDomain(command, turn),
    async run(command) {
      if (!await removeAutoturnDomain(command, turn.domain)) throw new Error("turn.example does not exist");
    },
  },
];

/** An installation below `root`, opened for one command with a life. */
async function withCommand<T>(root: string, life: Life, work: (command: Command) => Promise<T>): Promise<T> {
  const paths = resolvePaths(root, none);
  const disk: Disk = mortal(realDisk, life);
  const database = openSqlite(paths.database);
  const clock = { nowMs: () => 0, sleep: () => Promise.resolve() };
  try {
    const accounts = new Accounts(mortalDatabase(database, life));
    return await work(new Command({ paths, clock, env: { get: none } }, accounts, disk));
  } finally {
    await database.close();
  }
}

async function replaceTree(from: string, to: string): Promise<void> {
  await Deno.remove(to, { recursive: true }).catch(none);
  const { success } = await new Deno.Command("cp", { args: ["-a", from, to] }).output();
  assert(success);
}

/** Every path with what it is, and every row but for the times. */
async function stateOf(root: string): Promise<string[]> {
  const state: string[] = [];
  const visit = (folder: string) => {
    for (const entry of Deno.readDirSync(folder)) {
      const path = `${folder}/${entry.name}`;
      if (/sqlite(-wal|-shm)?$|\.lock$/.test(path)) continue;
      if (entry.isSymlink) state.push(`${path} -> ${Deno.readLinkSync(path)}`);
      else state.push(`${path} ${entry.isFile ? latin1Text(Deno.readFileSync(path)) : ""}`);
      if (entry.isDirectory) visit(path);
    }
  };
  visit(root);
  const database = openSqlite(resolvePaths(root, none).database);
  const tables = await database.query(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
  );
  for (const { name } of tables) {
    for (const row of await database.query(`SELECT * FROM ${name}`)) {
      const { timestamp: _, ...rest } = row;
      state.push(`${name} ${JSON.stringify(rest)}`);
    }
  }
  await database.close();
  return state.sort();
}

/** Mail that is accepted has a virtual domain, and that has its users or (its folder being away) waits. */
async function checkAccepted(root: string, why: string): Promise<void> {
  await withCommand(root, new Life(Infinity), async ({ domains, accounts, paths, disk }) => {
    const hosts = [
      ...await readLineFile(disk, `${paths.control}/rcpthosts`) ?? [],
      ...await readLineFile(disk, `${paths.control}/morercpthosts`) ?? [],
    ];
    const virtual = await readLineFile(disk, `${paths.control}/virtualdomains`) ?? [];
    for (const host of hosts.filter((one) => !/^h\d/.test(one))) {
      assert(virtual.some((line) => line.startsWith(`${host}:`)), `${why}: ${host} is accepted and not virtual`);
      if (host === turn.domain) continue;
      const entry = await domains.find(host);
      assert(entry, `${why}: ${host} is accepted and not in users/assign`);
      const isThere = await disk.stat(`${entry.directory}/.qmail-default`).then(() => true, () => false);
      const { active } = await accounts.users.count(entry.aliasOf ?? host);
      assert(!isThere || active > 0, `${why}: ${host} is accepted and has no users`);
    }
  });
}

for (const scenario of SCENARIOS) {
  Deno.test(`${scenario.name}, killed at any operation, is finished by the same command`, async () => {
    const folder = await Deno.makeTempDir({ prefix: "domain-crash-" });
    const [root, before] = [`${folder}/site`, `${folder}/before`];
    try {
      for (const path of [resolvePaths(root, none).control, resolvePaths(root, none).lib]) {
        await Deno.mkdir(path, { recursive: true });
      }
      await Deno.writeTextFile(`${root}/etc/indimail/control/me`, "mx.example\n");
      await withCommand(root, new Life(Infinity), scenario.prepare);
      await replaceTree(root, before);
      const whole = new Life(Infinity);
      await withCommand(root, whole, scenario.run);
      assert(whole.operations > 5 && whole.operations < OPERATIONS_MAX, `${whole.operations} operations`);
      const done = await stateOf(root);
      for (let last = 1; last <= whole.operations; last++) {
        const why = `killed at operation ${last} of ${whole.operations}`;
        await replaceTree(before, root);
        const died = await withCommand(root, new Life(last), scenario.run).then(none, (error: Error) => error.message);
        assertMatch(died ?? "", /killed$/, why);
        await checkAccepted(root, why);
        const again = await withCommand(root, new Life(Infinity), scenario.run).then(
          none,
          (error: Error) => error.message,
        );
        assert(
          again === undefined || /exists already|does not exist|is a domain already/.test(again),
          `${why}: ${again}`,
        );
        assertEquals(await stateOf(root), done, why);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
