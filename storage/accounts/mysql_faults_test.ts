/** What a MySQL server does to those who ask it: each fault is Temporary, and the next statement works when it is over. */
import { assert, assertEquals, assertMatch, assertRejects } from "../../tests/support/assert.ts";
import { mariadbAvailable, startMariadb } from "../../tests/support/mariadb.ts";
import { startSlowProxy } from "../../tests/support/slow_proxy.ts";
import { Temporary } from "../../core/errors.ts";
import type { Database } from "./database.ts";
import { openMysql } from "./mysql.ts";

const QUESTIONS = 3000;
/** Eight of ours, and those that the proxy has not yet seen closed. */
const CONNECTIONS_MAX = 16;

async function idOf(database: Database): Promise<number> {
  return Number((await database.query("SELECT CONNECTION_ID() AS id"))[0]!["id"]);
}

async function works(database: Database): Promise<void> {
  assertEquals((await database.query("SELECT 1 AS one"))[0]!["one"], 1);
}

/** Waits until the server works on a statement of that connection that matches. */
async function underWay(root: Database, id: number, like: string): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    const rows = await root.query(
      "SELECT id FROM information_schema.processlist WHERE id = ? AND info LIKE ?",
      [id, like],
    );
    if (rows.length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`nothing like ${like} is under way`);
}

Deno.test({
  name: "connections killed, locked, read-only and too many: temporary, and mended by itself",
  ignore: !mariadbAvailable(),
  async fn(t) {
    await using server = await startMariadb();
    const root = await openMysql(server.settings, { createDatabase: true });
    await root.run("CREATE USER mail@localhost IDENTIFIED BY 'se-cret'");
    await root.run("GRANT ALL ON indimail.* TO mail@localhost");
    await root.run("CREATE TABLE indimail.numbers (id INT PRIMARY KEY, value INT NOT NULL) ENGINE=InnoDB");
    await root.run("INSERT INTO indimail.numbers VALUES (1, 1), (2, 2)");
    const settings = { ...server.settings, user: "mail", password: "se-cret" };
    const database = await openMysql(settings);

    await t.step("a connection that was killed at rest is not noticed by reads", async () => {
      await root.run(`KILL ${await idOf(database)}`);
      await works(database);
    });
    await t.step("a read is asked again when its connection is killed in the middle, a change is not", async () => {
      const id = await idOf(database);
      const reading = database.query("SELECT SLEEP(IF(CONNECTION_ID() = ?, 10, 0)) AS slept, CONNECTION_ID() AS id", [
        id,
      ]);
      await underWay(root, id, "SELECT SLEEP(IF%");
      await root.run(`KILL ${id}`);
      const [row] = await reading;
      assertEquals(row!["slept"], 0);
      assert(row!["id"] !== id, "by another connection");

      const writer = await idOf(database);
      const changing = assertRejects(
        () => database.run("UPDATE numbers SET value = 9 WHERE id = 1 AND SLEEP(10) = 0"),
        Temporary,
      );
      await underWay(root, writer, "%SLEEP(10)%");
      await root.run(`KILL ${writer}`);
      assertMatch((await changing).message, /^database server \S+\/socket: /);
      assertEquals((await database.query("SELECT value FROM numbers WHERE id = 1"))[0]!["value"], 1);
    });
    await t.step("a transaction whose connection is killed is undone", async () => {
      await assertRejects(() =>
        database.transaction(async (connection) => {
          await connection.run("UPDATE numbers SET value = 9 WHERE id = 1");
          const [row] = await connection.query("SELECT CONNECTION_ID() AS id");
          await root.run(`KILL ${row!["id"]}`);
          await connection.run("UPDATE numbers SET value = 9 WHERE id = 2");
        }), Temporary);
      assertEquals(await database.query("SELECT value FROM numbers ORDER BY id"), [{ value: 1 }, { value: 2 }]);
    });
    await t.step("a deadlock is settled by running one of the two again", async () => {
      let arrived = 0;
      let bothHold = () => {};
      const both = new Promise<void>((resolve) => bothHold = resolve);
      const cross = (first: number, second: number) =>
        database.transaction(async (connection) => {
          await connection.run("UPDATE numbers SET value = value + 10 WHERE id = ?", [first]);
          if (++arrived === 2) bothHold();
          await both;
          await connection.run("UPDATE numbers SET value = value + 10 WHERE id = ?", [second]);
        });
      await Promise.all([cross(1, 2), cross(2, 1)]);
      assert(arrived > 2, "one was run again");
      assertEquals(await database.query("SELECT value FROM numbers ORDER BY id"), [{ value: 21 }, { value: 22 }]);
    });
    await t.step(
      "a lock that is not given back fails in time, and the server does not go on waiting for it",
      async () => {
        const hasty = await openMysql({ ...settings, queryTimeoutMs: 1000 });
        await root.transaction(async (connection) => {
          await connection.run("UPDATE indimail.numbers SET value = 5 WHERE id = 1");
          await assertRejects(() => hasty.run("UPDATE numbers SET value = 6 WHERE id = 1"), Temporary);
          for (let tries = 0;; tries++) {
            const waiting = await root.query(
              "SELECT id FROM information_schema.processlist WHERE user = 'mail' AND info LIKE 'UPDATE%'",
            );
            if (waiting.length === 0) break;
            assert(tries < 300, "the server still works for one who is gone");
            await new Promise((resolve) => setTimeout(resolve, 10));
          }
        });
        await works(hasty);
        assertEquals((await hasty.query("SELECT value FROM numbers WHERE id = 1"))[0]!["value"], 5);
        await hasty.close();
      },
    );
    await t.step("a server that only reads refuses changes for now", async () => {
      await root.run("SET GLOBAL read_only = 1");
      const refused = await assertRejects(() => database.run("UPDATE numbers SET value = 7 WHERE id = 2"), Temporary);
      assertMatch(refused.message, /read.only/i);
      await works(database);
      await root.run("SET GLOBAL read_only = 0");
      assertEquals(await database.run("UPDATE numbers SET value = 7 WHERE id = 2"), 1);
    });
    await t.step("too many connections: others wait until there is room", async () => {
      await root.run("SET GLOBAL max_connections = 10");
      const fillers = [await openMysql(settings), await openMysql(settings)];
      const sleeping = fillers.flatMap((one) => Array.from({ length: 8 }, () => one.query("SELECT SLEEP(1)")));
      const ended = Promise.allSettled(sleeping);
      let refused = "";
      for (let tries = 0; refused === ""; tries++) {
        assert(tries < 500, "the server is full");
        const other = await openMysql(settings);
        await works(other).catch((error: Temporary) => refused = error.message);
        await other.close();
      }
      assertMatch(refused, /^database server \S+: Too many connections$/);
      await ended;
      for (const one of fillers) await one.close();
      await root.run("SET GLOBAL max_connections = 151");
      await works(database);
    });
    await t.step("settings that were mended count when the database is opened again", async () => {
      const mended = await openMysql({ ...settings, password: "not-se-cret" }, { reread: () => settings });
      await assertRejects(() => works(mended), Temporary);
      await mended.reopen();
      await works(mended);
      await mended.close();
    });
    await t.step("a wrong password is not shown", async () => {
      const wrong = await openMysql({ ...settings, password: "not-se-cret" });
      const refused = await assertRejects(() => works(wrong), Temporary);
      assertMatch(refused.message, /Access denied for user 'mail'@'localhost' \(using password: YES\)$/);
      await wrong.close();
    });
    await database.close();
    await root.close();
  },
});

