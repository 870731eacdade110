/**
 * A whole installation on MariaDB, behind the real fences: made, used, and outliving its database. By a Unix socket at a
 * place that no role's row names, and by TCP with TLS. Under `deno run`, or compiled when INDIMAIL_BIN is set.
 */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { command, eventually, Installation } from "../support/installation.ts";
import { type Mariadb, mariadbAvailable, startMariadb } from "../support/mariadb.ts";
import { openMysql } from "../../storage/accounts/mysql.ts";

/** An installation whose first start finds control/host.mysql. */
function installationOn(hostLine: string, env: Readonly<Record<string, string>> = {}): Promise<Installation> {
  return Installation.start({
    env,
    async prepare(root) {
      await Deno.mkdir(`${root}/etc/indimail/control`, { recursive: true });
      await Deno.writeTextFile(`${root}/etc/indimail/control/host.mysql`, `${hostLine}\n`);
    },
  });
}

function send(installation: Installation, to: string) {
  const { ports, domain } = installation;
  const server = ["--server", "127.0.0.1", "--port", String(ports.smtp)];
  return command("swaks", [...server, "--from", "a@elsewhere.example", "--to", `${to}@${domain}`]);
}

function read(installation: Installation, user: string, path = "INBOX;MAILINDEX=1") {
  const { ports, domain } = installation;
  const url = `imaps://127.0.0.1:${ports.imaps}/${path}`;
  return command("curl", ["-sSvk", "--user", `${user}@${domain}:secret`, url]);
}

async function receives(installation: Installation, user: string): Promise<void> {
  // the first connection to the database may take longer than a client waits: 451, and the sender tries again
  await eventually(`acceptance of mail for ${user}`, async () => {
    const sent = await send(installation, user);
    assert(sent.code === 0 || /<\*\* 451 /.test(sent.stdout), sent.stdout + installation.output);
    return sent.code === 0;
  });
  await eventually(`mail of ${user}`, async () => (await read(installation, user)).stdout.includes("This is a test"));
}

async function rolePids(installation: Installation): Promise<string> {
  const { roles } = JSON.parse(await installation.must("indimail", ["status", "--json"]));
  return roles.map(({ name, pid }: { name: string; pid: number }) => `${name} ${pid}`).join("\n");
}

async function outlivesDatabase(installation: Installation, server: Mariadb): Promise<void> {
  await installation.addUser("late", "secret");
  await installation.addUser("later", "secret");
  const before = await rolePids(installation);
  await server.stop();
  assertMatch((await send(installation, "late")).stdout, /<\*\* 451 4\.3\.0 the accounts cannot be read now/);
  const login = await read(installation, "late");
  assert(login.code !== 0);
  assertMatch(login.stderr, /NO \[UNAVAILABLE\]/);
  const refused = await installation.run("vadduser", [`more@${installation.domain}`, "secret"]);
  assertEquals(refused.code, 1, refused.stderr);
  assertMatch(refused.stderr, /database server/);
  await server.start();
  await receives(installation, "late");
  await receives(installation, "later");
  assertEquals(await rolePids(installation), before, "no role was restarted");
}

Deno.test({
  name: "an installation on MariaDB by a Unix socket outlives its database",
  ignore: !mariadbAvailable(),
  async fn(t) {
    await using server = await startMariadb();
    await using installation = await installationOn(`localhost:root::${server.settings.socketPath}:nossl`);
    await t.step("the first start made the tables there and no embedded database", async () => {
      assertMatch(installation.output, /postmaster@example\.test with password/);
      assertMatch(await installation.must("install_tables", []), /^table indimail on local database$/m);
      const database = await openMysql(server.settings);
      const rows = await database.query("SELECT pw_name FROM indimail WHERE pw_domain = ?", ["example.test"]);
      assertEquals(rows.map((row) => row["pw_name"]), ["postmaster"]);
      await database.close();
      const lib = [...Deno.readDirSync(`${installation.root}/var/indimail/lib`)].map(({ name }) => name);
      assertEquals(lib.filter((name) => name.includes("sqlite")), []);
    });
    await t.step("a second domain and its users get mail", async () => {
      await installation.must("vadddomain", ["second.test", "secret"]);
      await installation.addUser("ann", "secret");
      await receives(installation, "ann");
      assertMatch(await installation.must("vuserinfo", ["ann@example.test"]), /ann/);
      await installation.must("vdeldomain", ["second.test"]);
    });
    await t.step("while the database is away all answers are temporary", () => outlivesDatabase(installation, server));
  },
});

Deno.test({
  name: "an installation on MariaDB by TCP and TLS outlives its database",
  ignore: !mariadbAvailable(),
  async fn(t) {
    await using server = await startMariadb({ tcp: true });
    const database = await openMysql(server.settings, { createDatabase: true });
    await database.run("CREATE USER mail@'127.0.0.1' IDENTIFIED BY 'se-cret' REQUIRE SSL");
    await database.run("GRANT ALL ON indimail.* TO mail@'127.0.0.1'");
    await database.close();
    const line = `127.0.0.1:mail:se-cret:${server.port}:ssl`;
    const verified = { MYSQL_OPT_SSL_MODE: "VERIFY_CA", MYSQL_OPT_SSL_CA: server.caFile };
    await using installation = await installationOn(line, verified);
    await t.step("its users get mail", async () => {
      await installation.addUser("ann", "secret");
      await receives(installation, "ann");
    });
    await t.step("while the database is away all answers are temporary", () => outlivesDatabase(installation, server));
  },
});
