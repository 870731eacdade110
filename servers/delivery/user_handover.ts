/**
 * Hands deliveries to system users over to indimail-userd, which is root where this daemon is not; asks the supervisor to
 * start it when it does not run.
 */
import { connectChannel, type FrameChannel } from "../../core/channel.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import { type Paths, socketPath } from "../../core/paths.ts";
import { DELIVERY, type DeliveryReport, formatRequest, parseReport } from "../../storage/queue/delivery_channel.ts";
import type { DeliveryJob } from "./context.ts";
import type { LocalRecipient } from "./environment.ts";
import { deferred, type DeliveryOutcome } from "./outcome.ts";

/** How long the supervisor may take to start it. */
const START_WAIT_MS = 15_000;
const START_POLL_MS = 100;
const NUMBER_MAX = 0xffffffff;

/** One connection to indimail-userd, opened at the first delivery and again when lost. */
export class UserHandover {
  readonly #paths: Paths;
  readonly #waiting = new Map<number, (outcome: DeliveryOutcome) => void>();
  #channel: Promise<FrameChannel> | undefined;
  #number = 0;

  constructor(paths: Paths) {
    this.#paths = paths;
  }

  /** Delivers as the recipient's user. Throws Temporary when nobody takes it. */
  async deliver(job: DeliveryJob, recipient: LocalRecipient): Promise<DeliveryOutcome> {
    const { message } = job;
    const address = `${recipient.local}@${recipient.domain}`;
    const channel = await (this.#channel ??= this.#connect());
    const number = this.#number = this.#number % NUMBER_MAX + 1;
    return await new Promise((resolve) => {
      this.#waiting.set(number, resolve);
      const request = {
        messageId: job.messageId,
        deliveryId: job.deliveryId,
        arrivedMs: job.arrivedMs,
        sizeBytes: message.sizeBytes,
        sender: job.sender,
        recipient: address,
        originalRecipient: address,
        host: recipient.domain,
        extraHeader: job.extraHeader,
        environmentHeaders: job.environmentHeaders,
      };
      if (message.file) {
        const body = { kind: "file", path: message.file.path, offsetBytes: message.file.offsetBytes } as const;
        channel.send(DELIVERY.request, number, ...formatRequest({ ...request, body }));
      } else {channel.send(
          DELIVERY.request,
          number,
          ...formatRequest({ ...request, body: { kind: "inline" } }, message.bytes),
        );}
    });
  }

  async #connect(): Promise<FrameChannel> {
    const path = socketPath(this.#paths, "users");
    const end = Date.now() + START_WAIT_MS;
    try {
      for (;;) {
        const channel = await connectChannel(path).catch((error: unknown) => {
          if (!(error instanceof Temporary) || Date.now() > end) throw error;
          return undefined;
        });
        if (channel) return this.#serve(channel);
        Deno.writeTextFileSync(`${this.#paths.run}/users.wanted`, "");
        await new Promise((resolve) => setTimeout(resolve, START_POLL_MS));
      }
    } catch (error) {
      this.#channel = undefined;
      throw new Temporary(`cannot deliver to a system user: ${errorText(error)}`);
    }
  }

  #serve(channel: FrameChannel): FrameChannel {
    const settle = (number: number, report: DeliveryReport) => {
      this.#waiting.get(number)?.({ report, touched: [] });
      this.#waiting.delete(number);
    };
    channel.receive((frame) => {
      if (frame.type === DELIVERY.report) settle(frame.id, parseReport(frame.payload));
    }).finally(() => {
      this.#channel = undefined;
      for (const number of [...this.#waiting.keys()]) settle(number, deferred("user daemon is gone (#4.3.0)").report);
    });
    return channel;
  }
}
