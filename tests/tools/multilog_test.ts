/**
 * multilog as a process: services that are killed, multilog itself ended again and again under a busy writer, a disk that
 * is really full. Every line that was written is in the log once, in order.
 */
import { DENO_RUN_FLAGS } from "../../core/self.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { command, eventually } from "../support/installation.ts";
import { killChild } from "../support/kill_child.ts";

const MAIN = decodeURIComponent(new URL("../../main.ts", import.meta.url).pathname);
const EXECUTABLE = Deno.env.get("INDIMAIL_BIN");
const MULTILOG = EXECUTABLE === undefined
  ? [Deno.execPath(), ...DENO_RUN_FLAGS, MAIN, "multilog"]
  : [Deno.realPathSync(EXECUTABLE), "multilog"];

/** A folder with a FIFO; multilog reads it, shells write to it. */
class Site implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "multilog-test." });
  readonly #children: Deno.ChildProcess[] = [];
  readonly #held: Deno.FsFile;

  constructor() {
    new Deno.Command("mkfifo", { args: [`${this.folder}/pipe`] }).outputSync();
    // held open, so that neither side sees an end when the other is started again
    this.#held = Deno.openSync(`${this.folder}/pipe`, { read: true, write: true });
  }

  start(text: string): Deno.ChildProcess {
    const child = new Deno.Command("sh", { args: ["-c", text, "sh", ...MULTILOG], cwd: this.folder }).spawn();
    this.#children.push(child);
    return child;
  }

  /** All lines of the log. */
  lines(log: string): string[] {
    if (!exists(`${this.folder}/${log}/current`)) return [];
    const names = [...Deno.readDirSync(`${this.folder}/${log}`)].map(({ name }) => name);
    const files = [...names.filter((name) => name.startsWith("@")).sort(), "current"];
    return files.map((name) => Deno.readTextFileSync(`${this.folder}/${log}/${name}`)).join("").split("\n").slice(
      0,
      -1,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#held.close();
    for (const child of this.#children) {
      killChild(child, "SIGKILL");
      await child.status;
    }
    await Deno.remove(this.folder, { recursive: true });
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).size > 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test("what a service wrote before it was killed is in the log", async () => {
  await using site = new Site();
  const multilog = site.start('exec "$@" s100000 n100 ./log <pipe');
  for (let round = 0; round < 5; round++) {
    // a number is noted in `done` when its line has gone into the pipe
    const service = site.start(`i=0; while :; do i=$((i+1)); echo ${round} $i >pipe; echo ${round} $i >>done; done`);
    await eventually(
      "the service has written",
      () =>
        Promise.resolve(
          exists(`${site.folder}/done`) && Deno.readTextFileSync(`${site.folder}/done`).includes(`${round} 50\n`) ||
            undefined,
        ),
    );
    service.kill("SIGKILL");
    await service.status;
  }
  const done = Deno.readTextFileSync(`${site.folder}/done`).trimEnd().split("\n");
  await eventually(
    "the log has the last line",
    () => Promise.resolve(site.lines("log").includes(done.at(-1) ?? "") || undefined),
  );
  multilog.kill("SIGTERM");
  assertEquals((await multilog.status).code, 0);
  const logged = new Set(site.lines("log"));
  assertEquals(done.filter((line) => !logged.has(line)), []);
});

const BUSY_WRITER = `exec 3>pipe
last=0
until test -e stop; do
  seq $((last + 1)) $((last + 1000)) >&3
  last=$((last + 1000))
done
echo $last >count`;

Deno.test("one multilog after the other takes on a pipe, and no line is lost, doubled or cut", async () => {
  await using site = new Site();
  const writer = site.start(BUSY_WRITER);
  const current = `${site.folder}/log/current`;
  let size = 0;
  for (let round = 0; round < 8; round++) {
    const multilog = site.start('exec "$@" ./log <pipe');
    await eventually("it has taken on", () => {
      return Promise.resolve(exists(current) && Deno.statSync(current).size > size || undefined);
    });
    if (round === 7) {
      Deno.writeTextFileSync(`${site.folder}/stop`, "");
      assertEquals((await writer.status).code, 0);
      const count = Deno.readTextFileSync(`${site.folder}/count`).trim();
      await eventually(
        "the last line is there",
        () => Promise.resolve(site.lines("log").at(-1) === count || undefined),
      );
    }
    multilog.kill("SIGTERM");
    assertEquals((await multilog.status).code, 0);
    size = Deno.statSync(current).size;
  }
  const lines = site.lines("log");
  assertEquals(lines.length, Number(Deno.readTextFileSync(`${site.folder}/count`)));
  assert(lines.every((line, at) => line === String(at + 1)));
});

const FULL_DISK = `set -e
mkdir disk
mount -t tmpfs -o size=64k none disk
head -c 40000 /dev/zero >disk/filler
(seq 1 20000 | "$@" s4096 n1000 ./disk/log 2>warnings; echo $? >code) &
until test -s warnings; do sleep 0.05; done
cat disk/log/@* disk/log/current >before
mount -o remount,size=1m disk
wait
cat warnings >&2
cat disk/log/@* disk/log/current
`;

Deno.test({
  name: "a full disk is waited for, and nothing is lost",
  ignore: Deno.uid() !== 0,
  fn: async () => {
    await using site = new Site();
    const args = ["-m", "sh", "-c", FULL_DISK, "sh", ...MULTILOG];
    const { code, stdout, stderr } = await command("unshare", args, { cwd: site.folder });
    assertEquals(code, 0, stderr);
    assert(stderr.includes("multilog: warning: unable to "), stderr);
    assert(stderr.includes("pausing: No space left on device"), stderr);
    assertEquals(stdout, Array.from({ length: 20_000 }, (_, at) => `${at + 1}\n`).join(""));
    assert(Deno.readTextFileSync(`${site.folder}/before`).length < stdout.length);
    assertEquals(Deno.readTextFileSync(`${site.folder}/code`), "0\n");
  },
});
