/** The sums of zoverall, and their text: one label and number a line, as scripts look for them [man matchup.1]. */
import type { RecordSink } from "./matcher.ts";
import { byteCount, type DeliveryRecord, type MessageRecord, timeMicros } from "./records.ts";
import { awkNumber } from "./table.ts";

const SECONDS_A_DAY = 86_400;

/** Sums over all records. Times in seconds. */
export class OverallTally implements RecordSink {
  messages = 0;
  recipients = 0;
  tries = 0;
  bytes = 0;
  /** Bytes times successful recipients. */
  successBytes = 0;
  queueSeconds = 0;
  successes = 0;
  failures = 0;
  deferrals = 0;
  /** Of successes, from the birth of the message. */
  delaySeconds = 0;
  attemptSeconds = 0;
  #firstMicros = Number.POSITIVE_INFINITY;
  #lastMicros = Number.NEGATIVE_INFINITY;

  message(record: MessageRecord): void {
    const bytes = byteCount(record.bytes);
    this.messages++;
    this.recipients += record.successes + record.failures;
    this.tries += record.successes + record.failures + record.deferrals;
    this.bytes += bytes;
    this.successBytes += bytes * record.successes;
    this.queueSeconds += this.#span(timeMicros(record.birth), timeMicros(record.done));
  }

  delivery(record: DeliveryRecord): void {
    const done = timeMicros(record.done);
    const delay = this.#span(timeMicros(record.birth), done);
    this.attemptSeconds += (done - timeMicros(record.start)) / 1e6;
    if (record.result === "k") {
      this.successes++;
      this.delaySeconds += delay;
    } else if (record.result === "d") this.failures++;
    else this.deferrals++;
  }

  get deliveries(): number {
    return this.successes + this.failures + this.deferrals;
  }

  /** From the earliest to the latest time of all records; 0 when there are none. */
  get spanSeconds(): number {
    return Math.max(0, (this.#lastMicros - this.#firstMicros) / 1e6 || 0);
  }

  /** Deliveries under way on average. */
  get concurrency(): number {
    return this.spanSeconds > 0 ? this.attemptSeconds / this.spanSeconds : 0;
  }

  /** Seconds between two times in microseconds, which widen the whole span. */
  #span(first: number, last: number): number {
    if (first < this.#firstMicros) this.#firstMicros = first;
    if (last > this.#lastMicros) this.#lastMicros = last;
    return (last - first) / 1e6;
  }
}

/** What the words of the numbers mean. */
export const OVERALL_HEADING = `Basic statistics

qtime: how long a message was in the queue.
ddelay: from the arrival of a message to the end of a successful delivery.
xdelay: from the start to the end of a delivery attempt.
Queue concurrency: all xdelays together over the time span, that is, how many
deliveries were under way on average.
`;

/** The numbers, a label and a number each. */
export function overallLines(sums: OverallTally): string[] {
  const lines = [`Completed messages: ${sums.messages}`];
  if (sums.messages > 0) {
    lines.push(
      `Recipients for completed messages: ${sums.recipients}`,
      `Total delivery attempts for completed messages: ${sums.tries}`,
      `Average delivery attempts per completed message: ${awkNumber(sums.tries / sums.messages)}`,
      `Bytes in completed messages: ${sums.bytes}`,
      `Bytes weighted by success: ${sums.successBytes}`,
      `Average message qtime (s): ${awkNumber(sums.queueSeconds / sums.messages)}`,
    );
  }
  lines.push("", `Total delivery attempts: ${sums.deliveries}`);
  return sums.deliveries > 0 ? [...lines, ...deliveryLines(sums)] : lines;
}

function deliveryLines(sums: OverallTally): string[] {
  const lines = [
    `  success: ${sums.successes}`,
    `  failure: ${sums.failures}`,
    `  deferral: ${sums.deferrals}`,
    `Total ddelay (s): ${sums.delaySeconds.toFixed(6)}`,
  ];
  if (sums.successes > 0) {
    lines.push(`Average ddelay per success (s): ${(sums.delaySeconds / sums.successes).toFixed(6)}`);
  }
  lines.push(
    `Total xdelay (s): ${sums.attemptSeconds.toFixed(6)}`,
    `Average xdelay per delivery attempt (s): ${(sums.attemptSeconds / sums.deliveries).toFixed(6)}`,
  );
  const span = sums.spanSeconds;
  if (span > SECONDS_A_DAY) lines.push(`Time span (days): ${awkNumber(span / SECONDS_A_DAY)}`);
  else if (span > 0) lines.push(`Time span (s): ${awkNumber(span)}`);
  if (span > 0) lines.push(`Queue concurrency: ${awkNumber(sums.concurrency)}`);
  return lines;
}
