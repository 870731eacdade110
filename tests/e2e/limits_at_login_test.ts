/**
 * What commands set and logins of a whole server obey: a name without a domain by the map of vipmap, in SMTP, IMAP and POP3
 * alike; services that vlimit has switched off for a domain; a POSTAUTH that doctor calls wrong. Under `deno run`, or the
 * compiled binary when INDIMAIL_BIN is set.
 */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { command, eventually, Installation } from "../support/installation.ts";

const DOMAIN = "second.example";

/** curl's exit code for a login by a protocol, 0 when it succeeded, 67 when it was refused. */
async function login({ ports }: Installation, url: string, user: string, options: readonly string[] = []) {
  const where = url.replace(/^([a-z0-9]+):/, (_all, name: keyof typeof ports) => `${name}://127.0.0.1:${ports[name]}`);
  return (await command("curl", ["-sSk", "--user", `${user}:secret`, ...options, where])).code;
}

const PROTOCOLS: readonly (readonly [service: string, url: string, options: readonly string[]])[] = [
  ["imap", "imaps:/", []],
  ["pop3", "pop3s:/", []],
  ["smtp", "smtps:", ["-X", "NOOP"]],
];
const REFUSED = 67;
const MECHANISMS = ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5"];

async function codes(installation: Installation, user: string): Promise<readonly number[]> {
  return await Promise.all(PROTOCOLS.map(([, url, options]) => login(installation, url, user, options)));
}

Deno.test("logins obey vipmap and vlimit, and doctor says that POSTAUTH is not run", async (t) => {
  await using installation = await Installation.start({
    env: { POSTAUTH: "/bin/true" },
    async prepare(root) {
      await Deno.mkdir(`${root}/etc/indimail/control`, { recursive: true });
      await Deno.writeTextFile(`${root}/etc/indimail/control/authmechanisms`, `${MECHANISMS.join("\n")}\n`);
    },
  });
  await installation.must("vadddomain", [DOMAIN, "secret"]);
  await installation.must("vadduser", [`bob@${DOMAIN}`, "secret"]);
  await installation.must("vadduser", [`boss@${DOMAIN}`, "secret"]);
  await installation.must("vmoduser", ["-o", `boss@${DOMAIN}`]);

  await t.step("a name without a domain is one of the domain that our address stands for", async () => {
    await eventually(
      "the new domain",
      async () => (await codes(installation, `bob@${DOMAIN}`)).every((one) => one === 0),
    );
    assertEquals(await codes(installation, "bob"), [REFUSED, REFUSED, REFUSED]);
    await installation.run("vipmap", ["-i", "127.0.0.1", DOMAIN]);
    assertEquals(await codes(installation, "bob"), [0, 0, 0]);
    await installation.must("vpasswd", ["-C", `bob@${DOMAIN}`, "secret"]);
    for (const mechanism of MECHANISMS) {
      assertEquals(await login(installation, "imaps:/", "bob", ["--login-options", `AUTH=${mechanism}`]), 0, mechanism);
    }
  });

  await t.step("what vlimit switches off is off where the limits are in force, and not for who is exempt", async () => {
    await installation.must("vlimit", ["-g", "pi", DOMAIN]);
    assertEquals(await codes(installation, `bob@${DOMAIN}`), [0, 0, 0]);
    await installation.must("vmoddomain", ["-l", "1", DOMAIN]);
    assertEquals(await codes(installation, `bob@${DOMAIN}`), [REFUSED, REFUSED, 0]);
    assertEquals(await codes(installation, `boss@${DOMAIN}`), [0, 0, 0]);
    await installation.must("vlimit", ["-g", "s", DOMAIN]);
    assertEquals(await codes(installation, `bob@${DOMAIN}`), [0, 0, REFUSED]);
    await installation.must("vlimit", ["-g", "x", "-n", "-1", DOMAIN]);
    assertEquals(await codes(installation, `boss@${DOMAIN}`), [REFUSED, REFUSED, REFUSED], "the domain has ended");
  });

  await t.step("doctor says what is not run", async () => {
    const { code, stdout } = await installation.run("indimail-doctor", []);
    assert(code !== 0);
    assertMatch(stdout, /^POSTAUTH +wrong +\/bin\/true is not run/m);
  });
});
