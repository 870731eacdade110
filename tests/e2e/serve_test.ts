/**
 * `indimail serve` as an operator meets it: one for each root, status and doctor, a killed role comes back, HUP, a clean stop.
 * Under `deno run`, or the compiled binary when INDIMAIL_BIN is set.
 */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { eventually, Installation, isCompiledRun, pause } from "../support/installation.ts";

interface Status {
  readonly pid: number;
  readonly pssBytes: number;
  readonly roles: readonly { name: string; state: string; pid: number; restarts: number; pssBytes?: number }[];
  readonly queues: readonly { name: string; diskMessages: number; journalMessages?: number }[];
}

/** All seven processes at rest, in the compiled executable [decision 0065]. */
const REST_BYTES_MAX = 220 * 1024 * 1024;
/** How long after their start they may take to come to rest. */
const SETTLE_S = 20;
const ROLE_NAMES = ["supervisor", "lookup", "local", "remote", "queue", "network", "mailbox"];

async function status(installation: Installation): Promise<Status> {
  return JSON.parse(await installation.must("indimail-status", ["--json"]));
}

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test("serve runs every role as its own process, once for each root, and stops cleanly", async (t) => {
  await using installation = await Installation.start({ domain: "serve.test" });
  const before = await status(installation);

  await t.step("status shows every role up, and the queue", () => {
    assertEquals(before.roles.map(({ name }) => name), ROLE_NAMES);
    assertEquals(before.roles.filter(({ state }) => state !== "up"), []);
    assertEquals(new Set(before.roles.map(({ pid }) => pid)).size, ROLE_NAMES.length);
    assertEquals(
      before.queues.map(({ name, diskMessages, journalMessages }) => [name, diskMessages, journalMessages]),
      [
        ["queue1", 0, 0],
      ],
    );
  });

  await t.step("all roles at rest take less memory than allowed, compiled", async () => {
    if (!isCompiledRun) return console.log("not compiled: memory is not judged");
    let now = before;
    for (let tries = 0; tries < SETTLE_S && now.pssBytes > REST_BYTES_MAX; tries++) {
      await pause(1000);
      now = await status(installation);
    }
    const shares = now.roles.map(({ name, pssBytes }) => `${name} ${pssBytes}`).join(", ");
    assert(now.pssBytes <= REST_BYTES_MAX, `${now.pssBytes} bytes: ${shares}`);
  });

  await t.step("every role logs the fences that it stands behind, and doctor repeats them", async () => {
    const { code, stdout } = await installation.run("indimail-doctor", []);
    assertEquals(code, 0, stdout);
    for (const role of ROLE_NAMES.slice(1)) {
      assertMatch(stdout, new RegExp(`^${role} permissions +ok`, "m"));
      assert(!new RegExp(`^${role} .*not running`, "m").test(stdout), stdout);
    }
  });

  await t.step("a second serve on the same root is refused and names the first", async () => {
    const { code, stderr } = await installation.run("indimail-serve", []);
    assertEquals(code, 111);
    assertMatch(stderr, new RegExp(`another serve with pid ${installation.pid} runs on`));
  });

  await t.step("a server on ports that are taken says which, and starts nothing", async () => {
    const other = Deno.makeTempDirSync({ prefix: "indimail-ports." });
    try {
      const args = ["--root", other, "--domain", "other.test", "--port-offset", String(installation.offset)];
      const { code, stdout, stderr } = await installation.run("indimail-serve", args);
      assertEquals([code, stdout], [111, ""]);
      assertMatch(stderr, /somebody listens on ports of 127\.0\.0\.1 already \(smtp \d+, .*pop3s \d+\): stop that/);
    } finally {
      Deno.removeSync(other, { recursive: true });
    }
  });

  await t.step("a role that is killed is started again, the others are left alone", async () => {
    const killed = before.roles.find(({ name }) => name === "lookup");
    assert(killed);
    Deno.kill(killed.pid, "SIGKILL");
    const lookup = await eventually("lookup to be started again", async () => {
      const now = (await status(installation)).roles.find(({ name }) => name === "lookup");
      return now?.state === "up" && now.pid !== killed.pid ? now : undefined;
    });
    assertEquals(lookup.restarts, 1);
    const others = (roles: Status["roles"]) => roles.filter(({ name }) => name !== "lookup").map(({ pid }) => pid);
    assertEquals(others((await status(installation)).roles), others(before.roles));
  });

  await t.step("HUP is not the end", async () => {
    Deno.kill(installation.pid, "SIGHUP");
    const now = await status(installation);
    assertEquals(now.roles.filter(({ state }) => state !== "up"), []);
  });

  await t.step("TERM ends every process with exit code 0; a second start makes nothing anew", async () => {
    const last = await status(installation);
    assertEquals(await installation.stop(), 0);
    assertEquals(last.roles.filter(({ pid }) => isRunning(pid)), []);
    const shown = installation.output.match(/with password/g)?.length;
    await installation.serve();
    assertEquals(installation.output.match(/with password/g)?.length, shown);
    assertEquals(shown, 1);
  });

  await t.step("when the supervisor itself is killed, its roles end", async () => {
    const last = await status(installation);
    await installation.stop("SIGKILL");
    await eventually("all roles to end", () => !last.roles.some(({ pid }) => isRunning(pid)));
  });
});
