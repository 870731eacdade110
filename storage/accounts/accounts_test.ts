/** One suite for every table on both drivers: the embedded database and MariaDB. */
import { assert, assertEquals, assertRejects } from "../../tests/support/assert.ts";
import { mariadbAvailable, startMariadb } from "../../tests/support/mariadb.ts";
import { Permanent } from "../../core/errors.ts";
import { Accounts } from "./accounts.ts";
import { type Database, DuplicateRow, timestampText } from "./database.ts";
import { DIR_CONTROL_START } from "./tables/dir_control.ts";
import { addDomainIndexes, createTables, upgradeSchema } from "./tables/ischema.ts";
import { openMysql } from "./mysql.ts";
import { openSqlite } from "./sqlite.ts";
import { USER_FLAGS, type UserRow } from "./users.ts";
import { limitFlags, LIMITS_DEFAULT } from "./tables/vlimits.ts";

const USER: UserRow = {
  name: "alice",
  domain: "example.org",
  password: "$6$salt$hash",
  uid: 0,
  flags: 0,
  gecos: "Alice O'Hara; ünïcode",
  home: "/home/mail/A2E/example.org/alice",
  quota: "5242880S,1000C",
  scram: "{CRAM}secret",
  inactive: false,
};

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

type Step = (name: string, work: (accounts: Accounts) => Promise<void>) => Promise<boolean>;

async function usersSuite(step: Step): Promise<void> {
  await step("a user is found as it was added, and only once", async ({ users }) => {
    assertEquals(await users.find("alice", "example.org"), undefined);
    assertEquals(await users.add(USER), "added");
    assertEquals(await users.find("alice", "example.org"), USER);
    assertEquals(await users.add(USER), "exists");
    assertEquals(await users.add({ ...USER, inactive: true }), "exists");
    assertEquals(await users.find("alice", "example.net"), undefined);
    assertEquals(await users.find("' OR '1'='1", "example.org"), undefined);
  });
  await step("changes touch what they name", async ({ users }) => {
    assertEquals(await users.update("alice", "example.org", { quota: "NOQUOTA", scram: "" }), true);
    assertEquals(await users.find("alice", "example.org"), { ...USER, quota: "NOQUOTA", scram: "" });
    assertEquals(await users.update("nobody", "example.org", { quota: "NOQUOTA" }), false);
    assertEquals(await users.update("alice", "example.org", {}), true);
    await users.setFlags("alice", "example.org", { set: USER_FLAGS.noPop | USER_FLAGS.bounceMail });
    await users.setFlags("alice", "example.org", { clear: USER_FLAGS.bounceMail });
    assertEquals((await users.find("alice", "example.org"))?.flags, USER_FLAGS.noPop);
    assertEquals(await users.setFlags("nobody", "example.org", { set: 1 }), false);
  });
  await step("a user moves between the tables and stays whole", async ({ users }) => {
    const before = await users.find("alice", "example.org");
    assertEquals(await users.setInactive("alice", "example.org", true), true);
    assertEquals(await users.find("alice", "example.org"), { ...before!, inactive: true });
    assertEquals(await users.update("alice", "example.org", { gecos: "x" }), true);
    assertEquals(await users.count("example.org"), { active: 0, inactive: 1 });
    assertEquals(await users.setInactive("alice", "example.org", true), true);
    assertEquals(await users.setInactive("alice", "example.org", false), true);
    assertEquals((await users.find("alice", "example.org"))?.inactive, false);
    assertEquals(await users.setInactive("nobody", "example.org", false), false);
  });
  await step("values that do not fit are refused for good", async ({ users }) => {
    await assertRejects(() => users.add({ ...USER, name: "n".repeat(41) }), Permanent);
    await assertRejects(() => users.update("alice", "example.org", { quota: "9".repeat(31) }), Permanent);
  });
  await step("all users come in pages, in order, of one domain or of all", async ({ users, database }) => {
    await database.transaction(async (on) => {
      for (let at = 0; at < 2100; at++) {
        const domain = at % 3 === 0 ? "many.example" : "more.example";
        await on.run(
          "INSERT INTO indimail (pw_name, pw_domain, pw_passwd, pw_gecos) VALUES (?, ?, 'x', '')",
          [`u${String(at).padStart(5, "0")}`, domain],
        );
      }
    });
    const many = await collect(users.list("many.example"));
    assertEquals(many.length, 700);
    assertEquals(many.map((user) => user.name), many.map((user) => user.name).toSorted());
    assertEquals((await collect(users.list())).length, 2101);
    assertEquals(await users.removeDomain("many.example"), 700);
    assertEquals(await users.removeDomain("more.example"), 1400);
  });
  await step("a removed user is gone", async ({ users }) => {
    assertEquals(await users.remove("alice", "example.org"), true);
    assertEquals(await users.remove("alice", "example.org"), false);
  });
}

