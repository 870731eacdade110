import type { ProcessEnd } from "../../../core/applet.ts";
import { preloadLibc } from "../../../core/libc/libc.ts";
import { Poller } from "../../../core/libc/poll.ts";
import { assert, assertEquals } from "../../../tests/support/assert.ts";
import { sendLetters } from "./letters.ts";
import { type Job, Service, type ServicePlan, type StartReason } from "./service.ts";
import { ServiceFiles } from "./service_files.ts";
import { type Status, tryParseStatus } from "./status.ts";

preloadLibc();

const OWN_PID = 4711;
const DAY_MS = 86_400_000;
const WAIT_MS_MAX = 20_000;

async function until(what: string, look: () => boolean): Promise<void> {
  for (const end = performance.now() + WAIT_MS_MAX; !look();) {
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A service whose processes are played; notes what was done. */
class Stage implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync();
  readonly poller = new Poller();
  readonly files = new ServiceFiles(`${this.folder}/supervise`);
  readonly done: string[] = [];
  readonly said: string[] = [];
  nowMs = 1_700_000_000_000;
  pid = 100;
  end: ((end: ProcessEnd | undefined) => void) | undefined;
  adopted: Job | undefined;
  startFails = false;
  initResults: boolean[] = [];
  endsAtTerm = true;

  service(more: Partial<ServicePlan> = {}): Service {
    const plan: ServicePlan = {
      name: "s",
      files: this.files,
      wanted: true,
      stopSignal: "SIGTERM",
      signalsGroup: false,
      start: (reason, ended) => this.#start(reason, ended),
      adopt: (ended) => {
        this.end = ended;
        return this.adopted;
      },
      init: () => Promise.resolve(this.initResults.shift() ?? true),
      alert: (pid, end) => Promise.resolve(void this.done.push(`alert ${pid} ${end?.code}`)),
      shutdown: (pid) => Promise.resolve(void this.done.push(`shutdown ${pid}`)),
      waitForOther: () => Promise.resolve(),
      ...more,
    };
    const service = new Service(plan, {
      poller: this.poller,
      clock: { nowMs: () => this.nowMs, sleep: () => Promise.resolve() },
      pid: OWN_PID,
      warn: (text) => void this.said.push(text),
      info: () => {},
    });
    service.begin();
    return service;
  }

  #start(reason: StartReason, ended: (end: ProcessEnd | undefined) => void): Promise<Job> {
    this.done.push(reason);
    if (this.startFails) return Promise.reject(new Error("no such program"));
    this.end = ended;
    return Promise.resolve(this.job(++this.pid));
  }

  job(pid: number): Job {
    return {
      pid,
      signal: (signal, target) => {
        this.done.push(`${signal} ${target}`);
        if (signal === "SIGTERM" && this.endsAtTerm) queueMicrotask(() => this.end?.({ code: 0, signal: 15 }));
      },
    };
  }

  status(): Status {
    const status = tryParseStatus(Deno.readFileSync(`${this.folder}/supervise/status`));
    assert(status !== undefined);
    return status;
  }

  letters(text: string): void {
    assert(sendLetters(`${this.folder}/supervise/control`, text));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.poller.close();
    this.files.close();
    await Deno.remove(this.folder, { recursive: true });
  }
}

Deno.test("a service is started, shown, stopped and left down", async () => {
  await using stage = new Stage();
  const service = stage.service();
  await until("it is up", () => stage.status().up);
  assertEquals([stage.status().pid, stage.status().want], [101, "up"]);
  stage.letters("d");
  await until("it is down", () => !stage.status().up);
  assertEquals([stage.status().pid, stage.status().want], [OWN_PID, "down"]);
  assertEquals(
    stage.done,
    ["auto startup", "shutdown 101", "SIGTERM process", "SIGCONT process"].slice(0, stage.done.length),
  );
  stage.letters("x");
  await service.exited;
});

