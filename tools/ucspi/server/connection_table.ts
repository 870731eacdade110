/**
 * The open connections of a server: how many in all and of each peer, who waits because its address has too many, and the
 * lines that tell of them. Those who wait count neither for their peer nor in all, and are few (named below).
 */
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

/** Connections of one peer that may wait for their turn; more are closed. As many as -C allows unless it says otherwise. */
const WAITING_PER_PEER_MAX = 20;
/** Connections of all peers that may wait for their turn. As many as the kernel keeps for us. */
const WAITING_MAX = 128;

/** A connection that waits until fewer than `perHost` of its peer are open. */
interface Waiter {
  readonly entry: TableEntry;
  readonly perHost: number;
  readonly decide: (begun: boolean) => void;
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
  #waiting: Waiter[] = [];
  #closed = false;

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
    this.#count(entry);
    return entry;
  }

  end(entry: TableEntry): void {
    if (!this.#uncount(entry)) return;
    this.#serveWaiting();
    this.wake();
  }

  /** Begins a connection once fewer than `perHost` of its peer are open, 0: at once; undefined: too many wait already. */
  async beginInTurn(peer: string, perHost: number): Promise<TableEntry | undefined> {
    if (perHost === 0 || this.of(peer) < perHost) return this.begin(peer);
    const entry = { peer, pid: ++this.#serial };
    return await this.#wait(entry, perHost) ? entry : undefined;
  }

  /** For a connection that counts: lets it wait while `perHost` others of its peer are open; false: too many wait already. */
  async keepTurn(entry: TableEntry, perHost: number): Promise<boolean> {
    if (perHost === 0 || this.of(entry.peer) <= perHost) return true;
    this.#uncount(entry);
    const waited = this.#wait(entry, perHost);
    this.#serveWaiting();
    this.wake();
    return await waited;
  }

  /** The server ends: nobody waits any longer. */
  close(): void {
    this.#closed = true;
    for (const { decide } of this.#waiting.splice(0)) decide(false);
  }

  #count(entry: TableEntry): void {
    this.#entries.add(entry);
    this.#perPeer.set(entry.peer, this.of(entry.peer) + 1);
  }

  #uncount(entry: TableEntry): boolean {
    if (!this.#entries.delete(entry)) return false;
    const left = this.of(entry.peer) - 1;
    if (left > 0) this.#perPeer.set(entry.peer, left);
    else this.#perPeer.delete(entry.peer);
    return true;
  }

  #wait(entry: TableEntry, perHost: number): Promise<boolean> {
    const { peer } = entry;
    const count = this.#waiting.filter((one) => one.entry.peer === peer).length;
    if (this.#closed || count >= WAITING_PER_PEER_MAX || this.#waiting.length >= WAITING_MAX) {
      this.warn(`end ${shown(peer)} perIPlimit ${perHost}`);
      return Promise.resolve(false);
    }
    this.say(`defer ${shown(peer)} perIPlimit ${perHost}`);
    return new Promise((decide) => this.#waiting.push({ entry, perHost, decide }));
  }

  /** Begins what waits and may begin, the longest waiting first. */
  #serveWaiting(): void {
    const left: Waiter[] = [];
    for (const one of this.#waiting) {
      if (this.full || this.of(one.entry.peer) >= one.perHost) left.push(one);
      else {
        this.#count(one.entry);
        one.decide(true);
      }
    }
    this.#waiting = left;
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
