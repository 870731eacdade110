/** For tests of the queue daemon: a clock that can be moved, delivery daemons that do as told, and a whole queue. */
import type { Clock } from "../../core/applet.ts";
import { type ChannelListener, type FrameChannel, listenChannels } from "../../core/channel.ts";
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { realDisk } from "../../storage/disk.ts";
import {
  DELIVERY,
  type DeliveryReport,
  type DeliveryRequest,
  formatReport,
  parseRequest,
} from "../../storage/queue/delivery_channel.ts";
import { openQueueStore } from "../../storage/queue/store.ts";
import type { SubmissionResult } from "../../storage/queue/submission.ts";
import { createSubmissionClient } from "../../storage/queue/submission_client.ts";
import { QueueDaemon } from "./daemon.ts";

/** Real time, which a test can move forward. */
export class TestClock implements Clock {
  #offsetMs = 0;
  readonly #sleepers = new Set<() => void>();

  nowMs(): number {
    return Date.now() + this.#offsetMs;
  }

  sleep(durationMs: number, signal?: AbortSignal): Promise<void> {
    const endMs = this.nowMs() + durationMs;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      let timer: ReturnType<typeof setTimeout> | undefined;
      const leave = () => {
        clearTimeout(timer);
        this.#sleepers.delete(look);
        signal?.removeEventListener("abort", abort);
      };
      const abort = () => {
        leave();
        reject(signal?.reason);
      };
      const look = () => {
        clearTimeout(timer);
        const leftMs = endMs - this.nowMs();
        if (leftMs > 0) timer = setTimeout(look, Math.min(leftMs, 1_000_000));
        else {
          leave();
          resolve();
        }
      };
      signal?.addEventListener("abort", abort);
      this.#sleepers.add(look);
      look();
    });
  }

  advance(durationMs: number): void {
    this.#offsetMs += durationMs;
    for (const look of [...this.#sleepers]) look();
  }
}

/** A delivery that reached a fake daemon. */
export interface Delivered {
  readonly request: DeliveryRequest;
  readonly body: string;
  readonly number: number;
  answer(report: DeliveryReport, options?: { readonly durable?: boolean }): void;
  durable(): void;
}

/** What a fake daemon does with a delivery; undefined: nothing, the test answers. */
export type Behaviour = (request: DeliveryRequest) => DeliveryReport | undefined;

/** A delivery daemon that does as told. */
export class FakeDelivery {
  readonly seen: Delivered[] = [];
  behaviour: Behaviour = () => ({ kind: "done", text: "ok" });
  /** Successes are durable at once. */
  durableAtOnce = true;
  readonly #path: string;
  readonly #limit: number;
  readonly #running = new Set<Promise<void>>();
  readonly #channels = new Set<FrameChannel>();
  #listener: ChannelListener | undefined;

  constructor(path: string, limit = 100) {
    this.#path = path;
    this.#limit = limit;
    this.start();
  }

  start(): void {
    this.#listener = listenChannels(this.#path, { mode: 0o660 }, (channel) => {
      this.#channels.add(channel);
      channel.send(DELIVERY.hello, this.#limit);
      const running = channel.receive(({ id, payload }) => this.#receive(channel, id, payload)).finally(() => {
        this.#channels.delete(channel);
        this.#running.delete(running);
      });
      this.#running.add(running);
    });
  }

  #receive(channel: FrameChannel, number: number, payload: Uint8Array): void {
    const { request, inlineBody } = parseRequest(payload);
    const body = request.body.kind === "inline" ? inlineBody : Deno.readFileSync(request.body.path);
    const durable = () => channel.send(DELIVERY.durable, 0, new Uint8Array(new Uint32Array([number]).buffer));
    const delivered: Delivered = {
      request,
      body: latin1Text(body),
      number,
      durable,
      answer(report, options = {}) {
        channel.send(DELIVERY.report, number, formatReport(report));
        if (options.durable && report.kind === "done") durable();
      },
    };
    this.seen.push(delivered);
    const report = this.behaviour(request);
    if (report) delivered.answer(report, { durable: this.durableAtOnce });
  }

  get recipients(): string[] {
    return this.seen.map(({ request }) => request.recipient);
  }

  async stop(): Promise<void> {
    this.#listener?.close();
    for (const channel of this.#channels) channel.close();
    await Promise.all(this.#running);
  }
}

/** A queue daemon on a folder of its own, with fake delivery daemons. */
export class TestQueue {
  readonly folder = Deno.makeTempDirSync();
  readonly clock = new TestClock();
  readonly lines: string[] = [];
  readonly local: FakeDelivery;
  readonly remote: FakeDelivery;
  readonly socket = `${this.folder}/queue1.socket`;
  stopWaitMs = 5000;
  freeBytes = 1e12;
  daemon!: QueueDaemon;
  #running = false;

  constructor(control: Readonly<Record<string, string>> = {}) {
    Deno.mkdirSync(`${this.folder}/control`);
    const files = { me: "mx.example", locals: "local.example", virtualdomains: "v.example:v.example", ...control };
    for (const [name, text] of Object.entries(files)) this.control(name, text);
    this.local = new FakeDelivery(`${this.folder}/local.socket`);
    this.remote = new FakeDelivery(`${this.folder}/remote.socket`);
  }

  control(name: string, text: string): void {
    Deno.writeTextFileSync(`${this.folder}/control/${name}`, `${text}\n`);
  }

  get directory(): string {
    return `${this.folder}/queue1`;
  }

  async start(): Promise<void> {
    const log = { line: (text: string) => void this.lines.push(text), flush: () => Promise.resolve() };
    const store = await openQueueStore({
      disk: realDisk,
      directory: this.directory,
      split: 7,
      journal: { segmentBytes: 1024 * 1024 },
      clock: this.clock,
      log,
      freeBytes: () => Promise.resolve(this.freeBytes),
    });
    this.daemon = new QueueDaemon({
      store,
      disk: realDisk,
      control: new ControlFiles(`${this.folder}/control`),
      clock: this.clock,
      log,
      queue: "queue1",
      submitter: { uid: 7, pid: 77 },
      sockets: {
        queue: this.socket,
        local: `${this.folder}/local.socket`,
        remote: `${this.folder}/remote.socket`,
      },
      stopWaitMs: this.stopWaitMs,
    });
    await this.daemon.start();
    this.#running = true;
  }

  async stop(): Promise<void> {
    if (this.#running) await this.daemon.stop();
    this.#running = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.local.stop();
    await this.remote.stop();
    Deno.removeSync(this.folder, { recursive: true });
  }

  /** Hands over one message. */
  async submit(
    sender: string,
    recipients: readonly string[],
    text = "Subject: s\n\nhello\n",
  ): Promise<SubmissionResult> {
    const client = createSubmissionClient({ sockets: [this.socket] });
    const submission = await client.open({ uid: 1000, pid: 42 });
    await submission.write(latin1Bytes(text));
    const result = await submission.commit({ sender, recipients });
    client.close();
    return result;
  }

  hasLine(pattern: RegExp): boolean {
    return this.lines.some((line) => pattern.test(line));
  }

  /** Numbers of files in the queue's folders. */
  files(folder: "mess" | "info" | "local" | "remote" | "bounce" | "todo"): string[] {
    const names: string[] = [];
    for (const entry of Deno.readDirSync(`${this.directory}/${folder}`)) {
      if (entry.isFile) names.push(entry.name);
      else for (const file of Deno.readDirSync(`${this.directory}/${folder}/${entry.name}`)) names.push(file.name);
    }
    return names;
  }
}

const WAIT_MS = 20_000;

/** Waits until `look` is true; fails naming what was waited for. */
export async function until(what: string, look: () => boolean): Promise<void> {
  const endMs = Date.now() + WAIT_MS;
  while (!look()) {
    if (Date.now() > endMs) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