Deno.test("a service that ends is alerted and started again, not sooner than a second after its start", async () => {
  await using stage = new Stage();
  const service = stage.service();
  await until("it is up", () => stage.status().up);
  const start = performance.now();
  stage.end?.({ code: 3, signal: 0 });
  await until("it is up again", () => stage.done.includes("abnormal startup"));
  assert(performance.now() - start > 800);
  assertEquals(stage.done, ["auto startup", "alert 101 3", "abnormal startup"]);
  service.stop();
  await service.exited;
});

Deno.test("jumps of the clock neither delay nor hasten a start, and show as they are", async () => {
  await using stage = new Stage();
  const service = stage.service();
  await until("it is up", () => stage.status().up);
  stage.nowMs -= DAY_MS;
  stage.end?.({ code: 0, signal: 9 });
  await until("it is up again", () => stage.status().up && stage.status().pid === 102);
  assertEquals(stage.status().changedNs, BigInt(stage.nowMs) * 1_000_000n);
  stage.nowMs += 2 * DAY_MS;
  const start = performance.now();
  stage.end?.({ code: 0, signal: 9 });
  await until("it is up once more", () => stage.status().up && stage.status().pid === 103);
  assert(performance.now() - start > 800);
  assertEquals(stage.status().changedNs, BigInt(stage.nowMs) * 1_000_000n);
  service.stop();
  await service.exited;
});

Deno.test("once is once, and G sends the next signal to the group", async () => {
  await using stage = new Stage();
  const service = stage.service({ wanted: false });
  await until("down is shown", () => stage.status().want === "down");
  stage.letters("o");
  await until("it is up", () => stage.status().up);
  assertEquals(stage.status().want, undefined);
  stage.letters("GhaG1");
  await until("signals", () => stage.done.length >= 4);
  assertEquals(stage.done.slice(1), ["SIGHUP group", "SIGALRM process", "SIGUSR1 group"]);
  stage.letters("p");
  await until("it is paused", () => stage.status().paused);
  stage.letters("c");
  await until("it goes on", () => !stage.status().paused);
  stage.end?.({ code: 0, signal: 0 });
  await until("it is down", () => !stage.status().up);
  stage.letters("x");
  await service.exited;
  assert(!stage.done.includes("abnormal startup"));
});

Deno.test("down calls off a start that waits, and up after it starts", async () => {
  await using stage = new Stage();
  const service = stage.service();
  await until("it is up", () => stage.status().up);
  stage.end?.({ code: 1, signal: 0 });
  await until("it is down", () => !stage.status().up);
  stage.letters("d");
  await until("down is wanted", () => stage.status().want === "down");
  stage.letters("u");
  await until("it is up again", () => stage.status().up);
  assertEquals(stage.done.filter((what) => what.endsWith("startup") || what.endsWith("restart")), [
    "auto startup",
    "manual restart",
  ]);
  stage.letters("r");
  await until("it was restarted", () => stage.status().up && stage.status().pid === 103);
  assertEquals(stage.done.at(-1) === "SIGCONT process" || stage.done.at(-1) === "manual restart", true);
  service.stop();
  await service.exited;
});

Deno.test("a start that fails is tried again, a failed init is not followed by a start", async () => {
  await using stage = new Stage();
  stage.startFails = true;
  const service = stage.service();
  await until("the second try", () => stage.done.includes("system failure"));
  assert(stage.said[0]?.includes("no such program"));
  service.stop();
  await service.exited;
  await using other = new Stage();
  other.initResults = [false, false];
  const waiting = other.service();
  await until("the failure is told", () => other.said.some((text) => text.includes("./init failed")));
  assertEquals(other.done, []);
  other.letters("dx");
  await waiting.exited;
});

Deno.test("what runs is adopted, with the time that was shown, and not started again", async () => {
  await using stage = new Stage();
  const first = stage.service();
  await until("it is up", () => stage.status().up);
  const { changedNs } = stage.status();
  first.abandon();
  await using second = new Stage();
  Deno.copyFileSync(`${stage.folder}/supervise/status`, `${second.folder}/supervise/status`);
  second.adopted = second.job(101);
  second.nowMs += DAY_MS;
  const service = second.service();
  assertEquals([service.pid, service.isUp, second.status().changedNs === changedNs], [101, true, true]);
  assertEquals(second.done, []);
  service.stop();
  await service.exited;
});
