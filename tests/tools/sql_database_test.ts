/** sql-database and ctrlenv on a MariaDB server: assignments go into a table, and variables come out of it. */
import { assertEquals, assertMatch } from "../support/assert.ts";
import { SerialWorld } from "../support/serial_world.ts";
import { openMysql } from "../../storage/accounts/mysql.ts";
import { mariadbAvailable, startMariadb } from "../support/mariadb.ts";

if (!mariadbAvailable()) console.error("SKIPPED: sql-database on MariaDB, which is not installed");

Deno.test({
  name: "assignments go into a table and come out as variables",
  ignore: !mariadbAvailable(),
  async fn() {
    await using server = await startMariadb();
    await (await openMysql(server.settings, { createDatabase: true })).close();
    await using world = await SerialWorld.make();
    const { user, password, socketPath } = server.settings;
    const place = ["-s", socketPath!, "-u", user, "-p", password, "-d", server.settings.database, "-t", "keys_table"];
    const keys = `${world.folder}/control/keys`;
    await Deno.writeTextFile(keys, '# x\n=joe@a.test:A=1,B=2:\n=jim@a.test:it\'s "x":\n.\n=not@a.test:x:\n');
    const env = (name: string, ...args: string[]) => world.run("ctrlenv", ["-f", name, ...args, "env"]);
    const made = await world.run("sql-database", [...place, "keys"]);
    assertEquals([made.code, made.stdout], [0, "created file keys.sql\n2 rows affected\n"], made.stderr);
    assertMatch((await env("keys.sql", "-a", "joe@a.test")).stdout, /^A=1\nB=2$|^B=2[\s\S]*^A=1$|^A=1[\s\S]*^B=2$/m);
    assertMatch((await env("keys.sql", "-e", "V", "-a", "jim@a.test")).stdout, /^V=it's "x"$/m);
    assertEquals((await world.run("ctrlenv", ["-f", "keys.sql", "-a", "not@a.test", "sh", "-c", "exit 5"])).code, 5);
    await Deno.writeTextFile(keys, "=joe@a.test:A=9:\n");
    const twice = await world.run("sql-database", ["keys"]);
    assertEquals([twice.code, twice.stdout], [0, "0 rows affected\n"]);
    assertMatch(twice.stderr, /joe@a.test is in the table already/);
    assertEquals((await world.run("sql-database", ["-r", "keys"])).code, 0);
    assertMatch((await env("keys.sql", "-a", "joe@a.test")).stdout, /^A=9$/m);
    await server.stop();
    const gone = await env("keys.sql", "-a", "joe@a.test");
    assertEquals(gone.code, 111);
    assertMatch(gone.stderr, /sql-database could not look joe@a.test up/);
  },
});
