/**
 * The deliveries of one channel: attempts wait here for a free slot, one recipient after the other is sent to the
 * daemon, and each gets one outcome. A local success frees its slot at once but counts only when the daemon has told
 * that it is durable; a lost daemon makes everything temporary.
 */
import { FRAME_PAYLOAD_BYTES_MAX } from "../../core/channel.ts";
import { errorText } from "../../core/errors.ts";
import { expandVerp, hostOf } from "../../mail/rewrite.ts";
import type { DeliveryReport, DeliveryRequest } from "../../storage/queue/delivery_channel.ts";
import type { MessageBody, QueueChannel, QueueStore } from "../../storage/queue/store_types.ts";
import { type Attempt, Fifo } from "./active.ts";
import type { DeliveryLinkEvents, DeliveryLinkLike } from "./delivery_link.ts";
import type { QueueLog } from "./log_lines.ts";

/** Bytes of a message that go inside a frame, beside its head. */
const INLINE_BYTES_MAX = FRAME_PAYLOAD_BYTES_MAX - 64 * 1024;

const DYING_TEXT = "The message has been in the queue for too long: it will not be tried again.\n";

/** How a recipient's attempt ended. */
export type Outcome =
  | { readonly kind: "done" }
  | { readonly kind: "temporary" }
  /** The daemon went away before it had answered. */
  | { readonly kind: "lost" }
  | { readonly kind: "permanent"; readonly report: string };

/** A recipient whose delivery was started. */
interface Delivery {
  readonly attempt: Attempt;
  readonly index: number;
  /** It has reported success and waits for that to be durable. */
  delivered: boolean;
  durable: boolean;
}

/** What a channel's deliveries need. */
export interface DeliveriesOptions {
  readonly channel: QueueChannel;
  readonly store: QueueStore;
  readonly log: QueueLog;
  /** Numbers of deliveries, shared by the channels. */
  readonly numbers: { next: number };
  link(events: DeliveryLinkEvents): DeliveryLinkLike;
  /** Called once for each recipient of an attempt. */
  settled(attempt: Attempt, index: number, outcome: Outcome): void;
  /** Called when deliveries start or end. */
  changed(): void;
}

/** The deliveries of one channel. */
export class Deliveries {
  readonly #options: DeliveriesOptions;
  readonly #link: DeliveryLinkLike;
  readonly #waiting = new Fifo<Attempt>();
  readonly #started = new Map<number, Delivery>();
  #inFlight = 0;
  #concurrency = 0;
  #stopping = false;

