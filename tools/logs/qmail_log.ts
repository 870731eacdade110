/**
 * The activity record of qmail-send, line by line: with and without the queue's name at the end, as stock qmail, IndiMail
 * and our own queue daemon write it. Stamps are TAI64N, seconds with a fraction, or `indimail serve`'s ISO times. Lines
 * are latin1 text, so that any bytes pass; nothing here throws [spec formats 3, man qmail-log.5].
 */

/** How a delivery attempt ended: success, deferral, failure. */
export type DeliveryResult = "k" | "z" | "d";

/** A line of the record. `time` is seconds since 1970 in decimal, `queue` is empty where the line names none. */
export type LogEvent =
  | { readonly kind: "new" | "end"; readonly time: string; readonly message: string; readonly queue: string }
  | InfoEvent
  | ExtraEvent
  | StartingEvent
  | DeliveryEvent
  | StatusEvent
  /** A daemon stopped: what was under way is lost. Without a queue's name: of all queues. */
  | { readonly kind: "stopped"; readonly time: string; readonly queue: string }
  /** Alerts and warnings, which people should see. */
  | { readonly kind: "warning" }
  /** Known, and of no importance to anybody who counts. */
  | { readonly kind: "other" }
  | { readonly kind: "unknown" };

/** A message is in the queue. Numbers stay text; the sender has its angle brackets. */
export interface InfoEvent {
  readonly kind: "info";
  readonly time: string;
  readonly message: string;
  readonly bytes: string;
  readonly sender: string;
  readonly qp: string;
  readonly uid: string;
  readonly queue: string;
}

/** What matchup adds in its pending lines: attempts of an open message that an earlier run has counted. */
export interface ExtraEvent {
  readonly kind: "extra";
  readonly time: string;
  readonly message: string;
  readonly successes: number;
  readonly deferrals: number;
  readonly failures: number;
  readonly queue: string;
}

/** A delivery attempt begins. `delivery` is the number with the queue's ident, as `12.3`. */
export interface StartingEvent {
  readonly kind: "starting";
  readonly time: string;
  readonly delivery: string;
  readonly message: string;
  readonly channel: string;
  readonly recipient: string;
  readonly queue: string;
}

/** A delivery attempt ended. */
export interface DeliveryEvent {
  readonly kind: "delivery";
  readonly time: string;
  readonly delivery: string;
  readonly result: DeliveryResult;
  readonly reason: string;
  readonly queue: string;
}

/** How many deliveries are under way, of how many at most. */
export interface StatusEvent {
  readonly kind: "status";
  readonly time: string;
  readonly local: number;
  readonly localMax: number;
  readonly remote: number;
  readonly remoteMax: number;
  readonly queue: string;
}

const OTHER: LogEvent = { kind: "other" };
const WARNING: LogEvent = { kind: "warning" };
const UNKNOWN: LogEvent = { kind: "unknown" };

const NUMBER = /^\d+$/;
const UNIX_STAMP = /^\d+(?:\.\d+)?$/;
const TAI_STAMP = /^@4[0-9a-f]{23}$/;
const NANOSECONDS = 1_000_000_000;
/** `@` and the digits of the seconds. */
const TAI_SECONDS_END = 17;
const TAI_LENGTH = 25;
const ISO_STAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;
/** The service that `indimail serve` names in front of the queue daemon's lines. */
const QUEUE_SERVICE = /^queue\d*:$/;
const TAI_SECONDS_SKIPPED = 10;
const STOPPABLE = new Set(["qscheduler:", "slowq-send:", "qmta-send:", "qmail-send:"]);

/** The fields of a line, separated by any number of blanks and tabs. */
export function splitFields(line: string): string[] {
  const text = line.includes("\t") ? line.replaceAll("\t", " ") : line;
  const fields: string[] = [];
  let start = 0;
  for (let end = text.indexOf(" "); end >= 0; end = text.indexOf(" ", start)) { // twice as fast as split
    if (end > start) fields.push(text.slice(start, end));
    start = end + 1;
  }
  if (start < text.length) fields.push(text.slice(start));
  return fields;
}

