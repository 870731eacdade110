/**
 * The lines of the activity record, exactly as log analysers know them, each ending in the queue's name; addresses and
 * reports in safe form [spec formats 3, man qmail-log.5].
 */
import { safeLogText } from "../../core/log.ts";
import type { DeliveryReport } from "../../storage/queue/delivery_channel.ts";
import type { QueueChannel, QueuedMessage } from "../../storage/queue/store_types.ts";

/** How a message came to the daemon: handed over, or found in todo/. */
export type Arrival = "mqueue" | "opendir";

const OUTCOMES = { done: "success", temporary: "deferral", permanent: "failure" } as const;

/** Formats the lines of one queue. */
export class QueueLog {
  readonly #line: (text: string) => void;
  readonly #queue: string;
  /** `.Q` of delivery numbers (QIDENT), or nothing. */
  readonly #ident: string;

  constructor(options: { readonly line: (text: string) => void; readonly queue: string; readonly ident?: string }) {
    this.#line = options.line;
    this.#queue = options.queue;
    this.#ident = options.ident ? `.${options.ident}` : "";
  }

  arrived(message: QueuedMessage, arrival: Arrival): void {
    const { id, sizeBytes, submitter, recipients } = message;
    const sender = safeLogText(message.sender);
    const queue = this.#queue;
    this.#line(`new msg ${id} ${queue}`);
    const qp = `qp ${submitter.pid} uid ${submitter.uid}`;
    this.#line(`info msg ${id}: bytes ${sizeBytes} from <${sender}> ${qp} ${queue}`);
    for (const { channel, address } of recipients) {
      this.#line(`${channel}: ${sender} ${safeLogText(address)} ${id} ${sizeBytes} bytes ${queue} ${arrival} mode`);
    }
  }

  starting(delivery: number, id: string, to: { readonly channel: QueueChannel; readonly address: string }): void {
    const recipient = safeLogText(to.address);
    this.#line(`starting delivery ${delivery}${this.#ident}: msg ${id} to ${to.channel} ${recipient} ${this.#queue}`);
  }

  delivered(delivery: number, report: DeliveryReport): void {
    const text = safeLogText(report.text);
    this.#line(`delivery ${delivery}${this.#ident}: ${OUTCOMES[report.kind]}: ${text} ${this.#queue}`);
  }

  status(text: string): void {
    this.#line(`status: ${text} ${this.#queue}`);
  }

  exiting(): void {
    this.#line(`status: exiting ${this.#queue}`);
  }

  bounced(id: string, pid: number): void {
    this.#line(`bounce msg ${id} qp ${pid} ${this.#queue}`);
  }

  discarded(id: string, reason: "double bounce" | "triple bounce"): void {
    this.#line(`${reason}: discarding ${id} ${this.#queue}`);
  }

  ended(id: string): void {
    this.#line(`end msg ${id} qmail-send: ${this.#queue}`);
  }

  alert(text: string): void {
    this.#line(`alert: qmail-send: ${text} ${this.#queue}`);
  }

  warn(text: string): void {
    this.#line(`warn: qmail-send: ${text} ${this.#queue}`);
  }

  info(text: string): void {
    this.#line(`info: qmail-send: ${text} ${this.#queue}`);
  }
}
