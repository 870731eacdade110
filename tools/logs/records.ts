/**
 * matchup's message and delivery lines, the input of all reports: one for each message that has left the queue, one for
 * each delivery attempt. Times are seconds since 1970 as text, so that no digit is lost [man matchup.1].
 *
 * m birth done bytes successes failures deferrals <sender> qp uid
 * d k|z|d birth start done bytes <sender> channel.recipient qp uid reason
 */
import { type DeliveryResult, splitFields } from "./qmail_log.ts";

/** A message that has left the queue. */
export interface MessageRecord {
  readonly birth: string;
  readonly done: string;
  readonly bytes: string;
  readonly successes: number;
  readonly failures: number;
  readonly deferrals: number;
  /** With its angle brackets. */
  readonly sender: string;
  readonly qp: string;
  readonly uid: string;
}

/** A delivery attempt that has ended. What is not known is `?`. */
export interface DeliveryRecord {
  readonly result: DeliveryResult;
  readonly birth: string;
  readonly start: string;
  readonly done: string;
  readonly bytes: string;
  readonly sender: string;
  /** `local.user@host` or `remote.user@host`. */
  readonly recipient: string;
  readonly qp: string;
  readonly uid: string;
  /** In safe form; may be empty. */
  readonly reason: string;
}

/** The line of a message, without LF. */
export function formatMessage(m: MessageRecord): string {
  return `m ${m.birth} ${m.done} ${m.bytes} ${m.successes} ${m.failures} ${m.deferrals} ${m.sender} ${m.qp} ${m.uid}`;
}

/** The line of a delivery, without LF. */
export function formatDelivery(d: DeliveryRecord): string {
  return `d ${d.result} ${d.birth} ${d.start} ${d.done} ${d.bytes} ${d.sender} ${d.recipient} ${d.qp} ${d.uid} ${d.reason}`;
}

/** The message of a line that begins with `m `; undefined when fields are missing or no numbers. */
export function tryParseMessage(line: string): MessageRecord | undefined {
  const f = splitFields(line);
  if (f[0] !== "m" || f.length < 10) return undefined;
  const [successes, failures, deferrals] = [Number(f[4]), Number(f[5]), Number(f[6])];
  if (!Number.isInteger(successes) || !Number.isInteger(failures) || !Number.isInteger(deferrals)) return undefined;
  return {
    birth: f[1]!,
    done: f[2]!,
    bytes: f[3]!,
    successes,
    failures,
    deferrals,
    sender: f[7]!,
    qp: f[8]!,
    uid: f[9]!,
  };
}

/** The delivery of a line that begins with `d `; undefined when fields are missing. */
export function tryParseDelivery(line: string): DeliveryRecord | undefined {
  const f = splitFields(line);
  const result = f[1];
  if (f[0] !== "d" || f.length < 10 || (result !== "k" && result !== "z" && result !== "d")) return undefined;
  return {
    result,
    birth: f[2]!,
    start: f[3]!,
    done: f[4]!,
    bytes: f[5]!,
    sender: f[6]!,
    recipient: f[7]!,
    qp: f[8]!,
    uid: f[9]!,
    reason: f[10] ?? "",
  };
}

/** A time in microseconds, exact to a quarter of one; 0 where the text is no time. */
export function timeMicros(time: string): number {
  const dot = time.indexOf(".");
  const micros = dot < 0
    ? Number(time) * 1e6
    : Number(time.slice(0, dot)) * 1e6 + Number(time.slice(dot, dot + 10)) * 1e6;
  return Number.isFinite(micros) ? micros : 0;
}

/** Seconds from one time to another. */
export function secondsBetween(from: string, to: string): number {
  return (timeMicros(to) - timeMicros(from)) / 1e6;
}

/** A count of bytes; 0 where it is not known. */
export function byteCount(bytes: string): number {
  const count = Number(bytes);
  return Number.isFinite(count) ? count : 0;
}
