/**
 * Domains and homes outside the installation: vadddomain names the folders in control/mailroots, and the roles, which are
 * fenced in, are let into them. Under `deno run`, or the compiled binary when INDIMAIL_BIN is set.
 */
import { assertEquals, assertMatch } from "../support/assert.ts";
import { command, eventually, Installation } from "../support/installation.ts";

async function receives(installation: Installation, address: string): Promise<void> {
  const { ports } = installation;
  const server = ["--server", "127.0.0.1", "--port", String(ports.smtp)];
  await eventually(`acceptance of mail for ${address}`, async () => {
    return (await command("swaks", [...server, "--from", "a@elsewhere.example", "--to", address])).code === 0;
  });
  await eventually(`mail of ${address}`, async () => {
    const url = `imaps://127.0.0.1:${ports.imaps}/INBOX;MAILINDEX=1`;
    const read = await command("curl", ["-sSk", "--user", `${address}:secret`, url]);
    return read.stdout.includes("This is a test");
  });
}

Deno.test("domains and homes outside the installation get mail and are read, behind the fences", async (t) => {
  await using installation = await Installation.start({});
  const outside = await Deno.makeTempDir({ prefix: "indimail-test.", dir: "/var/tmp" });
  try {
    await t.step("before, the fences keep the roles out", async () => {
      assertEquals(await Deno.readTextFile(`${installation.root}/etc/indimail/control/mailroots`).catch(() => ""), "");
    });
    await t.step("vadddomain -d and -B name the folders, and the running server lets its roles into them", async () => {
      await installation.must("vadddomain", ["-d", `${outside}/disk1`, "-B", `${outside}/disk2`, "far.test", "secret"]);
      const named = await Deno.readTextFile(`${installation.root}/etc/indimail/control/mailroots`);
      assertEquals(named, `${outside}/disk1/domains\n${outside}/disk2\n`);
      await receives(installation, "postmaster@far.test");
      assertMatch(
        await installation.must("vuserinfo", ["-d", "postmaster@far.test"]),
        new RegExp(`^${outside}/disk2/`),
      );
    });
    await t.step("a folder that holds the whole installation is refused", async () => {
      const refused = await installation.run("vadddomain", ["-B", installation.root, "none.test", "secret"]);
      assertMatch(refused.stderr, /holds more than mail/);
      assertEquals(refused.code, 1);
    });
  } finally {
    await Deno.remove(outside, { recursive: true });
  }
});
