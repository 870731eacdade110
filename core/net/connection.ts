/**
 * The Connection of every server and client of ours (core/stream.ts): timeouts, TLS on the way, little memory while
 * idle. Long timeouts are looked at together, a short one has a timer; no buffer is held beside the caller's.
 */
import { errorText, Temporary, TimedOut } from "../errors.ts";
import type { ClientTls, Connection, PeerAddress, ServerTls, TlsState } from "../stream.ts";
import type { TlsSession } from "./tls_stream.ts";
import type { Transport } from "./transport.ts";

/** Bytes that `readable` takes in advance. */
const AHEAD_BYTES = 512;

/** Whether this runtime can negotiate TLS on an open connection [spec deno]: from Deno 2.8 on. */
export function canUpgradeToTls(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > 2 || (major === 2 && minor >= 8);
}

/** What this runtime can do. */
export const UPGRADES = canUpgradeToTls(Deno.version.deno);

/** Timeouts from here on are looked at together, every SWEEP_MS: they may last that much longer. */
const SWEPT_TIMEOUT_MS_MIN = 10_000;
const SWEEP_MS = 1000;

/** The open connections with long timeouts, and the one timer for them all: each of its own would cost 10 µs. */
const swept = new Set<{ sweep(): void }>();
let sweeper: ReturnType<typeof setInterval> | undefined;

function addSwept(connection: { sweep(): void }): void {
  swept.add(connection);
  sweeper ??= setInterval(() => swept.forEach((each) => each.sweep()), SWEEP_MS);
}

function removeSwept(connection: { sweep(): void }): void {
  if (!swept.delete(connection) || swept.size > 0) return;
  clearInterval(sweeper);
  sweeper = undefined;
}

/** A read or write that waits for the peer. */
interface Wait {
  sinceMs: number;
  fail(error: Error): void;
}

/** Where a connection comes from and goes to. */
export interface ConnectionEnds {
  readonly local: PeerAddress;
  readonly remote: PeerAddress;
  /** The transport has TLS already. */
  readonly tls?: TlsState;
}

/** A connection over a transport. Errors of the peer and the network are thrown as Temporary, naming the peer. */
export class SocketConnection implements Connection {
  readonly local: PeerAddress;
  readonly remote: PeerAddress;
  #transport: Transport;
  #tls: TlsState | undefined;
  #ahead: Uint8Array | undefined;
  #ended = false;
  #timeoutMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isSwept = false;
  #reading: Wait | undefined;
  #writing: Wait | undefined;
  #closed = false;

  constructor(transport: Transport, ends: ConnectionEnds) {
    this.#transport = transport;
    this.local = ends.local;
    this.remote = ends.remote;
    this.#tls = ends.tls;
  }

  get tls(): TlsState | undefined {
    return this.#tls;
  }

  setTimeout(timeoutMs: number): void {
    this.#timeoutMs = timeoutMs;
    this.#stopTimer();
    if (this.#reading || this.#writing) this.#arm(timeoutMs);
  }

  read(into: Uint8Array): Promise<number | null> {
    const ahead = this.#ahead;
    if (ahead !== undefined) {
      const count = Math.min(ahead.length, into.length);
      into.set(ahead.subarray(0, count));
      this.#ahead = count < ahead.length ? ahead.subarray(count) : undefined;
      return Promise.resolve(count);
    }
    if (this.#ended) return Promise.resolve(null);
    return new Promise((resolve, reject) => {
      this.#reading = this.#wait(reject);
      this.#transport.read(into).then((count) => {
        this.#reading = undefined;
        if (count === null) this.#ended = true;
        resolve(count);
      }, (error) => {
        this.#reading = undefined;
        reject(this.#lost(error));
      });
    });
  }

  async readable(): Promise<void> {
    if (this.#ahead !== undefined || this.#ended) return;
    const buffer = new Uint8Array(AHEAD_BYTES);
    const count = await this.read(buffer);
    if (count !== null) this.#ahead = buffer.subarray(0, count);
  }

  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#writing = this.#wait(reject);
      const failed = (error: unknown) => {
        this.#writing = undefined;
        reject(this.#lost(error));
      };
      const written = (count: number): void => {
        if (count < bytes.length) {
          this.#writeRest(bytes.subarray(count)).then(() => written(bytes.length), failed);
          return;
        }
        this.#writing = undefined;
        resolve();
      };
      this.#transport.write(bytes).then(written, failed);
    });
  }

