/**
 * nssd as a program, on SQLite and on MariaDB: asked by nssd-getent and, as root on a host with libnss-systemd, by getent(1)
 * of the C library; reloaded, and with a database that goes away and comes back.
 */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { command, eventually } from "../support/installation.ts";
import { mariadbAvailable, startMariadb } from "../support/mariadb.ts";
import { Nssd } from "../support/nssd.ts";
import type { Database } from "../../storage/accounts/database.ts";
import { openMysql } from "../../storage/accounts/mysql.ts";
import { openSqlite } from "../../storage/accounts/sqlite.ts";

/** Where nss-systemd looks for services. */
const USERDB = "/run/systemd/userdb";

const STATEMENTS = `getpwnam  SELECT name, 'x', uid, 700, gecos, home, shell FROM people \\
          WHERE name='%1$s' AND domain='%2$s' LIMIT 1
getpwuid  SELECT name, 'x', uid, 700, gecos, home, shell FROM people WHERE uid='%1$s' LIMIT 1
getpwent  SELECT name, 'x', uid, 700, gecos, home, shell FROM people ORDER BY uid
getspnam  SELECT name, hash, '1', '0', '99999', '0', '0', '-1', '0' FROM people WHERE name='%1$s' AND domain='%2$s'
getspent  SELECT name, hash, '1', '0', '99999', '0', '0', '-1', '0' FROM people ORDER BY uid
getgrnam  SELECT name, 'x', gid FROM teams WHERE name='%1$s'
getgrgid  SELECT name, 'x', gid FROM teams WHERE gid='%1$s'
getgrent  SELECT name, 'x', gid FROM teams
memsbygid SELECT name FROM members WHERE gid='%1$s' ORDER BY name
gidsbymem SELECT gid FROM members WHERE name='%1$s'
`;

async function fill(database: Database): Promise<void> {
  const statements = [
    "CREATE TABLE people (name VARCHAR(40), domain VARCHAR(60), uid INT, gecos VARCHAR(60), home VARCHAR(90), " +
    "shell VARCHAR(40), hash VARCHAR(128))",
    "CREATE TABLE teams (name VARCHAR(40), gid INT)",
    "CREATE TABLE members (name VARCHAR(40), gid INT)",
    "INSERT INTO people VALUES ('imalice', 'mail.test', 790101, 'Alice: A', '/home/alice', '/bin/sh', '$6$s$alice')",
    "INSERT INTO people VALUES ('imbob', 'mail.test', 790102, 'Bob', '/home/bob', 'NOQUOTA', '$6$s$bob')",
    "INSERT INTO people VALUES ('im''quote', 'mail.test', 790103, '', '/home/q', '/bin/sh', '!')",
    "INSERT INTO teams VALUES ('imteam', 790900)",
    "INSERT INTO members VALUES ('imalice', 790900), ('imbob', 790900)",
  ];
  for (const sql of statements) await database.run(sql);
}

const PASSWD = "imalice:x:790101:700:Alice  A:/home/alice:/bin/sh\nimbob:x:790102:700:Bob:/home/bob:NOQUOTA\n" +
  "im'quote:x:790103:700::/home/q:/bin/sh\n";

async function checkAnswers(nssd: Nssd): Promise<void> {
  assertEquals(await nssd.getent("passwd"), { code: 0, stdout: PASSWD, stderr: "" });
  const some = await nssd.getent("passwd", "imalice@mail.test", "im'quote", "790102", "carol");
  const [alice, bob, quote] = PASSWD.split("\n");
  assertEquals([some.code, some.stdout], [2, `${alice}\n${quote}\n${bob}\n`]);
  assertEquals((await nssd.getent("passwd", "imalice@other.test", "x' or '1'='1")).stdout, "");
  assertEquals((await nssd.getent("group", "imteam")).stdout, "imteam:x:790900:imalice,imbob\n");
  assertEquals((await nssd.getent("initgroups", "imbob")).stdout, `${"imbob".padEnd(21)} 790900\n`);
  const shadow = (await nssd.getent("shadow", "imalice")).stdout;
  assertEquals(shadow, Deno.uid() === 0 ? "imalice:$6$s$alice:1:0:99999:0:0::0\n" : "");
}

async function prepareSqlite(root: string): Promise<void> {
  const database = openSqlite(`${root}/var/indimail/lib/names.sqlite`);
  await fill(database);
  await database.close();
}

const SQLITE = "database $ROOT/var/indimail/lib/names.sqlite\n";

Deno.test("nssd answers from SQLite, rereads its file on HUP, and keeps what holds when the new one is wrong", async () => {
  await using nssd = await Nssd.start(STATEMENTS + SQLITE, { prepare: prepareSqlite });
  await checkAnswers(nssd);
  const file = `${nssd.root}/etc/indimail/nssd.conf`;
  const before = await Deno.readTextFile(file);
  await Deno.writeTextFile(file, "threads none\n");
  nssd.reload();
  await eventually("a wrong file is refused", () => nssd.log.includes("not read again"));
  assertMatch(nssd.log, /nssd: alert: .*nssd\.conf: threads: none is not a number/);
  assertEquals((await nssd.getent("passwd", "imbob")).code, 0);
  await Deno.writeTextFile(
    file,
    before.replace(/^getpwent.*$/m, "getpwent SELECT 'only', 'x', 5, 5, '', '/', '/bin/sh'"),
  );
  nssd.reload();
  await eventually("the new file holds", () => /nssd\.conf read again/.test(nssd.log));
  assertEquals((await nssd.getent("passwd")).stdout, "only:x:5:5::/:/bin/sh\n");
});

