/**
 * ldap-checkpwd against Debian's slapd: right, wrong and unknown logins, names that try to widen the search, TLS in both
 * ways, and a directory that is down, slow, or not as the variables say.
 */
import { assert, assertEquals, assertMatch, assertRejects } from "../support/assert.ts";
import { Temporary } from "../../core/errors.ts";
import { command, type CommandResult } from "../support/installation.ts";
import { ownProgram } from "../support/own_program.ts";
import { hasStartTls } from "../support/runtime.ts";
import { type Slapd, slapdAvailable, startSlapd } from "../support/slapd.ts";
import { askDirectory } from "../../servers/auth/ldap_directory.ts";
import { readLdapSettings } from "../../servers/auth/ldap_settings.ts";

const ignore = !slapdAvailable();
const PROGRAM = ownProgram();

function person(uid: string, password: string, number: number): string {
  return [
    `dn: cn=${uid},dc=mail,dc=test`,
    "objectClass: inetOrgPerson",
    "objectClass: posixAccount",
    "objectClass: dcObject",
    `cn: ${uid}`,
    "sn: test",
    `uid: ${uid}`,
    "dc: mail.test",
    `uidNumber: ${number}`,
    "gidNumber: 700",
    "homeDirectory: /tmp",
    ...(password === "" ? [] : [`userPassword: ${password}`]),
    "",
    "",
  ].join("\n");
}

const LDIF = person("alice", "wonder land", 701) + person("bob", "pässwörd", 702) + person("nopass", "", 703) +
  person("twin", "one", 704) + person("twin2", "two", 705).replace("uid: twin2", "uid: twin");

/** The variables for a directory. */
function variables(slapd: Slapd, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { LDAP_HOST: "127.0.0.1", LDAP_PORT: String(slapd.port), LDAP_BASE: slapd.base, LDAP_TIMEOUT: "5", ...more };
}

async function ask(env: Readonly<Record<string, string>>, name: string, password: string) {
  const settings = readLdapSettings((key) => env[key], env);
  const answer = await askDirectory(settings, { name, password });
  return answer.kind === "ok" ? Object.fromEntries(answer.values) : answer.reason;
}

/** Runs the program with a login on descriptor 3, before a shell that tells what it got. */
async function check(env: Readonly<Record<string, string>>, login: string): Promise<CommandResult> {
  const next = ["sh", "-c", 'echo "next $USER $GID $HOME $(pwd)"; if [ -e /dev/fd/3 ]; then tr "\\000" . <&3; fi'];
  const args = ["-c", 'exec "$@" 3<&0', "sh", ...PROGRAM, "ldap-checkpwd", ...next];
  return await command("sh", args, { env: { ...env, USER: "before" }, stdin: login });
}

async function withSlapd(test: (slapd: Slapd) => Promise<void>): Promise<void> {
  await using slapd = await startSlapd(LDIF);
  await test(slapd);
}

Deno.test({
  name: "a directory says yes to the right password only, by every way to reach it",
  ignore,
  fn: () =>
    withSlapd(async (slapd) => {
      const env = variables(slapd, { LDAP_FIELD_UID: "uidnumber", LDAP_FIELD_HOME: "homeDirectory" });
      assertEquals(await ask(env, "alice@mail.test", "wonder land"), { UID: "701", HOME: "/tmp" });
      assertEquals(await ask(env, "bob@mail.test", "pässwörd"), { UID: "702", HOME: "/tmp" });
      assertEquals(await ask(env, "alice@mail.test", "wonder lanD"), "wrong password");
      assertEquals(await ask(env, "alice@other.test", "wonder land"), "no such entry");
      assertEquals(await ask(env, "carol@mail.test", "wonder land"), "no such entry");
      assertEquals(await ask(env, "nopass@mail.test", "x"), "wrong password");
      assertEquals(await ask(env, "alice@mail.test", ""), "no name or no password");
      assertEquals(await ask(env, "", "wonder land"), "no name or no password");
      const plain = { LDAP_FILTER: "(uid=%u)", LDAP_SCOPE: "one" };
      assertEquals(await ask(variables(slapd, plain), "alice", "wonder land"), {});
      const bound = { LDAP_BIND_DN: slapd.administrator, LDAP_BIND_PASSWD: "secret" };
      assertEquals(await ask(variables(slapd, bound), "alice@mail.test", "wonder land"), {});
      const unix = { LDAP_HOST: `ldapi://${encodeURIComponent(slapd.socketPath)}` };
      assertEquals(await ask(variables(slapd, unix), "alice@mail.test", "wonder land"), {});
      const base = { LDAP_BASE: "cn=alice,dc=mail,dc=test", LDAP_SCOPE: "base", LDAP_FILTER: "(objectClass=*)" };
      assertEquals(await ask(variables(slapd, base), "anyone", "wonder land"), {});
    }),
});