  async #writeRest(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      if (this.#writing) this.#writing.sinceMs = Date.now();
      at += await this.#transport.write(bytes.subarray(at));
    }
  }

  #wait(fail: (error: Error) => void): Wait {
    if (this.#timeoutMs > 0 && this.#timer === undefined && !this.#isSwept) this.#arm(this.#timeoutMs);
    return { sinceMs: Date.now(), fail };
  }

  #arm(delayMs: number): void {
    if (delayMs <= 0 || this.#closed) return;
    if (this.#timeoutMs < SWEPT_TIMEOUT_MS_MIN) this.#timer = setTimeout(() => this.#check(), delayMs);
    else if (!this.#isSwept) {
      this.#isSwept = true;
      addSwept(this);
    }
  }

  #stopTimer(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#isSwept) removeSwept(this);
    this.#isSwept = false;
  }

  /** For the timer of all: fails what has waited too long. */
  sweep(): void {
    this.#check();
  }

  /** Fails what has waited too long; looks again when the next could have. */
  #check(): void {
    this.#timer = undefined;
    const nowMs = Date.now();
    let leftMs = Infinity;
    for (const wait of [this.#reading, this.#writing]) {
      if (!wait) continue;
      if (wait.sinceMs > nowMs) wait.sinceMs = nowMs; // the clock was set back
      const left = wait.sinceMs + this.#timeoutMs - nowMs;
      if (left > 0) leftMs = Math.min(leftMs, left);
      else wait.fail(new TimedOut(`${this.remote.host} did not answer within ${this.#timeoutMs / 1000} seconds`));
    }
    if (leftMs < Infinity) this.#arm(Math.ceil(leftMs));
  }

  #lost(error: unknown): Error {
    if (error instanceof Temporary) return error;
    return new Temporary(
      this.#closed
        ? `connection with ${this.remote.host} is closed`
        : `connection with ${this.remote.host} lost: ${errorText(error)}`,
    );
  }

  get startTls(): ((server: ServerTls) => Promise<TlsState>) | undefined {
    if (this.#tls || !UPGRADES) return undefined;
    return (server) =>
      this.#upgrade(async (transport) => {
        const { acceptTls } = await import("./tls_stream.ts");
        return await acceptTls(transport, server);
      });
  }

  get connectTls(): ((client: ClientTls) => Promise<TlsState>) | undefined {
    if (this.#tls || !UPGRADES) return undefined;
    return (client) =>
      this.#upgrade(async (transport) => {
        const { startClientTls } = await import("./tls_stream.ts");
        return await startClientTls(transport, client);
      });
  }

  /** The handshake as a whole has the time of one read. Plain text read in advance is thrown away [rfc3207 4.2]. */
  #upgrade(negotiate: (transport: Transport) => Promise<TlsSession>): Promise<TlsState> {
    this.#ahead = undefined;
    return new Promise((resolve, reject) => {
      this.#reading = this.#wait((error) => {
        reject(error);
        this.#reading = undefined;
        this.close();
      });
      negotiate(this.#transport).then((session) => {
        this.#reading = undefined;
        this.#transport = session.transport;
        this.#tls = session.state;
        if (this.#closed) this.#transport.close();
        resolve(session.state);
      }, (error) => {
        this.#reading = undefined;
        reject(new Temporary(`TLS handshake with ${this.remote.host} failed: ${errorText(error)}`));
      });
    });
  }

  /** Tells the peer that nothing more comes; what it says can still be read. */
  closeWrite(): Promise<void> {
    return this.#transport.closeWrite();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopTimer();
    this.#transport.close();
    if (!this.#reading && !this.#writing) return;
    const error = this.#lost(undefined);
    this.#reading?.fail(error);
    this.#writing?.fail(error);
    this.#reading = this.#writing = undefined;
  }
}
