/**
 * Sums over SMTP connections and messages: by client, by domain or address of sender or recipient, by reason of refusal.
 * The latency of a message is the time since its connection began, or since the message before on it.
 */
import { ownText } from "../lines.ts";
import { secondsBetween } from "../records.ts";
import { isServer, type MessageEvent, type SmtpEvent } from "./smtp_log.ts";

/** Connections that may be open at the same time; what began longest ago is forgotten. */
const CONNECTIONS_MAX = 100_000;

/** A tally that a report prints; rows are text. */
export interface SmtpTally {
  add(event: SmtpEvent): void;
  rows(): string[][];
}

/** When the connection of a process began, or its last message came. */
class ConnectionTimes {
  readonly #since = new Map<string, string>();

  begin(pid: string, time: string): void {
    this.#since.delete(pid);
    this.#since.set(ownText(pid), ownText(time));
    if (this.#since.size <= CONNECTIONS_MAX) return;
    for (const first of this.#since.keys()) {
      this.#since.delete(first);
      break;
    }
  }

  /** Seconds since then; 0 when nothing is known. */
  lap(pid: string, time: string): number {
    const since = this.#since.get(pid);
    this.begin(pid, time);
    return since === undefined ? 0 : secondsBetween(since, time);
  }
}

function entryOf<V>(entries: Map<string, V>, key: string, make: () => V): V {
  let entry = entries.get(key);
  if (entry === undefined) entries.set(ownText(key), entry = make());
  return entry;
}

function sumOf<V>(values: Iterable<V>, pick: (value: V) => number): number {
  let sum = 0;
  for (const value of values) sum += pick(value);
  return sum;
}

interface ClientSums {
  bytes: number;
  seconds: number;
  empty: number;
  messages: number;
  spam: number;
  accepted: number;
}

/** By client address: `sbytes xdelay embryo mess spam success failure host`, and a row Total. */
export function clientTally(): SmtpTally {
  const clients = new Map<string, ClientSums>();
  const times = new ConnectionTimes();
  const silent = new Map<string, string>();
  const client = (ip: string) =>
    entryOf(clients, ip, () => ({ bytes: 0, seconds: 0, empty: 0, messages: 0, spam: 0, accepted: 0 }));
  function message(event: MessageEvent): void {
    if (!isServer(event)) return;
    silent.delete(event.pid);
    const sums = client(event.ip);
    sums.bytes += event.bytes;
    sums.seconds += times.lap(event.pid, event.time);
    sums.messages++;
    if (event.accepted) sums.accepted++;
    if (event.verdict === "spam") sums.spam++;
  }
  const row = (bytes: number, seconds: number, rest: readonly number[], name: string) => [
    String(bytes),
    seconds.toFixed(2),
    ...rest.map(String),
    name,
  ];
  return {
    add(event) {
      if (event.kind === "message") return message(event);
      if (event.kind === "connect") {
        times.begin(event.pid, event.time);
        if (silent.size < CONNECTIONS_MAX) silent.set(ownText(event.pid), ownText(event.ip));
        return;
      }
      const ip = silent.get(event.pid);
      if (ip !== undefined) client(ip).empty++;
      silent.delete(event.pid);
    },
    rows() {
      const fields = (c: ClientSums) => [c.empty, c.messages, c.spam, c.accepted, c.messages - c.accepted];
      const all = [...clients.values()];
      const total = [0, 1, 2, 3, 4].map((at) => sumOf(all, (sums) => fields(sums)[at] ?? 0));
      return [
        ...[...clients].map(([ip, sums]) => row(sums.bytes, sums.seconds, fields(sums), ip)),
        row(sumOf(all, ({ bytes }) => bytes), sumOf(all, ({ seconds }) => seconds), total, "Total"),
      ];
    },
  };
}

/** Refusals by their reason: `del xdelay reason`, blanks as underscores. */
export function refusalTally(): SmtpTally {
  const reasons = new Map<string, { count: number; seconds: number }>();
  const times = new ConnectionTimes();
  return {
    add(event) {
      if (event.kind === "connect") return times.begin(event.pid, event.time);
      if (event.kind !== "message" || !isServer(event)) return;
      const seconds = times.lap(event.pid, event.time);
      if (event.accepted) return;
      const entry = entryOf(reasons, event.reason.replaceAll(" ", "_"), () => ({ count: 0, seconds: 0 }));
      entry.count++;
      entry.seconds += seconds;
    },
    rows: () => [...reasons].map(([reason, sum]) => [String(sum.count), sum.seconds.toFixed(2), reason]),
  };
}

/** Accepted messages by what `keysOf` finds: `sbytes xdelay mess spam key`, and a row Total. */
export function acceptedTally(keysOf: (event: MessageEvent) => readonly string[]): SmtpTally {
  const sums = new Map<string, { bytes: number; seconds: number; messages: number; spam: number }>();
  const times = new ConnectionTimes();
  return {
    add(event) {
      if (event.kind === "connect") return times.begin(event.pid, event.time);
      if (event.kind !== "message" || !isServer(event)) return;
      const seconds = times.lap(event.pid, event.time);
      if (!event.accepted) return;
      for (const key of new Set(keysOf(event))) {
        const entry = entryOf(sums, key, () => ({ bytes: 0, seconds: 0, messages: 0, spam: 0 }));
        entry.bytes += event.bytes;
        entry.seconds += seconds;
        entry.messages++;
        if (event.verdict === "spam") entry.spam++;
      }
    },
    rows() {
      const all = [
        ...sums,
        ["Total", {
          bytes: sumOf(sums.values(), ({ bytes }) => bytes),
          seconds: sumOf(sums.values(), ({ seconds }) => seconds),
          messages: sumOf(sums.values(), ({ messages }) => messages),
          spam: sumOf(sums.values(), ({ spam }) => spam),
        }] as const,
      ];
      return all.map(([key, { bytes, seconds, messages, spam }]) => [
        ...[String(bytes), seconds.toFixed(2), String(messages), String(spam)],
        key === "" ? "<>" : key,
      ]);
    },
  };
}