Deno.test({
  name: "TLS from the start and by StartTLS needs a certificate of the authority given, for the host's name",
  ignore,
  fn: () =>
    withSlapd(async (slapd) => {
      const trusted = { LDAPTLS_CACERT: slapd.caFile };
      const whole = { LDAP_HOST: `ldaps://localhost:${slapd.tlsPort}` };
      const start = { LDAP_HOST: "localhost", LDAP_STARTTLS: "1" };
      for (const way of [whole, start]) {
        assertEquals(await ask(variables(slapd, { ...way, ...trusted }), "alice@mail.test", "wonder land"), {});
        assertEquals(await ask(variables(slapd, { ...way, ...trusted }), "alice@mail.test", "x"), "wrong password");
        await assertRejects(() => ask(variables(slapd, way), "alice@mail.test", "wonder land"), Temporary);
        const unchecked = variables(slapd, { ...way, LDAPTLS_REQCERT: "never" });
        assertEquals(await ask(unchecked, "alice@mail.test", "wonder land"), {});
        const wrongName = { ...way, LDAP_HOST: way.LDAP_HOST.replace("localhost", "127.0.0.1"), ...trusted };
        await assertRejects(() => ask(variables(slapd, wrongName), "alice@mail.test", "wonder land"), Temporary);
      }
    }),
});

Deno.test({
  name: "no name widens the search: stars, brackets, backslashes and NUL are letters like others",
  ignore,
  fn: () =>
    withSlapd(async (slapd) => {
      const env = variables(slapd, { LDAP_FILTER: "(|(uid=%u)(mail=%e))" });
      const names = [
        "*",
        "ali*",
        "alice)(uid=*",
        "*)(|(uid=*",
        "alice\\",
        "alice\0",
        "(",
        "\\2a",
        "%u",
        "alice@mail.test)(cn=*",
      ];
      for (const name of names) {
        assertEquals(await ask(env, name, "wonder land"), name.startsWith("alice@") ? {} : "no such entry", name);
      }
      assertEquals(await ask(env, "alice", "wonder land"), {});
    }),
});

Deno.test({
  name: "a directory that is down, slow, without the base or with two entries is a temporary failure that says so",
  ignore,
  fn: () =>
    withSlapd(async (slapd) => {
      const fails = (more: Readonly<Record<string, string>>, name = "alice@mail.test") =>
        assertRejects(() => ask(variables(slapd, more), name, "wonder land"), Temporary);
      assertMatch((await fails({}, "twin@mail.test")).message, /more than one entry/);
      assertMatch((await fails({ LDAP_BASE: "dc=else" })).message, /127\.0\.0\.1 port \d+/);
      const refused = await fails({ LDAP_BIND_DN: slapd.administrator, LDAP_BIND_PASSWD: "wrong" });
      assertMatch(refused.message, /LDAP_BIND_DN/);
      assert(!refused.message.includes("wrong;"), refused.message);
      assertMatch((await fails({ LDAP_FILTER: "(uid=%u" })).message, /directory/);
      slapd.freeze(true);
      assertMatch((await fails({ LDAP_TIMEOUT: "1" })).message, /127\.0\.0\.1 port/);
      slapd.freeze(false);
      await slapd.stop();
      assertMatch((await fails({})).message, /127\.0\.0\.1 port/);
    }),
});

Deno.test({
  name: "the program exits 0 for a right login, runs the next one for a wrong one, and the reverse when it is native",
  ignore,
  fn: () =>
    withSlapd(async (slapd) => {
      const env = variables(slapd, { LDAP_FIELD_HOME: "homeDirectory", LDAP_FIELD_GID: "gidNumber" });
      const right = "alice@mail.test\0wonder land\x00123\0";
      assertEquals(await check(env, right), { code: 0, stdout: "", stderr: "" });
      const wrong = await check(env, "alice@mail.test\0no\x00123\0");
      assertEquals([wrong.code, wrong.stdout.split("\n")[1]], [0, "alice@mail.test.no.123."]);
      const native = { ...env, NATIVE_CHECKPASSWORD: "1" };
      const ran = await check(native, right);
      assertEquals([ran.code, ran.stdout.split("\n")[0]], [0, "next alice@mail.test 700 /tmp /tmp"]);
      assertEquals(await check(native, "alice@mail.test\0no\0\0"), { code: 1, stdout: "", stderr: "" });
      const tls = { ...native, LDAP_HOST: "localhost", LDAPTLS_CACERT: slapd.caFile };
      const ways = [
        { LDAP_HOST: `ldaps://localhost:${slapd.tlsPort}` },
        ...(hasStartTls() ? [{ LDAP_STARTTLS: "1" }] : []),
      ];
      for (const way of ways) {
        assertEquals((await check({ ...tls, ...way }, right)).code, 0);
        assertEquals((await check({ ...tls, ...way, LDAPTLS_CACERT: "/dev/null" }, right)).code, 111);
      }
      const cram = await check(native, "alice@mail.test\0wonder land\0digest\0\x03\0");
      assertEquals([cram.code, cram.stdout], [1, ""]);
      const debugged = await check({ ...native, DEBUG: "1" }, "alice@mail.test\0sesame\0\0");
      assertMatch(debugged.stderr, /filter \(&\(uid=alice\)\(dc=mail\.test\)\)/);
      assert(!debugged.stderr.includes("sesame"), debugged.stderr);
      assertEquals((await check(env, "no nul")).code, 2);
      assertEquals((await check(env, "x".repeat(513))).code, 2);
      await slapd.stop();
      const down = await check(env, right);
      assertEquals([down.code, down.stdout], [111, ""]);
      assertMatch(down.stderr, /^ldap-checkpwd: fatal: directory 127\.0\.0\.1 port \d+: /);
    }),
});
