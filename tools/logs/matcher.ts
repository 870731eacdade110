/**
 * Joins the lines of the activity record into message and delivery records. What is open is kept by message number (with
 * its queue's name: numbers are those of one queue) and by delivery number; everything else passes. Memory is that of
 * what is open [man matchup.1].
 */
import { Temporary } from "../../core/errors.ts";
import { lowerText, ownText } from "./lines.ts";
import type { DeliveryEvent, ExtraEvent, InfoEvent, LogEvent, StartingEvent } from "./qmail_log.ts";
import type { DeliveryRecord, MessageRecord } from "./records.ts";

/** Messages, and deliveries, that may be open at the same time: far more than any queue holds, some 2 GB. */
export const OPEN_MAX = 4_000_000;

/** Who takes the records. */
export interface RecordSink {
  message(record: MessageRecord): void;
  delivery(record: DeliveryRecord): void;
}

interface OpenMessage {
  readonly info: InfoEvent;
  successes: number;
  deferrals: number;
  failures: number;
}

/** What is open in one queue. */
interface OpenQueue {
  readonly messages: Map<number | string, OpenMessage>;
  readonly deliveries: Map<number | string, StartingEvent>;
}

/** Idents of queues (QIDENT) that fit beside a delivery's number into one key. */
const IDENTS = 4096;
/** Names of queues that are told apart; a site has a hundred at most. */
const QUEUES_MAX = 4096;
/** Digits that a number holds exactly, also with an ident beside. */
const EXACT_DIGITS = 12;

/** The key of `12` or `12.3`: a number where it can be one, which a Map finds three times as fast as text. */
function numberKey(text: string): number | string {
  const dot = text.indexOf(".");
  if (dot < 0) return text.length <= EXACT_DIGITS ? Number(text) * IDENTS : ownText(text);
  const ident = Number(text.slice(dot + 1)) + 1;
  if (dot > EXACT_DIGITS || ident >= IDENTS) return ownText(text);
  return Number(text.slice(0, dot)) * IDENTS + ident;
}

/** Takes events in the order of the log. */
export class LogMatcher {
  readonly #sink: RecordSink;
  readonly #openMax: number;
  readonly #queues = new Map<string, OpenQueue>();
  /** Where lines without a queue's name belong. */
  readonly #nameless: OpenQueue;

  constructor(sink: RecordSink, options: { readonly openMax?: number } = {}) {
    this.#sink = sink;
    this.#openMax = options.openMax ?? OPEN_MAX;
    this.#nameless = this.#queue("");
  }

  /** Takes the next event. Throws Temporary when more than OPEN_MAX are open. */
  push(event: LogEvent): void {
    switch (event.kind) {
      case "info":
        return this.#begin(event);
      case "starting":
        return this.#start(event);
      case "delivery":
        return this.#deliver(event);
      case "end":
        return this.#end(event);
      case "new":
        this.#holder("messages", event.queue, numberKey(event.message)).messages.delete(numberKey(event.message));
        return;
      case "extra":
        return this.#add(event);
      case "stopped":
        return this.#stop(event.queue);
      default:
    }
  }

  /** What is open, as events that another matcher can begin with. */
  *pending(): Generator<InfoEvent | ExtraEvent | StartingEvent> {
    for (const { messages } of this.#queues.values()) {
      for (const { info, successes, deferrals, failures } of messages.values()) {
        const { time, message, queue } = info;
        yield info;
        yield { kind: "extra", time, message, successes, deferrals, failures, queue };
      }
    }
    for (const { deliveries } of this.#queues.values()) yield* deliveries.values();
  }

  #queue(name: string): OpenQueue {
    let queue = this.#queues.get(name);
    if (!queue && this.#queues.size >= QUEUES_MAX) return this.#nameless;
    if (!queue) this.#queues.set(ownText(name), queue = { messages: new Map(), deliveries: new Map() });
    return queue;
  }

  /** Where `key` is open: in the queue of that name, or where the earlier line had no name, there. */
  #holder(what: keyof OpenQueue, name: string, key: number | string): OpenQueue {
    const queue = this.#queue(name);
    return name !== "" && !queue[what].has(key) && this.#nameless[what].has(key) ? this.#nameless : queue;
  }

  #begin(event: InfoEvent): void {
    const { messages } = this.#queue(event.queue);
    this.#roomIn(messages, "messages");
    const { kind, bytes, qp, uid } = event;
    const info = {
      kind,
      time: ownText(event.time),
      message: ownText(event.message),
      bytes: ownText(bytes),
      sender: ownText(lowerText(event.sender)),
      qp: ownText(qp),
      uid: ownText(uid),
      queue: ownText(event.queue),
    };
    messages.set(numberKey(event.message), { info, successes: 0, deferrals: 0, failures: 0 });
  }

  #start(event: StartingEvent): void {
    const { deliveries } = this.#queue(event.queue);
    this.#roomIn(deliveries, "deliveries");
    deliveries.set(numberKey(event.delivery), {
      kind: event.kind,
      time: ownText(event.time),
      delivery: ownText(event.delivery),
      message: ownText(event.message),
      channel: ownText(event.channel),
      recipient: ownText(lowerText(event.recipient)),
      queue: ownText(event.queue),
    });
  }

  #roomIn(open: ReadonlyMap<unknown, unknown>, what: string): void {
    if (open.size >= this.#openMax) {
      throw new Temporary(`more than ${this.#openMax} ${what} are open: is this one log?`);
    }
  }

  #deliver(event: DeliveryEvent): void {
    const key = numberKey(event.delivery);
    const { deliveries } = this.#holder("deliveries", event.queue, key);
    const begun = deliveries.get(key);
    if (!begun) return;
    deliveries.delete(key);
    const number = numberKey(begun.message);
    const message = this.#holder("messages", event.queue, number).messages.get(number);
    if (message) {
      if (event.result === "k") message.successes++;
      else if (event.result === "z") message.deferrals++;
      else message.failures++;
    }
    const info = message?.info;
    this.#sink.delivery({
      result: event.result,
      birth: info?.time ?? begun.time,
      start: begun.time,
      done: event.time,
      bytes: info?.bytes ?? "0",
      sender: info?.sender ?? "?",
      recipient: `${begun.channel}.${begun.recipient}`,
      qp: info?.qp ?? "?",
      uid: info?.uid ?? "?",
      reason: event.reason,
    });
  }

  #end(
    { message: number, time, queue }: { readonly message: string; readonly time: string; readonly queue: string },
  ): void {
    const key = numberKey(number);
    const { messages } = this.#holder("messages", queue, key);
    const message = messages.get(key);
    if (!message) return;
    messages.delete(key);
    const { info, successes, failures, deferrals } = message;
    const { bytes, sender, qp, uid } = info;
    this.#sink.message({ birth: info.time, done: time, bytes, successes, failures, deferrals, sender, qp, uid });
  }

  #add(event: ExtraEvent): void {
    const key = numberKey(event.message);
    const message = this.#holder("messages", event.queue, key).messages.get(key);
    if (!message) return;
    message.successes = event.successes;
    message.deferrals = event.deferrals;
    message.failures = event.failures;
  }

  #stop(name: string): void {
    if (name === "") { for (const { deliveries } of this.#queues.values()) deliveries.clear(); }
    else for (const queue of [this.#queue(name), this.#nameless]) queue.deliveries.clear();
  }
}