/** Seconds since 1970 in decimal of a TAI64N label, seconds or an ISO time; undefined for anything else. */
export function stampTime(stamp: string): string | undefined {
  const first = stamp.charCodeAt(0);
  if (first === 64) return taiTime(stamp);
  if (first < 48 || first > 57) return undefined;
  if (UNIX_STAMP.test(stamp)) return stamp;
  if (!ISO_STAMP.test(stamp)) return undefined;
  const timeMs = Date.parse(stamp);
  return Number.isFinite(timeMs) ? (timeMs / 1000).toFixed(3) : undefined;
}

/** The seconds of the last label: most lines are of the same second as the one before. */
let knownLabel = "@";
let knownSeconds = "";

function taiTime(stamp: string): string | undefined {
  if (stamp.length !== TAI_LENGTH) return undefined;
  const nanoseconds = Number(`0x${stamp.slice(TAI_SECONDS_END)}`);
  if (!(nanoseconds < NANOSECONDS)) return undefined; // NaN too
  if (knownSeconds === "" || !stamp.startsWith(knownLabel)) {
    if (!TAI_STAMP.test(stamp)) return undefined;
    knownLabel = ` ${stamp.slice(0, TAI_SECONDS_END)}`.slice(1); // a text of its own, not a part of a whole read
    knownSeconds = String(Number.parseInt(stamp.slice(3, TAI_SECONDS_END), 16) - TAI_SECONDS_SKIPPED);
  }
  return `${knownSeconds}.${String(NANOSECONDS + nanoseconds).slice(1)}`;
}

/** Reads a line, without its LF. */
export function parseLogLine(line: string): LogEvent {
  const fields = splitFields(line);
  const time = stampTime(fields[0] ?? "");
  if (time === undefined) return UNKNOWN;
  if (line.charCodeAt(4) === 45) { // the ISO time of `indimail serve`, then a service
    if (!QUEUE_SERVICE.test(fields[1] ?? "")) return OTHER;
    fields.splice(1, 1);
  }
  switch (fields[1]) {
    case "delivery":
      return parseDelivery(time, fields, line);
    case "starting":
      return parseStarting(time, fields);
    case "info":
      return parseInfo(time, fields);
    case "new":
    case "end":
      return parseNewOrEnd(time, fields);
    case "status:":
      return parseStatus(time, fields);
    case "extra":
      return parseExtra(time, fields);
    case "running":
    case "exiting":
      return { kind: "stopped", time, queue: "" };
    case "local:":
    case "remote:":
    case "bounce":
    case "double":
    case "triple":
    case "number":
    case "qscheduler:":
      return OTHER;
    case "alert:":
    case "warn:":
    case "warning:":
      return isStop(fields) ? { kind: "stopped", time, queue: "" } : WARNING;
    case "info:":
      return isStop(fields) ? { kind: "stopped", time, queue: "" } : OTHER;
    default:
      return UNKNOWN;
  }
}

/** `info: qscheduler: 1234 …: exiting` and its kin. */
function isStop(fields: readonly string[]): boolean {
  if (!STOPPABLE.has(fields[2] ?? "")) return false;
  return [fields[5], fields[6]].some((word) => word === "exiting" || word === "quitting...");
}

/** The text of `field` before its colon, when it is `12` or `12.3`. */
function deliveryNumber(field: string | undefined): string | undefined {
  return field !== undefined && /^\d+(?:\.\d+)?:$/.test(field) ? field.slice(0, -1) : undefined;
}

function numberBeforeColon(field: string | undefined): string | undefined {
  if (field === undefined) return undefined;
  const text = field.endsWith(":") ? field.slice(0, -1) : field;
  return NUMBER.test(text) ? text : undefined;
}

function parseNewOrEnd(time: string, fields: readonly string[]): LogEvent {
  const message = numberBeforeColon(fields[3]);
  if (fields[2] !== "msg" || message === undefined) return UNKNOWN;
  const last = fields.length > 4 ? fields[fields.length - 1] ?? "" : "";
  const queue = last.endsWith(":") ? "" : last; // `end msg 7 qmail-send:` of a queue without a name
  return { kind: fields[1] === "new" ? "new" : "end", time, message, queue };
}

