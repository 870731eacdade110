/** The open connections of a server: how many in all and of each peer, and the lines that tell of them. */
import type { Logger } from "../../../core/log.ts";
import type { Verbosity } from "./server_settings.ts";

/** One open connection. */
export interface TableEntry {
  readonly peer: string;
  /** The process that serves it; a number of its own, counted from 1, when none does. */
  pid: number;
}

/** Longest part of a line that a peer can choose. */
const SHOWN_CHARACTERS_MAX = 100;

/** A text that a peer has chosen, fit for a log line. */
export function shown(text: string): string {
  const cut = text.length > SHOWN_CHARACTERS_MAX ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}...` : text;
  return cut.replace(/[^!-$&-~]/g, "?");
}

/** Counts connections. */
export class ConnectionTable {
  limit: number;
  readonly #entries = new Set<TableEntry>();
  readonly #perPeer = new Map<string, number>();
  readonly #log: Logger;
  readonly #verbosity: Verbosity;
  #serial = 0;
  #wake: (() => void) | undefined;

  constructor(limit: number, log: Logger, verbosity: Verbosity) {
    this.limit = limit;
    this.#log = log;
    this.#verbosity = verbosity;
  }

  get active(): number {
    return this.#entries.size;
  }

  get full(): boolean {
    return this.#entries.size >= this.limit;
  }

  /** Connections of a peer. */
  of(peer: string): number {
    return this.#perPeer.get(peer) ?? 0;
  }

  begin(peer: string): TableEntry {
    const entry = { peer, pid: ++this.#serial };
    this.#entries.add(entry);
    this.#perPeer.set(peer, this.of(peer) + 1);
    return entry;
  }

  end(entry: TableEntry): void {
    if (!this.#entries.delete(entry)) return;
    const left = this.of(entry.peer) - 1;
    if (left > 0) this.#perPeer.set(entry.peer, left);
    else this.#perPeer.delete(entry.peer);
    this.wake();
  }

  /** Resolves when a connection has ended or the limit has changed. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }

  wake(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  /** A line of -v. */
  say(text: string): void {
    if (this.#verbosity >= 2) this.#log.line(`tcpserver: ${text}`);
  }

  /** A line that is printed unless -q. */
  warn(text: string): void {
    if (this.#verbosity >= 1) this.#log.line(`tcpserver: ${text}`);
  }

  status(what: string): void {
    this.say(`status: ${this.active}/${this.limit} ${what}`);
    if (this.#verbosity >= 3) this.list();
  }

  /** All open connections, for -V and USR1. */
  list(): void {
    let slot = 0;
    for (const { peer, pid } of this.#entries) this.#log.line(`tcpserver: ${slot++}: IP ${peer}: PID ${pid}`);
  }
}
