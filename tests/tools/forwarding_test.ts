/**
 * Programs of .qmail lines as processes: a filter and a queue that are killed in the middle, a message of many megabytes,
 * takers of turns at the same time. Half a message is never queued, and what could not be queued is told.
 */
import { createHash } from "node:crypto";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { command, type CommandResult } from "../support/installation.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const FLAGS = ["run", "-A", "--no-prompt", "--unstable-net", "--unstable-worker-options", MAIN];
const BINARY = Deno.env.get("INDIMAIL_BIN");
const MEGABYTE = 1024 * 1024;

/** A folder with a message and a qmail-queue that stores what it gets. */
class World implements AsyncDisposable {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(): Promise<World> {
    const world = new World(await Deno.makeTempDir({ prefix: "indimail-forwarding." }));
    await Deno.writeTextFile(`${world.folder}/m`, "To: joe@in.test\nMessage-ID: <1@x>\n\nbody\n");
    await world.queue("cat >part && cat <&3 >envelope && mv part queued.$$");
    return world;
  }

  /** What the queue does: a shell script, with the envelope on descriptor 3. */
  async queue(script: string): Promise<void> {
    const text = `#!/bin/sh\nexec 3<&1 >/dev/null\ncd '${this.folder}'\n${script}\n`;
    await Deno.writeTextFile(`${this.folder}/queue`, text, { mode: 0o755 });
  }

  /** Runs a program of ours with the message as standard input. */
  async run(name: string, args: readonly string[]): Promise<CommandResult> {
    const ours = BINARY === undefined ? [Deno.execPath(), ...FLAGS, name] : [BINARY, name];
    return await command("sh", ["-c", 'exec "$@" <m', "sh", ...ours, ...args], {
      cwd: this.folder,
      env: {
        CONTROLDIR: this.folder,
        QMAILQUEUE: `${this.folder}/queue`,
        SKIP_LOCAL_ENVIRONMENT: "1",
        SENDER: "ann@out.test",
        NEWSENDER: "ann@out.test",
        RECIPIENT: "joe@in.test",
        LOCAL: "joe-r-x",
        HOST: "in.test",
        EXT: "",
        DTLINE: "Delivered-To: joe@in.test\n",
      },
    });
  }

  /** Names of messages that were queued whole. */
  queued(): string[] {
    return [...Deno.readDirSync(this.folder)].map(({ name }) => name).filter((name) => name.startsWith("queued."));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

Deno.test("what a filter wrote before it was killed is not sent, and the mail waits", async () => {
  await using world = await World.make();
  const filter = ["sh", "-c", "cat; echo more; kill -9 $$"];
  const filtered = await world.run("filterto", ["a@b.test", ...filter]);
  assertEquals([filtered.code, world.queued()], [111, []]);
  assertMatch(filtered.stderr, /killed by signal 9/);
  await command("sh", [
    "-c",
    "mkdir r; cd r; echo joe-r >inlocal; touch outlocal outhost mailinglist headeradd headerremove",
  ], {
    cwd: world.folder,
  });
  const replied = await world.run("replier", ["r", "a@b.test", ...filter]);
  assertEquals([replied.code, world.queued()], [111, []], replied.stderr);
});

Deno.test("a queue that is killed, or does not read, puts the mail off", async () => {
  await using world = await World.make();
  await Deno.mkdir(`${world.folder}/answers`);
  await Deno.writeTextFile(`${world.folder}/text`, "away\n");
  for (const script of ["kill -9 $$", "exit 0 </dev/null 3<&-", "exec sleep 0", "cat >/dev/null; kill -9 $$"]) {
    await world.queue(script);
    await Deno.writeTextFile(`${world.folder}/m`, `To: joe@in.test\n\n${"x".repeat(MEGABYTE)}\n`);
    for (
      const [name, ...args] of [["forward", "a@b.test"], ["condredirect", "a@b.test", "true"], [
        "filterto",
        "a@b.test",
        "cat",
      ]]
    ) {
      const { code, stderr } = await world.run(name!, args);
      assertEquals(code, 111, `${script}: ${name}: ${stderr}`);
    }
  }
  await world.queue("kill -9 $$");
  const answered = await world.run("autoresponder", ["text", "answers"]);
  assertEquals([answered.code, [...Deno.readDirSync(`${world.folder}/answers`)]], [111, []], answered.stderr);
});

Deno.test("a message of 64 MB passes through whole, in memory that does not grow with it", async () => {
  await using world = await World.make();
  using file = await Deno.open(`${world.folder}/m`, { write: true, truncate: true });
  const hash = createHash("sha256");
  const write = async (bytes: Uint8Array) => {
    hash.update(bytes);
    for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
  };
  await write(new TextEncoder().encode("To: joe@in.test\n\n"));
  const block = crypto.getRandomValues(new Uint8Array(64 * 1024));
  for (let count = 0; count < 1024; count++) await write(block);
  const wanted = hash.digest("hex");
  await world.queue(
    "grep VmHWM /proc/$PPID/status >memory; cat >part; grep VmHWM /proc/$PPID/status >>memory; mv part queued.1",
  );
  const { code, stderr } = await world.run("condredirect", ["a@b.test", "grep", "-qa", "joe"]);
  assertEquals(code, 99, stderr);
  const bytes = await Deno.readFile(`${world.folder}/queued.1`);
  const body = bytes.subarray("Delivered-To: joe@in.test\n".length);
  assertEquals(createHash("sha256").update(body).digest("hex"), wanted);
  const [before = 0, after = 0] = (await Deno.readTextFile(`${world.folder}/memory`)).match(/\d+/g)!.map(Number);
  assert(after - before < 32 * 1024, `${after - before} KB more`);
});

Deno.test("programs that take turns at the same time take each turn once", async () => {
  await using world = await World.make();
  await world.queue("cat >/dev/null; tr '\\0' '\\n' <&3 | sed -n 's/^T//p' >queued.$$");
  const runs = Array.from({ length: 6 }, () => world.run("rrforward", [".qmailrr", "a@x", "b@x", "c@x"]));
  for (const { code, stderr } of await Promise.all(runs)) assertEquals(code, 99, stderr);
  const sent = world.queued().map((name) => Deno.readTextFileSync(`${world.folder}/${name}`).trim());
  assertEquals(sent.toSorted(), ["a@x", "a@x", "b@x", "b@x", "c@x", "c@x"]);
});
