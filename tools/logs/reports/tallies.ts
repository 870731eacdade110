/**
 * The sums behind the reports, kept by reason, recipient, host, sender or uid. A tally takes records and gives rows of
 * text in the order in which their keys came up; memory grows with the number of keys.
 */
import { ownText } from "../lines.ts";
import type { RecordSink } from "../matcher.ts";
import type { DeliveryResult } from "../qmail_log.ts";
import { byteCount, type DeliveryRecord, type MessageRecord, secondsBetween } from "../records.ts";
import { awkNumber } from "../table.ts";

/** A tally that a report prints. */
export interface Tally extends RecordSink {
  rows(): string[][];
}

/** The entry of `key`, made where there is none, under a copy of the key. */
function entryOf<V>(entries: Map<string, V>, key: string, make: () => V): V {
  let entry = entries.get(key);
  if (entry === undefined) entries.set(ownText(key), entry = make());
  return entry;
}

/** The latency of an attempt, in seconds. */
export function attemptSeconds(record: DeliveryRecord): number {
  return secondsBetween(record.start, record.done);
}

/** The part behind the last @, or all of it. */
export function hostOf(recipient: string): string {
  return recipient.slice(recipient.lastIndexOf("@") + 1);
}

/** Attempts and their latency by what the delivery program said: `del xdelay reason`. */
export function reasonTally(result: DeliveryResult): Tally {
  const reasons = new Map<string, { count: number; seconds: number }>();
  return {
    message: () => undefined,
    delivery(record) {
      if (record.result !== result) return;
      const entry = entryOf(reasons, record.reason, () => ({ count: 0, seconds: 0 }));
      entry.count++;
      entry.seconds += attemptSeconds(record);
    },
    rows: () => [...reasons].map(([reason, sum]) => [String(sum.count), sum.seconds.toFixed(2), reason]),
  };
}

/** What one recipient, or one host, got. */
interface RecipientSums {
  bytes: number;
  successes: number;
  failures: number;
  deferrals: number;
  seconds: number;
}

function recipientSums(keyOf: (recipient: string) => string) {
  const sums = new Map<string, RecipientSums>();
  const make = () => ({ bytes: 0, successes: 0, failures: 0, deferrals: 0, seconds: 0 });
  function delivery(record: DeliveryRecord): void {
    const entry = entryOf(sums, keyOf(record.recipient), make);
    entry.seconds += attemptSeconds(record);
    if (record.result === "k") {
      entry.successes++;
      entry.bytes += byteCount(record.bytes);
    } else if (record.result === "d") entry.failures++;
    else entry.deferrals++;
  }
  return { sums, delivery };
}

/** By recipient or host: `sbytes mess tries xdelay key`. */
export function recipientTally(keyOf: (recipient: string) => string): Tally {
  const { sums, delivery } = recipientSums(keyOf);
  return {
    message: () => undefined,
    delivery,
    rows: () =>
      [...sums].map(([key, sum]) => {
        const done = sum.successes + sum.failures;
        return [String(sum.bytes), String(done), String(done + sum.deferrals), sum.seconds.toFixed(2), key];
      }),
  };
}

/** The mean latency of attempts by recipient: `avg tries recipient`. */
export function meanDelayTally(): Tally {
  const { sums, delivery } = recipientSums((recipient) => recipient);
  return {
    message: () => undefined,
    delivery,
    rows: () =>
      [...sums].map(([key, sum]) => {
        const tries = sum.successes + sum.failures + sum.deferrals;
        return [(sum.seconds / tries).toFixed(2), String(tries), key];
      }),
  };
}

/** What one sender, or one uid, sent. */
interface SenderSums {
  messages: number;
  bytes: number;
  /** Bytes times successful recipients. */
  successBytes: number;
  /** Bytes times recipients. */
  recipientBytes: number;
  recipients: number;
  deferrals: number;
  seconds: number;
}

/** By sender or uid: `mess bytes sbytes rbytes recips tries xdelay key`. Keys without a finished message have no row. */
export function senderTally(keyOf: (record: MessageRecord | DeliveryRecord) => string): Tally {
  const sums = new Map<string, SenderSums>();
  const make = () => ({
    messages: 0,
    bytes: 0,
    successBytes: 0,
    recipientBytes: 0,
    recipients: 0,
    deferrals: 0,
    seconds: 0,
  });
  return {
    message(record) {
      const entry = entryOf(sums, keyOf(record), make);
      const bytes = byteCount(record.bytes);
      const recipients = record.successes + record.failures;
      entry.messages++;
      entry.bytes += bytes;
      entry.successBytes += bytes * record.successes;
      entry.recipientBytes += bytes * recipients;
      entry.recipients += recipients;
      entry.deferrals += record.deferrals;
    },
    delivery(record) {
      entryOf(sums, keyOf(record), make).seconds += attemptSeconds(record);
    },
    rows: () =>
      [...sums].filter(([, sum]) => sum.messages > 0).map(([key, sum]) => [
        ...[sum.messages, sum.bytes, sum.successBytes, sum.recipientBytes, sum.recipients].map(String),
        String(sum.recipients + sum.deferrals),
        sum.seconds.toFixed(6),
        key,
      ]),
  };
}

/** Least percentage of deliveries for which zddist has a line. */
const PERCENT_MIN = 10;

/** A list of numbers that grows without copying much: 8 bytes each. */
export class NumberList {
  #values = new Float64Array(1024);
  #count = 0;

  add(value: number): void {
    if (this.#count === this.#values.length) {
      const larger = new Float64Array(this.#values.length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#count++] = value;
  }

  /** Its numbers from the least; not to be changed. */
  sorted(): Float64Array {
    return this.#values.subarray(0, this.#count).sort();
  }
}

/** For each percentage that is reached: `doneby avg pct` of the successes with the shortest delays. */
export function delayRows(delays: Float64Array): string[][] {
  const rows: string[][] = [];
  let sum = 0;
  let reached = PERCENT_MIN - 1;
  for (let at = 0; at < delays.length; at++) {
    const delay = delays[at] ?? 0;
    sum += delay;
    if (delays[at + 1] === delay) continue; // all of the same delay are done at the same time
    const percent = Math.floor(((at + 1) * 100) / delays.length);
    if (percent <= reached) continue;
    reached = percent;
    rows.push([delay.toFixed(2), (sum / (at + 1)).toFixed(2), String(percent)]);
  }
  return rows;
}

/** How long successful deliveries took from the birth of the message. */
export function delayTally(): Tally {
  const delays = new NumberList();
  return {
    message: () => undefined,
    delivery(record) {
      if (record.result === "k") delays.add(Number(awkNumber(secondsBetween(record.birth, record.done))));
    },
    rows: () => delayRows(delays.sorted()),
  };
}
