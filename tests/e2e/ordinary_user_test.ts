/**
 * A server of one's own: an ordinary user runs the compiled executable without a word about where, so all lies below the
 * home, and the tools find it there. Run by root, the test becomes another user for it.
 */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { command, eventually, freeOffset, isCompiledRun, SERVICE_PORTS } from "../support/installation.ts";
import { killChild } from "../support/kill_child.ts";

/** Some user without privileges; need not exist. */
const UID = "61234";

/** `program` as an ordinary user. */
function asUser(program: string, args: readonly string[]): [program: string, args: string[]] {
  if (Deno.uid() !== 0) return [program, [...args]];
  return ["setpriv", ["--reuid", UID, "--regid", UID, "--clear-groups", "--", program, ...args]];
}

async function ordinaryUser(): Promise<void> {
  const home = await Deno.makeTempDir({ prefix: "indimail-home." });
  const offset = freeOffset();
  const port = (name: keyof typeof SERVICE_PORTS) => String(SERVICE_PORTS[name] + offset);
  const env = { HOME: home, INDIMAIL_ROOT: "", XDG_DATA_HOME: "" };
  const run = async (args: readonly string[], stdin?: string) => {
    const [program, all] = asUser(`${home}/indimail`, args);
    const { code, stdout, stderr } = await command(program, all, { env, stdin });
    assertEquals(code, 0, `${args.join(" ")}: ${stdout}${stderr}`);
    return stdout;
  };
  try {
    await Deno.copyFile(Deno.env.get("INDIMAIL_BIN")!, `${home}/indimail`);
    if (Deno.uid() === 0) await Deno.chown(home, Number(UID), Number(UID));
    const [program, args] = asUser(`${home}/indimail`, [
      "serve",
      "--port-offset",
      String(offset),
      "--domain",
      "own.test",
    ]);
    const serve = new Deno.Command(program, { args, env, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
    let output = "";
    const reading = [serve.stdout, serve.stderr].map(async (stream) => {
      for await (const chunk of stream) output += new TextDecoder().decode(chunk);
    });
    try {
      await eventually("the server to be ready", () => output.includes("IndiMail runs from"));
      assert(
        output.includes(`IndiMail runs from ${home}/.local/share/indimail (pid ${serve.pid}) on 127.0.0.1`),
        output,
      );
      await run(["vadduser", "ann@own.test", "secret"]);
      const inject = ["qmail-inject", "-f", "joe@own.test", "ann@own.test"];
      await run(inject, "Subject: by program\n\nhi\n");
      await command("swaks", ["--server", "127.0.0.1", "--port", port("smtp"), "--to", "ann@own.test"]);
      const pop = ["-sSk", "--user", "ann@own.test:secret", `pop3s://127.0.0.1:${port("pop3s")}/`];
      await eventually("both messages", async () => /^2 \d/m.test((await command("curl", pop)).stdout));
      assertMatch(await run(["status"]), /^mailbox +up /m);
      assertMatch(await run(["doctor"]), /^server +ok /m);
    } finally {
      killChild(serve, "SIGTERM");
      assertEquals((await serve.status).code, 0, output);
      await Promise.all(reading);
    }
    assertEquals(output.match(/starting it again/g), null, output);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

if (isCompiledRun) Deno.test("an ordinary user has a server below the home, and the tools find it", ordinaryUser);
else console.error("SKIPPED: an ordinary user's server is tested with the compiled executable only");