/** `info msg 7: bytes 295 from <s> qp 2203 uid 1000 queue5`. */
function parseInfo(time: string, fields: readonly string[]): LogEvent {
  const message = numberBeforeColon(fields[3]);
  const [bytes = "", sender = "", qp = "", uid = ""] = [fields[5], fields[7], fields[9], fields[11]];
  const isWhole = fields[2] === "msg" && NUMBER.test(bytes) && NUMBER.test(qp) && NUMBER.test(uid);
  if (message === undefined || !isWhole) return UNKNOWN;
  return { kind: "info", time, message, bytes, sender, qp, uid, queue: fields[12] ?? "" };
}

/** `extra 7 successes deferrals failures queue5`. */
function parseExtra(time: string, fields: readonly string[]): LogEvent {
  const message = numberBeforeColon(fields[2]);
  if (message === undefined || ![fields[3], fields[4], fields[5]].every((field) => NUMBER.test(field ?? ""))) {
    return UNKNOWN;
  }
  const [successes, deferrals, failures] = [Number(fields[3]), Number(fields[4]), Number(fields[5])];
  return { kind: "extra", time, message, successes, deferrals, failures, queue: fields[6] ?? "" };
}

/** `starting delivery 1.5: msg 7 to local user@host queue5`. */
function parseStarting(time: string, fields: readonly string[]): LogEvent {
  const delivery = deliveryNumber(fields[3]);
  const [message, channel, recipient] = [fields[5] ?? "", fields[7], fields[8]];
  if (delivery === undefined || !NUMBER.test(message) || channel === undefined || recipient === undefined) {
    return UNKNOWN;
  }
  return { kind: "starting", time, delivery, message, channel, recipient, queue: fields[9] ?? "" };
}

/** `delivery 1.5: success: did_1+0+0/ queue5`, `delivery 1: report mangled, will defer[: queue5]`. */
function parseDelivery(time: string, fields: readonly string[], line: string): LogEvent {
  const delivery = deliveryNumber(fields[2]);
  if (delivery === undefined) return UNKNOWN;
  const word = fields[3] ?? "";
  if (word === "report") {
    const mangled = { kind: "delivery", time, delivery, result: "z", reason: "report_mangled" } as const;
    return { ...mangled, queue: fields[7] ?? "" };
  }
  const result = word === "success:" ? "k" : word === "failure:" ? "d" : word === "deferral:" ? "z" : undefined;
  if (result === undefined) return UNKNOWN;
  if (fields.length === 5 && line.includes(`${word}  `)) { // an empty report, then the queue
    return { kind: "delivery", time, delivery, result, reason: "", queue: fields[4] ?? "" };
  }
  return { kind: "delivery", time, delivery, result, reason: fields[4] ?? "", queue: fields[5] ?? "" };
}

/** `status: local 1/10 remote 2/20 (held) delayed jobs=3 queue5 exitasap`, `status: exiting queue5`. */
function parseStatus(time: string, fields: readonly string[]): LogEvent {
  if (fields[2] === "exiting") return { kind: "stopped", time, queue: fields[3] ?? "" };
  const local = /^(\d+)\/(\d+)$/.exec(fields[3] ?? "");
  const remote = /^(\d+)\/(\d+)$/.exec(fields[5] ?? "");
  if (!local || !remote) return OTHER;
  const queue = fields.slice(6).findLast((field) => !/^\(held\)$|^delayed$|^jobs=|^exitasap$/.test(field)) ?? "";
  return {
    kind: "status",
    time,
    local: Number(local[1]),
    localMax: Number(local[2]),
    remote: Number(remote[1]),
    remoteMax: Number(remote[2]),
    queue,
  };
}

/** The line of an event that can stand in the record of pending work; parseLogLine reads it back. */
export function formatLogLine(event: InfoEvent | ExtraEvent | StartingEvent): string {
  const queue = event.queue === "" ? "" : ` ${event.queue}`;
  const { time, message } = event;
  switch (event.kind) {
    case "info":
      return `${time} info msg ${message}: bytes ${event.bytes} from ${event.sender} qp ${event.qp} uid ${event.uid}${queue}`;
    case "extra":
      return `${time} extra ${message} ${event.successes} ${event.deferrals} ${event.failures}${queue}`;
    case "starting":
      return `${time} starting delivery ${event.delivery}: msg ${message} to ${event.channel} ${event.recipient}${queue}`;
  }
}
