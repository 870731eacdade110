/**
 * pam-checkpwd and pam-multi on a real PAM stack (Linux-PAM with pam_exec.so, pam_debug.so): services in a folder of the
 * test, passwords found by statements, commands and our own accounts, refusals told from trouble.
 */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { command, type CommandResult } from "../support/installation.ts";
import { mariadbAvailable, startMariadb } from "../support/mariadb.ts";
import { ownProgram, writeOwnScript } from "../support/own_program.ts";
import { canHaveRootNamespace } from "../support/root_namespace.ts";
import { makeSite, type Site } from "../support/site.ts";
import { startLookup } from "../../servers/lookup/testing.ts";
import { openMysql } from "../../storage/accounts/mysql.ts";
import { hashPassword } from "../../storage/accounts/passwords.ts";
import { openSqlite } from "../../storage/accounts/sqlite.ts";

const PROGRAM = ownProgram();

function hasPamExec(): boolean {
  const folders = ["/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/lib64", "/lib"];
  for (const folder of folders) {
    try {
      if (Deno.statSync(`${folder}/security/pam_exec.so`).isFile) return true;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  console.error("SKIPPED: tests on PAM, since pam_exec.so is not there (Debian: libpam-modules)");
  return false;
}

const ignore = !hasPamExec();

/** A folder of PAM services, and pam-multi as a program for pam_exec, which hands no environment on. */
class PamSite implements AsyncDisposable {
  readonly folder: string;
  readonly #root: string;

  private constructor(folder: string, root: string) {
    this.folder = folder;
    this.#root = root;
  }

  static async make(root: string): Promise<PamSite> {
    const folder = await Deno.makeTempDir({ prefix: "pam-" });
    await writeOwnScript(`${folder}/pam-multi`, "pam-multi", root);
    return new PamSite(folder, root);
  }

  /** A service whose lines auth and account run pam-multi with those arguments. */
  multi(name: string, args: { readonly auth: string; readonly account?: string }): void {
    const line = (what: string) => `pam_exec.so ${what} ${this.folder}/pam-multi `;
    this.service(name, [
      `auth required ${line("expose_authtok")}${args.auth}`,
      args.account === undefined ? "account required pam_permit.so" : `account required ${line("")}${args.account}`,
      "session required pam_permit.so",
    ]);
  }

  service(name: string, lines: readonly string[]): void {
    Deno.writeTextFileSync(`${this.folder}/${name}`, `${lines.join("\n")}\n`);
  }

  /** Runs pam-checkpwd with a login on descriptor 3, before a shell that tells what it got. */
  async check(
    args: readonly string[],
    login: string,
    env: Readonly<Record<string, string>> = {},
  ): Promise<CommandResult> {
    const next = ["--", "sh", "-c", 'echo "next $USER"; if [ -e /dev/fd/3 ]; then tr "\\000" . <&3; fi'];
    return await command("sh", ["-c", 'exec "$@" 3<&0', "sh", ...PROGRAM, "pam-checkpwd", ...args, ...next], {
      env: { PAM_CONFDIR: this.folder, INDIMAIL_ROOT: this.#root, USER: "before", ...env },
      stdin: login,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

const NATIVE = { NATIVE_CHECKPASSWORD: "1" };

async function withPam(test: (pam: PamSite, site: Site) => Promise<void>): Promise<void> {
  await using site = await makeSite();
  await using pam = await PamSite.make(site.paths.root);
  await test(pam, site);
}

Deno.test({
  name: "pam-checkpwd runs all phases, and tells a refusal from trouble",
  ignore,
  fn: () =>
    withPam(async (pam) => {
      const rest = ["account required pam_permit.so", "session required pam_permit.so"];
      pam.service("yes", ["auth required pam_debug.so auth=success cred=success", ...rest]);
      pam.service("no", ["auth required pam_debug.so auth=auth_err cred=success", ...rest]);
      pam.service("trouble", ["auth required pam_debug.so auth=authinfo_unavail", ...rest]);
      const lasting = "auth required pam_debug.so auth=success cred=success";
      pam.service("expired", [lasting, "account required pam_debug.so acct=acct_expired", rest[1]!]);
      pam.service("session", [lasting, rest[0]!, "session required pam_debug.so open_session=session_err"]);
      const login = "alice@mail.test\0pw\x001\0";
      assertEquals((await pam.check(["-s", "yes", "-e"], login)).code, 0);
      const native = await pam.check(["-es", "yes"], login, NATIVE);
      assertEquals([native.code, native.stdout], [0, "next before\n"]);
      const refused = await pam.check(["--service=no", "--noenv"], login);
      assertEquals([refused.code, refused.stdout], [0, "next before\nalice@mail.test.pw.1."]);
      assertEquals((await pam.check(["-e"], login, { ...NATIVE, PAM_SERVICE: "no" })).code, 1);
      assertEquals((await pam.check(["-s", "expired", "-e"], login, NATIVE)).code, 1);
      for (const service of ["trouble", "session", "missing"]) {
        const trouble = await pam.check(["-s", service, "-e", "-d"], login, NATIVE);
        assertEquals([trouble.code, trouble.stdout], [111, ""], service);
        assertMatch(trouble.stderr, /pam-checkpwd: fatal: \w+ of "alice@mail\.test" by service \w+: \w/);
        assert(!trouble.stderr.includes('"pw"'), trouble.stderr);
      }
    }),
});

Deno.test({
  name: "without -e the process becomes the account; POSTAUTH runs with the name, and its exit code counts",
  ignore: ignore || Deno.uid() !== 0,
  fn: () =>
    withPam(async (pam) => {
      const rest = ["account required pam_permit.so", "session required pam_permit.so"];
      pam.service("yes", ["auth required pam_debug.so auth=success cred=success", ...rest]);
      const shell = ["--", "sh", "-c", 'echo "$USER $HOME $SHELL $(id -un) $(id -gn) $(pwd)"'];
      const env = { PAM_CONFDIR: pam.folder, NATIVE_CHECKPASSWORD: "1" };
      const run = async (args: readonly string[], login: string, more: Readonly<Record<string, string>> = {}) =>
        await command("sh", ["-c", 'cd /; exec "$@" 3<&0', "sh", ...PROGRAM, "pam-checkpwd", "-s", "yes", ...args], {
          env: { ...env, ...more },
          stdin: login,
        });
      const became = await run(shell, "daemon\0pw\0\0");
      assertEquals(became.stdout, "daemon /usr/sbin /usr/sbin/nologin daemon daemon /usr/sbin\n");
      assertEquals((await run(["-H", ...shell], "daemon\0pw\0\0")).stdout.trim().split(" ").at(-1), "/");
      const unknown = await run(shell, "nobody-of-that-name\0pw\0\0");
      assertEquals([unknown.code, unknown.stdout], [111, ""]);
      await Deno.writeTextFile(`${pam.folder}/post`, '#!/bin/sh\necho "post $1"\nexit 7\n', { mode: 0o755 });
      await Deno.chmod(pam.folder, 0o755);
      const post = await run(shell, "daemon\0pw\0\0", { POSTAUTH: `${pam.folder}/post` });
      assertEquals([post.code, post.stdout], [7, "post daemon\n"]);
    }),
});

Deno.test({
  name: "pam-multi finds hashes by a statement and by a command, and no name gets out of either",
  ignore,
  fn: () =>
    withPam(async (pam) => {
      const database = openSqlite(`${pam.folder}/people.sqlite`);
      await database.run("CREATE TABLE people (name TEXT, domain TEXT, hash TEXT, ends TEXT)");
      const future = Math.floor(Date.now() / 1000) + 400 * 86_400;
      for (const scheme of ["DES", "MD5", "SHA-256", "SHA-512", "BCRYPT", "YESCRYPT"] as const) {
        const row = [scheme.toLowerCase(), "mail.test", await hashPassword("open sesame", scheme), `${future},0`];
        await database.run("INSERT INTO people VALUES (?, ?, ?, ?)", row);
      }
      await database.run("INSERT INTO people VALUES ('gone', 'mail.test', ?, '0,1000000')", [
        await hashPassword("open sesame", "MD5"),
      ]);
      await database.run("INSERT INTO people VALUES ('x', 'mail.test', 'x', '0')");
      await database.close();
      const from = (column: string) =>
        `-D ${pam.folder}/people.sqlite -m [select ${column} from people where name='%u' and domain='%d']`;
      pam.multi("sql", { auth: `args ${from("hash")}`, account: from("ends") });
      await Deno.writeTextFile(`${pam.folder}/hashes`, `bob@mail.test:${await hashPassword("pw", "SHA-512")}:\n`);
      pam.multi("cmd", {
        auth: `-c [awk -F: -v u=%u@%d '$1==u {print $2}' ${pam.folder}/hashes]`,
        account: "-c [echo 0,0]",
      });
      pam.multi("broken", { auth: "-c [exit 5]" });
      pam.multi("wrong", { auth: "-s /usr/lib/other.so" });
      const code = async (service: string, name: string, password: string) =>
        (await pam.check(["-s", service, "-e"], `${name}\0${password}\0\0`, NATIVE)).code;
      for (const name of ["des", "sha-512", "yescrypt"]) {
        assertEquals(await code("sql", `${name}@mail.test`, "open sesame"), 0, name);
      }
      assertEquals(await code("sql", "md5@mail.test", "open sesamE"), 1);
      assertEquals(await code("sql", "gone@mail.test", "open sesame"), 1);
      assertEquals(await code("sql", "x@mail.test", "x"), 1);
      assertEquals(await code("sql", "' or name='md5@mail.test", "open sesame"), 1);
      assertEquals(await code("cmd", "bob@mail.test", "pw"), 0);
      assertEquals(await code("cmd", "bob@mail.test", "PW"), 1);
      assertEquals(await code("cmd", `bob@mail.test;touch\${IFS}${pam.folder}/out`, "pw"), 1);
      assertEquals([...Deno.readDirSync(pam.folder)].some(({ name }) => name === "out"), false);
      assertEquals(await code("broken", "bob@mail.test", "pw"), 111);
      assertEquals(await code("wrong", "bob@mail.test", "pw"), 111);
    }),
});

Deno.test({
  name: "pam-multi -s iauth takes our accounts: password, service bits, expiry by limits and by inactivity",
  ignore,
  fn: () =>
    withPam(async (pam, site) => {
      await site.addDomain("mail.test");
      await site.addUser("alice@mail.test", "wonderland");
      await site.addUser("nopop@mail.test", "wonderland");
      await site.addUser("idle@mail.test", "wonderland");
      const { accounts } = site.command;
      await accounts.users.setFlags("nopop", "mail.test", { set: 2 });
      const days = (count: number) => Math.floor(Date.now() / 1000) - count * 86_400;
      const event = { domain: "mail.test", remoteIp: "", quotaBytes: 0, gecos: "" };
      await accounts.lastauth.write([{ ...event, user: "idle", service: "imap", seconds: days(61) }]);
      pam.multi("ours", { auth: "-s /usr/lib/indimail/modules/iauth.so", account: "-s iauth" });
      pam.multi("account", { auth: "-s iauth -i webmail", account: "-s iauth" });
      const login = (name: string, password: string) => `${name}@mail.test\0${password}\0\0`;
      const down = await pam.check(["-s", "ours", "-e"], login("alice", "wonderland"), NATIVE);
      assertEquals(down.code, 111);
      await using _lookup = await startLookup(site);
      const code = async (ident: string, name: string, password: string, service = "ours") =>
        (await pam.check(["-s", service, "-i", ident, "-e"], login(name, password), NATIVE)).code;
      assertEquals(await code("imap", "alice", "wonderland"), 0);
      assertEquals(await code("imap", "alice", "Wonderland"), 1);
      assertEquals(await code("imap", "carol", "wonderland"), 1);
      assertEquals(await code("imap", "nopop", "wonderland"), 0);
      assertEquals(await code("pop3", "nopop", "wonderland"), 1);
      assertEquals(await code("imap", "idle", "wonderland", "account"), 1);
    }),
});

Deno.test({
  name: "a host without libpam gets a clear line and 111",
  ignore: ignore || !(await canHaveRootNamespace()),
  async fn() {
    const script =
      'for lib in /lib/*/libpam.so.0 /lib*/libpam.so.0; do [ -e "$lib" ] && mount --bind /dev/null "$lib"; ' +
      'done; exec "$@" 3<&0';
    const run = ["-m", "sh", "-c", script, "sh", ...PROGRAM, "pam-checkpwd", "-s", "x", "-e", "--", "true"];
    const { code, stderr } = await command("unshare", run, { stdin: "alice\0pw\0\0" });
    assertEquals(code, 111, stderr);
    assertMatch(stderr, /^pam-checkpwd: fatal: libpam\.so\.0 cannot be loaded, is PAM installed\?/m);
  },
});

Deno.test({
  name: "pam-multi asks a MariaDB server by socket and by TCP, with its options for user, password, database and port",
  ignore: !mariadbAvailable(),
  async fn() {
    await using mariadb = await startMariadb({ tcp: true });
    const database = await openMysql(mariadb.settings, { createDatabase: true });
    await database.run("CREATE TABLE people (name VARCHAR(40), hash VARCHAR(128))");
    await database.run("INSERT INTO people VALUES ('alice', ?)", [await hashPassword("pw", "MD5")]);
    await database.run("CREATE USER 'asker'@'%' IDENTIFIED BY 'se''cret'");
    await database.run("GRANT SELECT ON people TO 'asker'@'%'");
    await database.close();
    const code = async (user: string, password: string, ...args: readonly string[]) => {
      const statement = ["-m", "select hash from people where name = '%u'", "-u", "asker", "-D", "indimail"];
      const [program = "", ...before] = PROGRAM;
      const asked = await command(program, [...before, "pam-multi", ...statement, ...args], {
        env: { PAM_TYPE: "auth", PAM_USER: user },
        stdin: password,
      });
      return asked.code;
    };
    const socket = ["-H", mariadb.settings.socketPath ?? "", "-p", "se'cret"];
    const tcp = ["-H", "127.0.0.1", "-P", String(mariadb.port), "-p", "se'cret"];
    assertEquals(await code("alice@mail.test", "pw", ...socket), 0);
    assertEquals(await code("alice@mail.test", "pw", ...tcp), 0);
    assertEquals(await code("alice@mail.test", "PW", ...tcp), 7);
    assertEquals(await code("' or '1'='1", "pw", ...socket), 7);
    assertEquals(await code("alice", "pw", "-H", "127.0.0.1", "-P", String(mariadb.port), "-p", "wrong"), 9);
    await mariadb.stop();
    assertEquals(await code("alice", "pw", ...tcp), 9);
  },
});