async function domainSuite(step: Step): Promise<void> {
  await step("alias lines keep one of each and can be replaced and removed", async ({ aliases }) => {
    assertEquals(await aliases.lines("info", "example.org"), []);
    assertEquals(await aliases.add("info", "example.org", "&a@example.org"), "added");
    assertEquals(await aliases.add("info", "example.org", "&b@example.org"), "added");
    assertEquals(await aliases.add("info", "example.org", "&b@example.org"), "exists");
    assertEquals(await aliases.replace("info", "example.org", { from: "&b@example.org", to: "|cat" }), true);
    assertEquals(await aliases.replace("info", "example.org", { from: "&b@example.org", to: "|cat" }), false);
    assertEquals([...await aliases.lines("info", "example.org")].sort(), ["&a@example.org", "|cat"]);
    assertEquals((await aliases.list("example.org")).length, 2);
    assertEquals(await aliases.remove("info", "example.org", "|cat"), 1);
    assertEquals(await aliases.remove("info", "example.org"), 1);
    assertEquals(await aliases.removeDomain("example.org"), 0);
  });
  await step("limits of a user win over those of the domain and over the defaults", async ({ limits }) => {
    assertEquals(await limits.of("alice", "example.org"), LIMITS_DEFAULT);
    await limits.set("example.org", { ...LIMITS_DEFAULT, disable_pop: 1, defaultquota: 5_000_000_000 });
    assertEquals((await limits.of("alice", "example.org")).defaultquota, 5_000_000_000);
    await limits.set("alice@example.org", { ...LIMITS_DEFAULT, disable_dialup: 1 });
    assertEquals(limitFlags(await limits.of("alice", "example.org")), USER_FLAGS.noDialup);
    assertEquals(limitFlags(await limits.of("bob", "example.org")), USER_FLAGS.noPop);
    assertEquals(await limits.row("bob@example.org"), undefined);
    assertEquals(await limits.remove("alice@example.org"), true);
    assertEquals(await limits.remove("alice@example.org"), false);
  });
  await step("quota observations are kept and forgotten", async ({ quotas }) => {
    await quotas.set("alice", "example.org", 5_000_000_000);
    await quotas.set("alice", "example.org", 6_000_000_000);
    assertEquals(await quotas.find("alice", "example.org"), 6_000_000_000);
    await quotas.remove("alice", "example.org");
    assertEquals(await quotas.find("alice", "example.org"), undefined);
  });
  await step("directory states change as one transaction", async ({ dirControls }) => {
    assertEquals(await dirControls.find("_home_A2E", "example.org"), DIR_CONTROL_START);
    const add = () =>
      dirControls.change("_home_A2E", "example.org", (state) => ({
        state: { ...state, users: state.users + 1, index: [1, 2, 3], directory: "0/1" },
        result: state.users,
      }));
    const seen = await Promise.all([add(), add(), add()]);
    assertEquals(seen.toSorted(), [0, 1, 2]);
    const state = await dirControls.find("_home_A2E", "example.org");
    assertEquals(state, { ...DIR_CONTROL_START, users: 3, index: [1, 2, 3], directory: "0/1" });
    await dirControls.remove("_home_A2E", "example.org");
    assertEquals((await dirControls.find("_home_A2E", "example.org")).users, 0);
  });
  await step("the least used file system gets the next user", async ({ fileSystems }) => {
    const one = { host: "h", online: true, bytesMax: 0, bytes: 0 };
    await fileSystems.set({ ...one, filesystem: "/a", usersMax: 10, users: 5 });
    await fileSystems.set({ ...one, filesystem: "/b", usersMax: 100, users: 20 });
    await fileSystems.set({ ...one, filesystem: "/c", usersMax: 100, users: 1, online: false });
    assertEquals((await fileSystems.leastUsed("h"))?.filesystem, "/b");
    await fileSystems.count("/b", "h", { users: 70, bytes: 10 });
    assertEquals((await fileSystems.leastUsed("h"))?.filesystem, "/a");
    assertEquals((await fileSystems.list()).length, 3);
    assertEquals((await fileSystems.list("other")).length, 0);
    assertEquals(await fileSystems.remove("/a", "h"), true);
    assertEquals(await fileSystems.remove("/a", "h"), false);
  });
}