/** nss-systemd in the lines passwd and group of this host, and a folder where services may be added. */
function canUseSystemd(): boolean {
  let asked = "";
  try {
    asked = Deno.readTextFileSync("/etc/nsswitch.conf");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const can = Deno.uid() === 0 && /^passwd:.*\bsystemd\b/m.test(asked) && /^group:.*\bsystemd\b/m.test(asked);
  if (!can) console.error("SKIPPED: nssd asked by the C library, which needs root and libnss-systemd in nsswitch.conf");
  return can;
}

/** What getent(1) and id(1) find through a socket, which is made there or linked to from there. */
async function checkSystemd(socket: string, link?: (root: string) => Promise<void>): Promise<void> {
  const prepare = async (root: string) => {
    await prepareSqlite(root);
    await link?.(root);
  };
  await using nssd = await Nssd.start(`${STATEMENTS}${SQLITE}userdb ${socket}\n`, { prepare });
  const ask = async (...args: readonly string[]) => (await command("getent", args)).stdout;
  assertEquals(await ask("passwd", "imalice"), "imalice:x:790101:700:Alice  A:/home/alice:/bin/sh\n");
  const whole = await ask("passwd", "imalice@mail.test");
  assertEquals(whole, "imalice@mail.test:x:790101:700:Alice  A:/home/alice:/bin/sh\n");
  assertEquals(await ask("passwd", "790102"), "imbob:x:790102:700:Bob:/home/bob:/usr/sbin/nologin\n");
  assert((await ask("passwd")).includes("\nimalice:x:790101:"));
  assertEquals(await ask("passwd", "imcarol"), "");
  assertEquals(await ask("group", "imteam"), "imteam:x:790900:imalice,imbob\n");
  assertEquals(await ask("initgroups", "imbob"), `${"imbob".padEnd(21)} 790900\n`);
  assertMatch(await ask("shadow", "imalice"), /^imalice:\$6\$s\$alice:1:/);
  assertMatch((await command("id", ["imbob"])).stdout, /^uid=790102\(imbob\) gid=700 groups=700,790900\(imteam\)$/m);
  assert(nssd.log.includes("getpwnam"));
}

Deno.test({
  name: "the C library finds nssd's users and groups through systemd's module",
  ignore: !canUseSystemd(),
  async fn() {
    const made = await Deno.mkdir("/run/systemd").then(() => true, () => false);
    const madeUserdb = await Deno.mkdir(USERDB).then(() => true, () => false);
    const service = `io.indimail.test${Deno.pid}`;
    const linked = `${USERDB}/${service}`;
    try {
      await checkSystemd(linked);
      await checkSystemd(`$ROOT/run/indimail/${service}`, async (root) => {
        await Deno.symlink(`${root}/run/indimail/${service}`, linked);
      });
    } finally {
      await Deno.remove(linked).catch(() => undefined); // not there when the first check failed
      if (madeUserdb) await Deno.remove(USERDB, { recursive: true });
      if (made) await Deno.remove("/run/systemd");
    }
  },
});

Deno.test({
  name: "nssd answers from MariaDB, finds nothing while it is slow or down, and answers again without a restart",
  ignore: !mariadbAvailable(),
  async fn() {
    await using mariadb = await startMariadb({ tcp: true });
    const { socketPath } = mariadb.settings;
    const database = await openMysql(mariadb.settings, { createDatabase: true });
    await fill(database);
    await database.run("CREATE USER 'asker'@'%' IDENTIFIED BY 'a secret'");
    for (const table of ["people", "teams", "members"]) await database.run(`GRANT SELECT ON ${table} TO 'asker'@'%'`);
    await database.close();
    {
      const tcp = `host 127.0.0.1\nport ${mariadb.port}\nusername asker\npassword a secret\ndatabase indimail\n`;
      await using byTcp = await Nssd.start(STATEMENTS + tcp);
      assertEquals((await byTcp.getent("passwd", "imalice")).stdout, `${PASSWD.split("\n")[0]}\n`);
    }
    const reach = `host localhost\nusername root\ndatabase indimail\nsocket ${socketPath}\ntimeout 1\n`;
    await using nssd = await Nssd.start(STATEMENTS + reach, { folder: "elsewhere" });
    await checkAnswers(nssd);
    mariadb.freeze(true);
    assertEquals((await nssd.getent("passwd", "imbob")).code, 2);
    mariadb.freeze(false);
    await eventually("it goes on", async () => (await nssd.getent("passwd", "imbob")).code === 0);
    await mariadb.stop();
    assertEquals((await nssd.getent("passwd", "imalice")).code, 2);
    await eventually("the log says why", () => /nssd: alert: passwdByName "imalice": database server/.test(nssd.log));
    await mariadb.start();
    assertEquals((await nssd.getent("passwd", "imalice")).code, 0);
  },
});
