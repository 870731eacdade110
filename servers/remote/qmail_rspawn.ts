/**
 * qmail-rspawn as a resident daemon: takes deliveries to other hosts from the queue over its socket, keeps connections,
 * and reports each.
 */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { type Frame, type FrameChannel, listenChannels } from "../../core/channel.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import { socketPath } from "../../core/paths.ts";
import { DELIVERY, type DeliveryReport, formatReport, parseRequest } from "../../storage/queue/delivery_channel.ts";
import { createRemoteContext, REMOTE_CONTROL, REMOTE_ENV } from "./bind.ts";
import { deliverRemote, type RemoteContext } from "./deliver.ts";
import { singleReport } from "./outcome.ts";

/** Deliveries that a queue may have running here at once. */
const DELIVERIES_MAX = 500;
/** How long the end waits for deliveries that are running. */
const STOP_WAIT_MS = 20_000;
/** Mode of the socket: the queue's group. */
const SOCKET_MODE = 0o660;
const CHUNK_BYTES = 64 * 1024;

class RemoteDaemon {
  readonly #proc: Proc;
  readonly #context: RemoteContext;
  readonly #channels = new Set<FrameChannel>();
  #running = 0;

  constructor(proc: Proc, context: RemoteContext) {
    this.#proc = proc;
    this.#context = context;
  }

  serve(channel: FrameChannel): void {
    this.#channels.add(channel);
    channel.send(DELIVERY.hello, DELIVERIES_MAX);
    channel.receive((frame) => this.#receive(channel, frame)).finally(() => this.#channels.delete(channel));
  }

  /** Waits for what runs, and closes. */
  async stop(): Promise<void> {
    const end = Date.now() + STOP_WAIT_MS;
    while (this.#running > 0 && Date.now() < end) await this.#proc.clock.sleep(20);
    this.#context.pool.close();
    await Promise.all([...this.#channels].map((channel) => channel.flushed()));
    for (const channel of this.#channels) channel.close();
  }

  #receive(channel: FrameChannel, frame: Frame): void {
    if (frame.type !== DELIVERY.request) return;
    const number = frame.id;
    const payload = frame.payload.slice(); // valid only until this returns
    this.#running++;
    this.#deliver(payload).catch((error): DeliveryReport => ({
      kind: "temporary",
      text: `Sorry, something of this system failed: ${errorText(error)}. (#4.3.0)`,
    })).then((report) => {
      this.#running--;
      channel.send(DELIVERY.report, number, formatReport(report));
      if (report.kind !== "done") return;
      const durable = new Uint8Array(4);
      new DataView(durable.buffer).setUint32(0, number, true);
      channel.send(DELIVERY.durable, 0, durable); // the peer has it: nothing of ours is left to sync
    });
  }

  async #deliver(payload: Uint8Array): Promise<DeliveryReport> {
    const { request, inlineBody } = parseRequest(payload);
    const { body, extraHeader, sizeBytes } = request;
    const head = latin1Bytes(extraHeader);
    const outcome = await deliverRemote(this.#context, {
      host: request.host,
      route: request.route,
      sender: request.sender,
      recipients: [request.recipient],
      sizeBytes: sizeBytes + head.length,
      async *chunks() {
        if (head.length > 0) yield head;
        if (body.kind === "inline") yield inlineBody;
        else yield* fileChunks(body.path, body.offsetBytes, sizeBytes);
      },
    });
    return singleReport(outcome);
  }
}

async function* fileChunks(path: string, offsetBytes: number, sizeBytes: number): AsyncIterable<Uint8Array> {
  using file = await Deno.open(path);
  file.seekSync(offsetBytes, Deno.SeekMode.Start);
  const buffer = new Uint8Array(CHUNK_BYTES);
  for (let left = sizeBytes; left > 0;) {
    const count = await file.read(buffer.subarray(0, Math.min(left, CHUNK_BYTES)));
    if (count === null) throw new Temporary(`${path} is ${left} bytes shorter than it should be`);
    left -= count;
    yield buffer.subarray(0, count);
  }
}

export const applet = defineApplet({
  names: ["qmail-rspawn"],
  section: 8,
  summary: "send messages of the queue to other hosts",
  role: "remote",
  dialect: "daemon",
  daemon: true,
  options: {},
  description:
    `qmail-rspawn waits on its Unix socket for deliveries from the queue daemon and sends each message to the host
of its recipient, as qmail-remote does. A connection that has delivered stays open a few seconds for the next message.`,
  env: REMOTE_ENV,
  control: REMOTE_CONTROL,
  files: { "run/remote.socket": "where the queue daemon connects" },
  seeAlso: ["qmail-remote(8)", "qmail-send(8)"],
  source: ["[man qmail-rspawn.9]", "[spec formats 2]"],
  async run(proc) {
    const context = createRemoteContext(proc);
    const daemon = new RemoteDaemon(proc, context);
    const path = socketPath(proc.paths, "remote");
    const listener = listenChannels(path, { mode: SOCKET_MODE }, (channel) => daemon.serve(channel));
    proc.onSignal("SIGHUP", () => context.control.reread());
    proc.log.line("status: remote daemon is ready");
    await new Promise<void>((resolve) => {
      if (proc.stopping.aborted) resolve();
      else proc.stopping.addEventListener("abort", () => resolve(), { once: true });
    });
    listener.close();
    await daemon.stop();
  },
});