async function smallTablesSuite(step: Step): Promise<void> {
  await step("relay grants are asked by address, user and age", async ({ relay }) => {
    await relay.add({ email: "alice@example.org", ipAddress: "192.0.2.1", seconds: 1000 });
    await relay.add({ email: "alice@example.org", ipAddress: "192.0.2.1", seconds: 2000 });
    assertEquals(await relay.permitted("192.0.2.1", { sinceSeconds: 1500 }), true);
    assertEquals(await relay.permitted("192.0.2.1", { email: "alice@example.org", sinceSeconds: 1500 }), true);
    assertEquals(await relay.permitted("192.0.2.1", { email: "bob@example.org", sinceSeconds: 1500 }), false);
    assertEquals(await relay.permitted("192.0.2.1", { sinceSeconds: 2000 }), false);
    assertEquals((await relay.list(0)).length, 1);
    await relay.remove("bob@example.org");
    assertEquals(await relay.removeOlder(2000), 1);
  });
  await step("the last event of each service stays", async ({ lastauth }) => {
    const event = {
      user: "alice",
      domain: "example.org",
      remoteIp: "::1",
      quotaBytes: 5_000_000_000,
      gecos: "A",
    } as const;
    await lastauth.write([]);
    await lastauth.write([
      { ...event, service: "imap", seconds: 1_700_000_000 },
      { ...event, service: "pop3", seconds: 1_700_000_100 },
      { ...event, service: "imap", seconds: 1_700_000_200 },
    ]);
    const events = await lastauth.find("alice", "example.org");
    assertEquals(events.map((one) => [one.service, one.seconds]), [["imap", 1_700_000_200], ["pop3", 1_700_000_100]]);
    assertEquals(events[0]?.quotaBytes, 2147483647);
    await lastauth.remove("alice", "example.org");
    assertEquals(await lastauth.find("alice", "example.org"), []);
  });
  await step("IP addresses map to domains", async ({ ipAliases }) => {
    await ipAliases.set("192.0.2.1", "a.example");
    await ipAliases.set("192.0.2.1", "b.example");
    assertEquals(await ipAliases.find("192.0.2.1"), "b.example");
    assertEquals(await ipAliases.list(), [{ ipAddress: "192.0.2.1", domain: "b.example" }]);
    assertEquals(await ipAliases.remove("192.0.2.1"), true);
    assertEquals(await ipAliases.find("192.0.2.1"), undefined);
  });
  await step("filter rules keep number and content unique", async ({ filters }) => {
    const rule = { name: "r", header: 2, comparison: 1, keyword: "spam", destination: "Junk", bounceAction: "0" };
    const address = "alice@example.org";
    assertEquals(await filters.add({ ...rule, address, number: await filters.freeNumber(address) }), "added");
    assertEquals(await filters.add({ ...rule, address, number: 1 }), "exists");
    assertEquals(await filters.add({ ...rule, address, number: 1, keyword: "ham" }), "added");
    await filters.set({ ...rule, address, number: 1, keyword: "eggs" });
    assertEquals((await filters.list(address)).map((one) => one.keyword), ["spam", "eggs"]);
    assertEquals(await filters.remove(address, 0), 1);
    assertEquals(await filters.freeNumber(address), 0);
    assertEquals(await filters.remove(address), 1);
  });
  await step("logins are logged without their passwords", async ({ loginLog, database }) => {
    const record = { user: "alice", domain: "example.org", logon: "alice", remoteIp: "::1", message: "ok", code: 2 };
    await loginLog.add(record);
    await loginLog.add({ ...record, message: "m".repeat(300) });
    const [newest] = await loginLog.list("alice", "example.org", 1);
    assertEquals(newest?.message.length, 254);
    assertEquals((await database.query("SELECT DISTINCT passwd FROM vlog")).map((row) => row["passwd"]), [""]);
    assertEquals(await loginLog.removeOlder(timestampText(4_000_000_00)), 0);
  });
  await step("bulletins wait for their users", async ({ bulletins }) => {
    await bulletins.add("a@example.org", "one.txt");
    await bulletins.add("a@example.org", "two.txt");
    await bulletins.remove("a@example.org", "one.txt");
    assertEquals(await bulletins.list("a@example.org"), ["two.txt"]);
    await bulletins.remove("a@example.org");
    assertEquals(await bulletins.list("a@example.org"), []);
  });
  await step("ATRN domains are listed by user", async ({ atrn }) => {
    assertEquals(await atrn.add("alice", "example.org", "x.example"), "added");
    assertEquals(await atrn.add("alice", "example.org", "x.example"), "exists");
    assertEquals(await atrn.add("alice", "example.org", "y.example"), "added");
    assertEquals(await atrn.list("alice", "example.org"), ["x.example", "y.example"]);
    assertEquals(await atrn.remove("alice", "example.org", "x.example"), 1);
    assertEquals(await atrn.remove("alice", "example.org"), 1);
  });
}

