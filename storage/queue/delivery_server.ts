/**
 * The daemons' side of the delivery protocol (delivery_channel.ts): takes the queue's connections on a socket in `run`,
 * runs what is asked for, reports it, tells when it is durable, and ends once everything that runs has ended.
 */
import type { Proc } from "../../core/applet.ts";
import { type Frame, type FrameChannel, listenChannels } from "../../core/channel.ts";
import { socketPath } from "../../core/paths.ts";
import { DELIVERY, type DeliveryReport, type DeliveryRequest, formatReport, parseRequest } from "./delivery_channel.ts";

/** Deliveries that a queue may have running here at once. */
const DELIVERIES_MAX = 500;
/** How long the end waits for deliveries that are running, and how often it looks. */
const STOP_WAIT_MS = 20_000;
const STOP_POLL_MS = 20;
/** Mode of the socket: the queue's group. */
const SOCKET_MODE = 0o660;

/** A delivery that was reported done and is not yet known to be durable. */
export interface DeliveryToken {
  readonly channel: FrameChannel;
  readonly number: number;
}

/** What a daemon does; `O` is how a delivery of its kind ends. */
export interface DeliveryHooks<O extends { readonly report: DeliveryReport }> {
  /** Runs a delivery; the bytes of an inline message are its own. */
  deliver(request: DeliveryRequest, inlineBody: Uint8Array): Promise<O>;
  /** The end of a delivery that threw: temporary. */
  failed(error: unknown): O;
  /** A delivery was reported done: makes it durable, if it is not, and tells so by `tellDurable`. */
  done(outcome: O, token: DeliveryToken): void;
  /** Nothing runs any more: what is left to do before the connections close. */
  stopping(): Promise<void>;
}

/** Serves deliveries on the socket `name` until the process is to stop, and for a while until those that run have ended. */
export async function serveDeliveries<O extends { readonly report: DeliveryReport }>(
  proc: Proc,
  name: "local" | "remote",
  hooks: DeliveryHooks<O>,
): Promise<void> {
  const server = new DeliveryServer(hooks);
  const path = socketPath(proc.paths, name);
  const listener = listenChannels(path, { mode: SOCKET_MODE }, (channel) => server.serve(channel));
  proc.log.line(`status: ${name} daemon is ready`);
  await new Promise<void>((resolve) => {
    if (proc.stopping.aborted) resolve();
    else proc.stopping.addEventListener("abort", () => resolve(), { once: true });
  });
  listener.close();
  const end = Date.now() + STOP_WAIT_MS;
  while (server.running > 0 && Date.now() < end) await proc.clock.sleep(STOP_POLL_MS);
  await hooks.stopping();
  await server.close();
}

class DeliveryServer<O extends { readonly report: DeliveryReport }> {
  readonly #hooks: DeliveryHooks<O>;
  readonly #channels = new Set<FrameChannel>();
  /** Deliveries that have no report yet. */
  running = 0;

  constructor(hooks: DeliveryHooks<O>) {
    this.#hooks = hooks;
  }

  serve(channel: FrameChannel): void {
    this.#channels.add(channel);
    channel.send(DELIVERY.hello, DELIVERIES_MAX);
    channel.receive((frame) => this.#receive(channel, frame)).finally(() => this.#channels.delete(channel));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#channels].map((channel) => channel.flushed()));
    for (const channel of this.#channels) channel.close();
  }

  #receive(channel: FrameChannel, frame: Frame): void {
    if (frame.type !== DELIVERY.request) return;
    const number = frame.id;
    const payload = frame.payload.slice(); // valid only until this returns
    this.running++;
    this.#deliver(payload).catch((error) => this.#hooks.failed(error)).then((outcome) => {
      this.running--;
      channel.send(DELIVERY.report, number, formatReport(outcome.report));
      if (outcome.report.kind === "done") this.#hooks.done(outcome, { channel, number });
    });
  }

  async #deliver(payload: Uint8Array): Promise<O> {
    const { request, inlineBody } = parseRequest(payload);
    return await this.#hooks.deliver(request, inlineBody);
  }
}

/** Tells the queue that these deliveries are safe from a power cut. */
export function tellDurable(tokens: readonly DeliveryToken[]): void {
  for (const [channel, group] of Map.groupBy(tokens, ({ channel }) => channel)) {
    const payload = new Uint8Array(group.length * 4);
    const view = new DataView(payload.buffer);
    group.forEach(({ number }, at) => view.setUint32(at * 4, number, true));
    channel.send(DELIVERY.durable, 0, payload);
  }
}
