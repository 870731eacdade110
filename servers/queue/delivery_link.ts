/**
 * The connection to one delivery daemon (local or remote), kept up for as long as the queue runs: connects, waits for
 * its HELLO, and connects again when it is lost, after a pause that grows from 50 ms to 5 s.
 */
import type { Clock } from "../../core/applet.ts";
import { connectChannel, type FrameChannel } from "../../core/channel.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import {
  DELIVERY,
  type DeliveryReport,
  type DeliveryRequest,
  formatRequest,
  parseReport,
} from "../../storage/queue/delivery_channel.ts";

const PAUSE_MS_MIN = 50;
const PAUSE_MS_MAX = 5000;

/** What happens on the connection. */
export interface DeliveryLinkEvents {
  /** The daemon is there and takes deliveries. */
  up(): void;
  /** The connection is lost: nothing in flight will be answered. */
  down(reason: string): void;
  report(delivery: number, report: DeliveryReport): void;
  /** The delivery's success is safe from a power cut. */
  durable(delivery: number): void;
}

/** What the deliveries of a channel need of the connection; tests have fakes. */
export interface DeliveryLinkLike {
  /** Deliveries that the daemon runs at once; 0 while it is not there. */
  readonly limit: number;
  send(delivery: number, request: DeliveryRequest, inlineBody?: Uint8Array): void;
  start(): void;
  stop(): Promise<void>;
}

/** The connection to the daemon that listens on `path`. */
export class DeliveryLink implements DeliveryLinkLike {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #events: DeliveryLinkEvents;
  readonly #stopping = new AbortController();
  #channel: FrameChannel | undefined;
  #limit = 0;
  #running: Promise<void> | undefined;

  constructor(path: string, clock: Clock, events: DeliveryLinkEvents) {
    this.#path = path;
    this.#clock = clock;
    this.#events = events;
  }

  get limit(): number {
    return this.#limit;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#channel?.flushed();
    this.#channel?.close();
    await this.#running;
  }

  send(delivery: number, request: DeliveryRequest, inlineBody?: Uint8Array): void {
    this.#channel?.send(DELIVERY.request, delivery, ...formatRequest(request, inlineBody));
  }

  async #run(): Promise<void> {
    const signal = this.#stopping.signal;
    let pauseMs = PAUSE_MS_MIN;
    while (!signal.aborted) {
      const answered = await this.#serve();
      if (signal.aborted) break;
      pauseMs = answered ? PAUSE_MS_MIN : Math.min(pauseMs * 2, PAUSE_MS_MAX);
      try {
        await this.#clock.sleep(pauseMs, signal);
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }
  }

  /** One connection from its beginning to its end; true when the daemon said HELLO. */
  async #serve(): Promise<boolean> {
    let channel: FrameChannel;
    try {
      channel = await connectChannel(this.#path);
    } catch (error) {
      if (error instanceof Temporary) return false;
      throw error;
    }
    this.#channel = channel;
    if (this.#stopping.signal.aborted) channel.close();
    let answered = false;
    let reason = "connection to the delivery daemon was lost";
    try {
      await channel.receive(({ type, id, payload }) => {
        if (type === DELIVERY.hello) {
          answered = true;
          this.#limit = id;
          this.#events.up();
        } else if (type === DELIVERY.report) this.#events.report(id, parseReport(payload));
        else if (type === DELIVERY.durable) this.#durable(payload);
      });
    } catch (error) {
      reason = `connection to the delivery daemon failed: ${errorText(error)}`;
      channel.close();
    }
    this.#channel = undefined;
    this.#limit = 0;
    if (answered) this.#events.down(reason);
    return answered;
  }

  #durable(payload: Uint8Array): void {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    for (let at = 0; at + 4 <= payload.length; at += 4) this.#events.durable(view.getUint32(at, true));
  }
}
