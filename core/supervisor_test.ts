/** Supervisor, with tiny shell scripts as services. */
import { assert, assertEquals } from "../tests/support/assert.ts";
import type { SpawnOptions } from "./applet.ts";
import { preloadLibc } from "./libc/libc.ts";
import { spawnProgram } from "./proc.ts";
import { RESTART_INTERVAL_MS, type ServiceSpec, Supervisor } from "./supervisor.ts";

preloadLibc();

const PROGRAMS = { entries: [], origin: { mainUrl: import.meta.url } };

function spec(name: string, script: string, more: Partial<ServiceSpec> = {}): ServiceSpec {
  const env = { PATH: "/usr/bin:/bin" };
  return { name, program: "/bin/sh", args: ["-c", script], env, stage: 1, stopMs: 5000, ...more };
}

interface Watched {
  readonly supervisor: Supervisor;
  readonly lines: string[];
  /** Resolves when a line is there that holds the text. */
  seen(text: string): Promise<void>;
}

function watch(specs: readonly ServiceSpec[]): Watched {
  const lines: string[] = [];
  const waiting: { text: string; resolve: () => void }[] = [];
  const supervisor = new Supervisor(specs, {
    spawn: (options: SpawnOptions) => Promise.resolve(spawnProgram(options, PROGRAMS)),
    changed: () => undefined,
    line(service, text) {
      lines.push(`${service}: ${text}`);
      for (const wait of waiting.filter((candidate) => `${service}: ${text}`.includes(candidate.text))) wait.resolve();
    },
  });
  const seen = (text: string) =>
    new Promise<void>((resolve) => {
      if (lines.some((line) => line.includes(text))) resolve();
      else waiting.push({ text, resolve });
    });
  return { supervisor, lines, seen };
}

const WAIT_FOR_EVER = "trap 'kill $!; echo stopped; exit 0' TERM; trap 'echo reread' HUP; echo up; " +
  "while :; do sleep 1000 & wait $!; kill $! 2>/dev/null; done";

Deno.test("services start, their lines carry their names, HUP reaches them, and they stop on TERM", async () => {
  const { supervisor, lines, seen } = watch([spec("one", WAIT_FOR_EVER), spec("two", WAIT_FOR_EVER)]);
  await supervisor.start();
  await Promise.all([seen("one: up"), seen("two: up")]);
  assertEquals(supervisor.status().map(({ name, state, restarts }) => ({ name, state, restarts })), [
    { name: "one", state: "up", restarts: 0 },
    { name: "two", state: "up", restarts: 0 },
  ]);
  supervisor.signal("SIGHUP");
  await Promise.all([seen("one: reread"), seen("two: reread")]);
  const stopped = Promise.all([seen("one: stopped"), seen("two: stopped")]);
  await supervisor.stop();
  await stopped;
  assertEquals(supervisor.status().map(({ state }) => state), ["stopped", "stopped"]);
  assert(!lines.some((line) => line.startsWith("supervisor:")), lines.join("\n"));
});

