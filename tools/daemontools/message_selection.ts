/** The state of qlogselect: which messages and deliveries of a qmail log are wanted [spec formats 3]. */
import { latin1Bytes } from "../../core/bytes.ts";
import { parseStamp } from "./stamp.ts";

/** What is wanted. */
export interface SelectionRules {
  readonly from?: RegExp;
  readonly startSeconds?: number;
  readonly endSeconds?: number;
  readonly stripStatus?: boolean;
  readonly addStatus?: boolean;
}

/** Most messages that are followed at a time; a log that never ends its messages must not fill the memory. */
const MESSAGES_MAX = 2_000_000;
const STAMP = /^(?:(\d+(?:\.\d+)?)|(@[0-9a-f]{24})) +/;
const EVENT =
  /^(?:(status): |starting delivery ([\d.]+): msg (\d+) to (local|remote) |delivery ([\d.]+): |new msg (\d+)|info msg (\d+): bytes \d+ from <(.*)> qp |end msg (\d+)|bounce msg (\d+) )/;
/** Many queues have one log; numbers are only unique within a queue. */
const QUEUE = / (queue\d*|slowq|nqueue)$/;

/** Reads whole lines, gives those that are wanted. */
export class MessageSelection {
  readonly #rules: SelectionRules;
  /** Lines "new msg" of messages whose sender is not known yet. */
  readonly #begun = new Map<string, string>();
  readonly #wanted = new Set<string>();
  readonly #deliveries = new Map<string, "local" | "remote">();
  readonly #running = { local: 0, remote: 0 };
  #started: boolean;
  /** True when a line was behind the end. */
  ended = false;

  constructor(rules: SelectionRules) {
    this.#rules = rules;
    this.#started = rules.startSeconds === undefined;
  }

  /** The lines wanted of those in `text`, with their newlines, and lines that have no time. */
  push(text: string): { readonly output: string; readonly bad: readonly string[] } {
    let output = "";
    const bad: string[] = [];
    for (const line of text.split("\n")) {
      if (line === "" || this.ended) continue;
      const stamp = STAMP.exec(line);
      const seconds = stamp ? secondsOf(stamp) : undefined;
      if (!stamp || seconds === undefined) {
        if (this.#started) bad.push(line);
        continue;
      }
      if (!this.#started && seconds < (this.#rules.startSeconds ?? 0)) continue;
      this.#started = true;
      if (this.#rules.endSeconds !== undefined && seconds >= this.#rules.endSeconds) this.ended = true;
      else output += this.#event(line, stamp[0]);
    }
    return { output, bad };
  }

  #event(line: string, stamp: string): string {
    const event = EVENT.exec(line.slice(stamp.length));
    if (!event) return "";
    const queue = QUEUE.exec(line)?.[1] ?? "";
    const [, status, startedDelivery, startedMessage, channel, delivery, born, known, sender, ended, bounced] = event;
    if (status !== undefined) return this.#rules.stripStatus ? "" : `${line}\n`;
    if (startedDelivery !== undefined) {
      if (!this.#wanted.has(`${startedMessage} ${queue}`)) return "";
      this.#deliveries.set(`${startedDelivery} ${queue}`, channel === "local" ? "local" : "remote");
      return `${line}\n${this.#change(channel === "local" ? "local" : "remote", 1, stamp)}`;
    }
    if (delivery !== undefined) {
      const running = this.#deliveries.get(`${delivery} ${queue}`);
      if (running === undefined) return "";
      this.#deliveries.delete(`${delivery} ${queue}`);
      return `${line}\n${this.#change(running, -1, stamp)}`;
    }
    if (born !== undefined) {
      if (this.#begun.size < MESSAGES_MAX) this.#begun.set(`${born} ${queue}`, `${line}\n`);
      return "";
    }
    if (known !== undefined) return this.#info(`${known} ${queue}`, sender ?? "", line);
    const message = `${ended ?? bounced} ${queue}`;
    const wanted = ended === undefined ? this.#wanted.has(message) : this.#wanted.delete(message);
    return wanted ? `${line}\n` : "";
  }

  #info(message: string, sender: string, line: string): string {
    const begun = this.#begun.get(message) ?? "";
    this.#begun.delete(message);
    if (this.#rules.from && !this.#rules.from.test(sender) || this.#wanted.size >= MESSAGES_MAX) return "";
    this.#wanted.add(message);
    return `${begun}${line}\n`;
  }

  #change(channel: "local" | "remote", by: 1 | -1, stamp: string): string {
    this.#running[channel] += by;
    if (!this.#rules.addStatus) return "";
    return `${stamp}status: local ${this.#running.local}/? remote ${this.#running.remote}/?\n`;
  }
}

function secondsOf(stamp: RegExpExecArray): number | undefined {
  if (stamp[1] !== undefined) return Number(stamp[1]);
  const moment = parseStamp(latin1Bytes(stamp[2] ?? ""));
  return moment && moment.seconds + moment.nanoseconds / 1e9;
}
