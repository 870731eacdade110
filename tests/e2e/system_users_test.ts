/**
 * Mail for users of the system, with the roles under the original's accounts: delivered by a process of the user, with
 * the user's powers and no others. By root in a namespace of its own, so that the host's accounts stay as they are.
 */
import { assertEquals, assertMatch } from "../support/assert.ts";
import { command, eventually, Installation } from "../support/installation.ts";
import { rootTest } from "../support/root_namespace.ts";

/** A system user with a closed home. */
async function addSystemUser(): Promise<{ name: string; home: string }> {
  const name = "imtest";
  const home = `/home/${name}`;
  const added = await command("useradd", ["-m", "-d", home, "-s", "/bin/sh", name]);
  assertEquals(added.code, 0, added.stderr);
  await Deno.chmod(home, 0o700);
  return { name, home };
}

async function systemUser(t: Deno.TestContext): Promise<void> {
  const user = await addSystemUser();
  await using installation = await Installation.start({ serveArguments: ["--accounts"] });
  const send = async (to: string) => {
    const args = [
      "--server",
      "127.0.0.1",
      "--port",
      `${installation.ports.smtp}`,
      "--from",
      "a@example.test",
      "--to",
      to,
    ];
    const { code, stdout } = await command("swaks", args);
    assertEquals(code, 0, stdout);
  };

  await t.step("into the default Maildir, owned by the user", async () => {
    await send(`${user.name}@localhost`);
    const path = await eventually("the message", () => {
      try {
        const [entry] = Deno.readDirSync(`${user.home}/Maildir/new`);
        return entry && `${user.home}/Maildir/new/${entry.name}`;
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw error;
      }
    });
    assertEquals((await Deno.stat(path)).uid, (await Deno.stat(user.home)).uid);
    assertMatch(await Deno.readTextFile(path), new RegExp(`^Delivered-To: ${user.name}@localhost$`, "m"));
  });

  await t.step("a program of .qmail runs as the user", async () => {
    await Deno.writeTextFile(`${user.home}/.qmail-list`, `|id -un >"$HOME/who"; cat >>"$HOME/who"\n`);
    await send(`${user.name}-list@localhost`);
    const text = await eventually("the program's output", async () => {
      try {
        const text = await Deno.readTextFile(`${user.home}/who`);
        return text.includes("This is a test mailing") && text;
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw error;
      }
    });
    assertEquals(text.split("\n")[0], user.name);
  });

  await t.step("every role runs as its account", async () => {
    const { roles } = JSON.parse(await installation.must("indimail", ["status", "--json"]));
    const accounts: Record<string, string> = {};
    for (const { name, pid } of roles) {
      accounts[name] = (await command("ps", ["-o", "user=", "-p", String(pid)])).stdout.trim();
    }
    assertEquals(accounts, {
      supervisor: "root",
      lookup: "indimail",
      local: "indimail",
      users: "root",
      remote: "qmailr",
      queue: "qmails",
      network: "qmaild",
      mailbox: "indimail",
    });
  });
}

await rootTest({
  name: "a system user gets mail in a closed home, by a process of that user",
  url: import.meta.url,
  steps: 3,
  fn: systemUser,
});