Deno.test("a service that ends by itself is started again, at most once a second, and said so", async () => {
  const starts: number[] = [];
  const folder = Deno.makeTempDirSync();
  try {
    const script = `echo started; n=$(cat ${folder}/n 2>/dev/null || echo 0); echo $((n+1)) > ${folder}/n
      [ $n -ge 1 ] && { echo enough; exec sleep 1000; }; exit 7`;
    const { supervisor, lines, seen } = watch([spec("crashing", script)]);
    await supervisor.start();
    starts.push(supervisor.status()[0]!.startedMs);
    await seen("crashing: enough");
    starts.push(supervisor.status()[0]!.startedMs);
    assert(starts[1]! - starts[0]! >= RESTART_INTERVAL_MS - 1, `started again after ${starts[1]! - starts[0]!} ms`);
    assertEquals(supervisor.status()[0]!.restarts, 1);
    assert(lines.some((line) => /^supervisor: crashing \(pid \d+\) ended with exit code 7; starting/.test(line)));
    await supervisor.stop();
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("a service killed by a signal is reported with the signal", async () => {
  const { supervisor, seen } = watch([spec("killed", "echo up; exec sleep 1000")]);
  await supervisor.start();
  await seen("killed: up");
  Deno.kill(supervisor.status()[0]!.pid, "SIGKILL");
  await seen("was killed by signal 9; starting it again");
  await supervisor.stop();
  assertEquals(supervisor.status()[0]!.state, "stopped");
});

Deno.test("a signal for a service that has just started waits until it can take it", async () => {
  const script = `sleep 0.1; ${WAIT_FOR_EVER}`; // HUP would kill it before its trap is set
  const { supervisor, lines, seen } = watch([spec("slow", script, { settleMs: 500 })]);
  await supervisor.start();
  supervisor.signal("SIGHUP");
  await seen("slow: reread");
  await supervisor.stop();
  assert(!lines.some((line) => line.startsWith("supervisor:")), lines.join("\n"));
});

Deno.test("a signal that waits is not for the process that comes after", async () => {
  const script = `echo up; sleep 1000 & wait $!`; // HUP kills it
  const { supervisor, lines, seen } = watch([spec("killed", script, { settleMs: RESTART_INTERVAL_MS + 300 })]);
  await supervisor.start();
  await seen("killed: up");
  supervisor.signal("SIGHUP");
  Deno.kill(supervisor.status()[0]!.pid, "SIGKILL");
  await seen("was killed by signal 9; starting it again");
  await new Promise((resolve) => setTimeout(resolve, RESTART_INTERVAL_MS + 800));
  assert(!lines.some((line) => line.includes("killed by signal 1;")), lines.join("\n"));
  assertEquals(supervisor.status()[0]!.restarts, 1);
  await supervisor.stop();
});

Deno.test("a service that does not stop within its time is killed", async () => {
  const { supervisor, seen } = watch([
    spec("stubborn", "trap '' TERM; echo up; while :; do sleep 0.05; done", { stopMs: 50 }),
  ]);
  await supervisor.start();
  await seen("stubborn: up");
  await supervisor.stop();
  await seen("stubborn did not stop within 50 ms: killed");
});

Deno.test("a later stage starts when the earlier one is ready, and stops first", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const readyPath = `${folder}/ready`;
    Deno.writeTextFileSync(readyPath, "left by an earlier process");
    const gone = `${folder}/gone`;
    const stops = (then: string) => WAIT_FOR_EVER.replace("exit 0", `${then}; exit 0`);
    // lines of two processes may arrive in any order: the first one itself says whether the second was gone
    const last = stops(`test -e ${gone} && echo last`);
    const first = spec("first", `sleep 0.1; touch ${readyPath}; ${last}`, { readyPath });
    const second = spec("second", `test -e ${readyPath} && echo in order; ${stops(`touch ${gone}`)}`, { stage: 2 });
    const { supervisor, lines, seen } = watch([second, first]);
    await supervisor.start();
    await Promise.all([seen("second: up"), seen("first: up")]);
    assert(lines.includes("second: in order"), lines.join("\n"));
    const stopped = Promise.all([seen("second: stopped"), seen("first: last")]);
    await supervisor.stop();
    await stopped;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("a program that cannot be run is tried again until stopped", async () => {
  const { supervisor, seen } = watch([{ ...spec("missing", ""), program: "/nonexistent/program" }]);
  await supervisor.start();
  await seen("missing: unable to run /nonexistent/program");
  assertEquals(supervisor.status()[0]!.state, "waiting");
  await supervisor.stop();
  assertEquals(supervisor.status()[0]!.state, "stopped");
});

Deno.test("the start is over when each service has said that it is ready", async () => {
  const { supervisor, lines } = watch([spec("slow", `sleep 0.2; echo ready on 25; ${WAIT_FOR_EVER}`, {
    readyText: "ready on ",
  })]);
  await supervisor.start();
  assert(lines.includes("slow: ready on 25"), lines.join("\n"));
  await supervisor.stop();
});

Deno.test("a service that is started when wanted is idle until then; an old wish does not count", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const wantedPath = `${folder}/wanted`;
    Deno.writeTextFileSync(wantedPath, "");
    const { supervisor, seen } = watch([spec("seldom", WAIT_FOR_EVER, { wantedPath, readyPath: `${folder}/socket` })]);
    await supervisor.start();
    assertEquals(supervisor.status()[0]!.state, "idle");
    Deno.writeTextFileSync(wantedPath, "");
    await seen("seldom: up");
    assertEquals(supervisor.status()[0]!.state, "up");
    await supervisor.stop();
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