Deno.test({
  name: "a server that answers late: as many connections as ever, and all questions end in time",
  ignore: !mariadbAvailable(),
  async fn() {
    await using server = await startMariadb({ tcp: true });
    const root = await openMysql(server.settings, { createDatabase: true });
    await root.run("CREATE USER mail@'127.0.0.1' IDENTIFIED BY 'se-cret'");
    await root.run("GRANT ALL ON indimail.* TO mail@'127.0.0.1'");
    await using proxy = await startSlowProxy(server.port);
    const { socketPath: _socket, ...network } = server.settings;
    const database = await openMysql({
      ...network,
      host: "127.0.0.1",
      port: proxy.port,
      user: "mail",
      password: "se-cret",
      connectTimeoutMs: 500,
      queryTimeoutMs: 500,
    });
    await works(database);
    proxy.delay(5000);
    const asked = await Promise.allSettled(Array.from({ length: QUESTIONS }, () => works(database)));
    assert(asked.every((one) => one.status === "rejected" && one.reason instanceof Temporary));
    proxy.delay(0);
    await works(database);
    assert(proxy.openMax <= CONNECTIONS_MAX, `${proxy.openMax} connections`);
    await database.close();
    await root.close();
  },
});

Deno.test({
  name: "closing does not wait for a server that says nothing",
  ignore: !mariadbAvailable(),
  async fn() {
    await using server = await startMariadb();
    const root = await openMysql(server.settings, { createDatabase: true });
    await root.close();
    const database = await openMysql({ ...server.settings, connectTimeoutMs: 500, queryTimeoutMs: 500 });
    await works(database);
    server.freeze(true);
    const asked = assertRejects(() => works(database), Temporary);
    await database.close();
    await asked;
    server.freeze(false);
    await works(database); // it opens again
    await database.close();
  },
});