async function databaseSuite(step: Step): Promise<void> {
  await step("a failed transaction leaves nothing, and others wait for it", async ({ database, users }) => {
    const failing = database.transaction(async (on) => {
      await on.run("INSERT INTO ip_alias_map (ipaddr, domain) VALUES ('192.0.2.9', 'x')");
      await on.run("INSERT INTO ip_alias_map (ipaddr, domain) VALUES ('192.0.2.9', 'y')");
    });
    const [refused] = await Promise.allSettled([failing, users.add(USER)]);
    assert(refused.status === "rejected" && refused.reason instanceof DuplicateRow);
    assertEquals((await database.query("SELECT * FROM ip_alias_map")).length, 0);
    assertEquals(await users.remove("alice", "example.org"), true);
  });
  await step("a table may be missing inside a transaction", async ({ database }) => {
    await database.run("DROP TABLE bulkmail");
    await database.transaction(async (on) => {
      await on.run("INSERT INTO ip_alias_map (ipaddr, domain) VALUES ('192.0.2.8', 'x')");
      await on.run("INSERT INTO bulkmail (emailid, filename) VALUES ('a', 'b')");
    });
    assertEquals((await database.query("SELECT * FROM ip_alias_map")).length, 1);
    assertEquals((await database.query("SELECT * FROM bulkmail")).length, 1);
  });
  await step("an unknown table is an error and not a loop", async ({ database }) => {
    await assertRejects(() => database.query("SELECT * FROM no_such_table_of_ours"), Error);
  });
  await step("a change moves the timestamp", async ({ database }) => {
    await database.run("INSERT INTO aliasdomain (alias, domain, timestamp) VALUES ('a', 'b', '2001-01-01 00:00:00')");
    await database.run("UPDATE aliasdomain SET domain = 'c'");
    const [row] = await database.query("SELECT timestamp FROM aliasdomain");
    assert(String(row?.["timestamp"]) > "2020");
  });
  await step("all tables can be made at once, and again", async ({ database }) => {
    assert((await createTables(database)).includes("vlimits"));
    await createTables(database);
    assertEquals(await upgradeSchema(database), []);
    assertEquals((await database.query("SELECT id FROM ischema")).length, 8);
  });
  await step("users of a domain have an index, which an older table gets once", async ({ database, tables }) => {
    assertEquals(await addDomainIndexes(database, tables), []);
    const drop = database.kind === "mysql"
      ? "DROP INDEX pw_domain ON indimail"
      : "DROP INDEX indimail_pw_domain_pw_name";
    await database.run(drop);
    assertEquals(await addDomainIndexes(database, tables), ["indimail"]);
    assertEquals(await addDomainIndexes(database, tables), []);
    const plan = await database.query("EXPLAIN SELECT COUNT(*) FROM indibak WHERE pw_domain = 'example.org'");
    if (database.kind === "mysql") assertEquals(plan[0]?.["key"], "pw_domain");
  });
  await step("the database opens again after reopen", async ({ database }) => {
    await database.reopen();
    assertEquals((await database.query("SELECT COUNT(*) AS n FROM ischema"))[0]?.["n"], 8);
  });
}

async function suite(t: Deno.TestContext, database: Database): Promise<void> {
  const accounts = new Accounts(database);
  const step: Step = (name, work) => t.step(name, () => work(accounts));
  try {
    await usersSuite(step);
    await domainSuite(step);
    await smallTablesSuite(step);
    await databaseSuite(step);
  } finally {
    await accounts.close();
  }
}

Deno.test("the accounts work on the embedded database", async (t) => {
  const folder = await Deno.makeTempDir();
  try {
    await suite(t, openSqlite(`${folder}/accounts.sqlite`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test({
  name: "the accounts work on MariaDB",
  ignore: !mariadbAvailable(),
  async fn(t) {
    await using server = await startMariadb();
    await suite(t, await openMysql(server.settings, { createDatabase: true }));
  },
});