  constructor(options: DeliveriesOptions) {
    this.#options = options;
    this.#link = options.link({
      up: () => this.pump(),
      down: (reason) => this.#down(reason),
      report: (number, report) => this.#report(number, report),
      durable: (number) => this.#durable(number),
    });
  }

  /** Deliveries that hold a slot. */
  get inFlight(): number {
    return this.#inFlight;
  }

  get concurrency(): number {
    return this.#concurrency;
  }

  /** Attempts that wait for a slot. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Deliveries without a final outcome. */
  get unsettled(): number {
    return this.#started.size;
  }

  start(): void {
    this.#link.start();
  }

  setConcurrency(concurrency: number): void {
    this.#concurrency = concurrency;
    this.pump();
  }

  /** Starts nothing any more; what is in flight goes on. */
  drain(): void {
    this.#stopping = true;
  }

  /** Closes the connection; what is still in flight is temporary. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#link.stop();
    this.#down("queue daemon stops");
  }

  add(attempt: Attempt): void {
    this.#waiting.push(attempt);
    this.pump();
  }

  /** Fills the free slots. */
  pump(): void {
    if (this.#stopping) return;
    let some = false;
    while (this.#inFlight < Math.min(this.#concurrency, this.#link.limit)) {
      const attempt = this.#waiting.shift();
      if (!attempt) break;
      const index = attempt.indexes[attempt.started++]!;
      if (attempt.started < attempt.indexes.length) this.#waiting.push(attempt);
      this.#start(attempt, index);
      some = true;
    }
    if (some) this.#options.changed();
  }

  #start(attempt: Attempt, index: number): void {
    const { numbers, log, channel } = this.#options;
    const { message } = attempt.active;
    const number = numbers.next;
    numbers.next = number >= 0xffff_ffff ? 1 : number + 1;
    this.#inFlight++;
    this.#started.set(number, { attempt, index, delivered: false, durable: false });
    log.starting(number, message.id, { channel, address: message.recipients[index]!.address });
    this.#send(number, attempt, index).catch((error: unknown) => {
      this.#report(number, { kind: "temporary", text: `Unable to read the message: ${errorText(error)} (#4.3.0)\n` });
    });
  }

  async #send(number: number, attempt: Attempt, index: number): Promise<void> {
    const { active } = attempt;
    const { message } = active;
    active.body ??= this.#body(attempt);
    let body: MessageBody;
    try {
      body = await active.body;
    } catch (error) {
      active.body = undefined;
      throw error;
    }
    if (!this.#started.has(number)) return;
    const recipient = message.recipients[index]!;
    const request: DeliveryRequest = {
      messageId: message.id,
      deliveryId: recipient.deliveryId,
      arrivedMs: message.arrivedMs,
      sizeBytes: message.sizeBytes,
      sender: expandVerp(message.sender, recipient.original),
      recipient: recipient.address,
      originalRecipient: recipient.original,
      host: hostOf(recipient.address),
      extraHeader: message.extraHeader,
      environmentHeaders: message.environmentHeaders,
      body: body.kind === "bytes" ? { kind: "inline" } : { kind: "file", path: body.path, offsetBytes: 0 },
    };
    if (body.kind === "bytes") this.#link.send(number, request, body.bytes);
    else this.#link.send(number, request);
  }

  async #body({ active }: Attempt): Promise<MessageBody> {
    const { store } = this.#options;
    const body = await store.body(active.message);
    if (body.kind === "file" || body.bytes.length <= INLINE_BYTES_MAX) return body;
    await store.writeOut([active.message]);
    return store.body(active.message);
  }

  #report(number: number, report: DeliveryReport): void {
    const { log, channel } = this.#options;
    const delivery = this.#started.get(number);
    if (!delivery || delivery.delivered) {
      log.warn(`internal error: delivery report out of range: ${channel} ${number}`);
      return;
    }
    this.#inFlight--;
    const { attempt } = delivery;
    const last = report.kind === "temporary" && attempt.dying
      ? { kind: "permanent" as const, text: `${report.text.replace(/\n*$/, "\n")}${DYING_TEXT}` }
      : report;
    log.delivered(number, last);
    attempt.owed--;
    if (last.kind === "done" && channel === "local" && !delivery.durable) {
      delivery.delivered = true;
      this.#letGo(attempt);
    } else this.#settle(number, delivery, last);
    this.pump();
    this.#options.changed();
  }

  /** What waits only for folders to be synced needs its bytes no more: a second of mail would be held otherwise. */
  #letGo({ active }: Attempt): void {
    const { local, remote } = active.attempts;
    if ((local?.owed ?? 0) > 0 || (remote?.owed ?? 0) > 0) return;
    active.body = undefined;
    this.#options.store.release(active.message);
  }

  #durable(number: number): void {
    const delivery = this.#started.get(number);
    if (!delivery) return; // a remote success was final already
    if (delivery.delivered) {
      this.#settle(number, delivery, { kind: "done", text: "" });
      this.#options.changed();
    } else delivery.durable = true;
  }

  #settle(number: number, delivery: Delivery, report: DeliveryReport): void {
    this.#started.delete(number);
    const outcome: Outcome = report.kind === "permanent"
      ? { kind: "permanent", report: report.text }
      : { kind: report.kind };
    this.#options.settled(delivery.attempt, delivery.index, outcome);
  }

  #down(reason: string): void {
    if (this.#started.size === 0) return;
    const lost = [...this.#started];
    this.#started.clear();
    this.#inFlight = 0;
    for (const [number, { attempt, index, delivered }] of lost) {
      if (!delivered) this.#options.log.delivered(number, { kind: "temporary", text: `${reason} (#4.3.0)` });
      this.#options.settled(attempt, index, { kind: "lost" });
    }
    this.#options.changed();
  }
}
