/**
 * Dovecot with our users and not a word of ours in its configuration: passwords by PAM (pam_exec.so with pam-multi, which asks
 * the lookup daemon), homes by the C library (nss-systemd with nssd). Needs root, for /etc/pam.d and /run/systemd/userdb.
 */
import { assertEquals, assertMatch } from "../support/assert.ts";
import { command, eventually } from "../support/installation.ts";
import { killChild } from "../support/kill_child.ts";
import { Nssd } from "../support/nssd.ts";
import { writeOwnScript } from "../support/own_program.ts";
import { makeSite } from "../support/site.ts";
import { startLookup } from "../../servers/lookup/testing.ts";

const USERDB = "/run/systemd/userdb";
const NAME = `indimail-test-${Deno.pid}`;

function canRun(): boolean {
  const needs = ["/usr/sbin/dovecot", "/etc/pam.d", "/etc/nsswitch.conf"];
  const missing = needs.filter((path) => {
    try {
      Deno.statSync(path);
      return false;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return true;
      throw error;
    }
  });
  const can = Deno.uid() === 0 && missing.length === 0 &&
    /^passwd:.*\bsystemd\b/m.test(Deno.readTextFileSync("/etc/nsswitch.conf"));
  if (!can) console.error("SKIPPED: Dovecot by PAM and nssd, which needs root, dovecot and libnss-systemd");
  return can;
}

function configuration(folder: string): string {
  return [
    `base_dir = ${folder}/run`,
    `state_dir = ${folder}/state`,
    `log_path = ${folder}/log`,
    "protocols =",
    "ssl = no",
    "first_valid_uid = 1",
    "auth_failure_delay = 0",
    // no limit of address space: a JavaScript runtime reserves more than the 256 MB that Dovecot allows
    "service auth-worker {",
    "  vsz_limit = 0",
    "}",
    "passdb {",
    "  driver = pam",
    `  args = setcred=yes session=yes ${NAME}`,
    "}",
    "userdb {",
    "  driver = passwd",
    "}",
    "",
  ].join("\n");
}

/** Runs `test` with a Dovecot that has only its authentication. */
async function withDovecot(test: (configuration: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "dovecot-" });
  await Deno.chmod(folder, 0o755);
  const file = `${folder}/dovecot.conf`;
  await Deno.writeTextFile(file, configuration(folder));
  const dovecot = new Deno.Command("dovecot", {
    args: ["-F", "-c", file],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  })
    .spawn();
  try {
    await eventually("Dovecot is up", () => Deno.stat(`${folder}/run/auth-userdb`).then(() => true, () => false));
    await test(file);
  } finally {
    killChild(dovecot, "SIGTERM");
    await dovecot.status;
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test({
  name: "Dovecot logs our users in through PAM and finds their homes through the C library",
  ignore: !canRun(),
  async fn() {
    await using site = await makeSite();
    await site.addDomain("mail.test");
    await site.addUser("imann@mail.test", "wonderland");
    await using _lookup = await startLookup(site);
    const { root, database } = site.paths;
    await writeOwnScript(`${root}/pam-multi`, "pam-multi", root);
    const madeUserdb = await Deno.mkdir(USERDB, { recursive: true }).then(() => true, () => false);
    const service = `io.indimail.test${Deno.pid}d`;
    const multi = `pam_exec.so quiet %s ${root}/pam-multi -s iauth -i imap`;
    await Deno.writeTextFile(
      `/etc/pam.d/${NAME}`,
      [
        `auth required ${multi.replace("%s", "expose_authtok")}`,
        "auth required pam_permit.so",
        `account required ${multi.replace("%s ", "")}`,
        "session required pam_permit.so",
        "",
      ].join("\n"),
    );
    try {
      const prepare = async (to: string) => {
        for (const part of ["", "-wal"]) {
          await Deno.copyFile(database + part, `${to}/var/indimail/lib/indimail.sqlite${part}`);
        }
      };
      const statement = "SELECT pw_name,'x',8,8,pw_gecos,pw_dir,'/bin/false' FROM indimail " +
        "WHERE pw_name='%1$s' AND pw_domain='%2$s'";
      await using _nssd = await Nssd.start(`getpwnam ${statement}\nuserdb ${USERDB}/${service}\n`, { prepare });
      await withDovecot(async (file) => {
        const login = async (password: string) =>
          (await command("doveadm", ["-c", file, "auth", "test", "imann@mail.test", password])).stdout.split("\n")[0];
        assertEquals(await login("wonderland"), "passdb: imann@mail.test auth succeeded");
        assertEquals(await login("Wonderland"), "passdb: imann@mail.test auth failed");
        const found = await command("doveadm", ["-c", file, "user", "imann@mail.test"]);
        assertMatch(found.stdout, /^uid\s+8$/m);
        assertMatch(found.stdout, /^home\s+\S+\/mail\.test\/imann$/m);
        assertEquals((await command("doveadm", ["-c", file, "user", "nobody@mail.test"])).code, 67);
      });
    } finally {
      await Deno.remove(`/etc/pam.d/${NAME}`);
      if (madeUserdb && [...Deno.readDirSync(USERDB)].length === 0) await Deno.remove(USERDB);
    }
  },
});
