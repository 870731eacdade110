/** Snapshots on both drivers: one moment, whatever is written meanwhile; exact numbers; a database that is not there. */
import { assert, assertEquals, assertRejects } from "../../tests/support/assert.ts";
import { mariadbAvailable, startMariadb } from "../../tests/support/mariadb.ts";
import { Permanent, Temporary } from "../../core/errors.ts";
import type { Database, Row } from "./database.ts";
import { openMysql } from "./mysql.ts";
import { openMysqlSnapshot, openSqliteSnapshot, type Snapshot } from "./snapshot.ts";
import { openSqlite } from "./sqlite.ts";

const ROWS = 2000;

async function all(snapshot: Snapshot, sql: string, values: readonly string[] = []): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const batch of snapshot.rows(sql, values)) rows.push(...batch);
  return rows;
}

async function fill(database: Database, from: number): Promise<void> {
  await database.transaction(async (on) => {
    for (let at = from; at < from + ROWS; at++) {
      await on.run("INSERT INTO userquota (user, domain, quota) VALUES (?, 'a.test', ?)", [`u${at}`, at]);
    }
  });
}

async function isOneMoment(database: Database, open: () => Promise<Snapshot>): Promise<void> {
  await fill(database, 0);
  await database.run("INSERT INTO userquota (user, domain, quota) VALUES ('most', 'b.test', '9223372036854775807')");
  const snapshot = await open();
  try {
    await fill(database, ROWS);
    await database.run("DELETE FROM userquota WHERE user = 'u1'");
    const sql = "SELECT user, quota FROM userquota WHERE domain = ? ORDER BY quota";
    const rows = await all(snapshot, sql, ["a.test"]);
    assertEquals([rows.length, rows[1]?.["user"], rows[1]?.["quota"]], [ROWS, "u1", 1]);
    assertEquals((await all(snapshot, sql, ["b.test"]))[0]?.["quota"], "9223372036854775807");
    assert(snapshot.tables.has("userquota"));
    assertEquals(await snapshot.columns("userquota"), ["user", "domain", "quota", "timestamp"]);
    assertEquals(await snapshot.columns("nowhere"), []);
    for await (const batch of snapshot.rows(sql, ["a.test"])) {
      assert(batch.length < ROWS, "all rows at once");
      break; // the rest is not wanted
    }
    await assertRejects(() => all(snapshot, "SELECT * FROM nowhere"), Temporary);
  } finally {
    await snapshot.close();
  }
}

Deno.test("a snapshot of the embedded database is of one moment", async () => {
  const path = await Deno.makeTempFile();
  const database = openSqlite(path);
  try {
    await isOneMoment(database, () => Promise.resolve(openSqliteSnapshot(path)));
    await database.run("INSERT INTO valias (alias, domain, valias_line) VALUES ('a', 'b', CAST('x' AS BLOB))");
    const snapshot = openSqliteSnapshot(path);
    await assertRejects(() => all(snapshot, "SELECT valias_line FROM valias"), Permanent, "holds bytes and not text");
    await snapshot.close();
  } finally {
    await database.close();
    for (const end of ["", "-wal", "-shm"]) await Deno.remove(path + end).catch(() => undefined);
  }
  await assertRejects(() => Promise.resolve().then(() => openSqliteSnapshot(path)), Temporary, "there is no database");
});

Deno.test({
  name: "a snapshot of a MariaDB database is of one moment",
  ignore: !mariadbAvailable(),
  async fn() {
    await using server = await startMariadb();
    const database = await openMysql(server.settings, { createDatabase: true });
    try {
      await isOneMoment(database, () => openMysqlSnapshot(server.settings));
      await server.stop();
      await assertRejects(() => openMysqlSnapshot(server.settings), Temporary, "database server");
    } finally {
      await database.close();
    }
  },
});
