/**
 * A Connection in memory for session tests: what the peer sends is fed, what is written is collected. TLS is a word:
 * startTls succeeds at once.
 */
import { Temporary, TimedOut } from "../../core/errors.ts";
import type { Connection, PeerAddress, ServerTls, TlsState } from "../../core/stream.ts";

/** What a test may choose. */
export interface MemoryConnectionOptions {
  readonly remote?: PeerAddress;
  readonly local?: PeerAddress;
  /** TLS from the beginning. */
  readonly tls?: boolean;
}

const STATE: TlsState = { protocol: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" };

/** One end of a connection whose other end is the test. */
export class MemoryConnection implements Connection {
  readonly local: PeerAddress;
  readonly remote: PeerAddress;
  tls: TlsState | undefined;
  /** Writes so far, one text each. */
  readonly writes: string[] = [];
  closed = false;
  /** TimedOut at the next read that finds nothing. */
  timeOut = false;
  timeoutMs = 0;
  #waiting: Uint8Array[] = [];
  #ended = false;
  #wake: (() => void) | undefined;
  #quiet: (() => void) | undefined;

  constructor(options: MemoryConnectionOptions = {}) {
    this.local = options.local ?? { host: "192.0.2.1", port: 25 };
    this.remote = options.remote ?? { host: "198.51.100.7", port: 40_000 };
    this.tls = options.tls ? STATE : undefined;
  }

  get startTls(): ((tls: ServerTls) => Promise<TlsState>) | undefined {
    if (this.tls) return undefined;
    return (tls) => {
      tls.certificate(undefined);
      this.#waiting = [];
      this.tls = STATE;
      return Promise.resolve(STATE);
    };
  }

  /** All that was written. */
  get written(): string {
    return this.writes.join("");
  }

  /** Bytes from the peer; latin1 text. */
  feed(text: string | Uint8Array): void {
    this.#waiting.push(typeof text === "string" ? Uint8Array.from(text, (char) => char.charCodeAt(0)) : text);
    this.#wakeUp();
  }

  /** The peer sends nothing more. */
  end(): void {
    this.#ended = true;
    this.#wakeUp();
  }

  /** Resolves when the session waits for input that has not come, or the connection is closed. */
  async quiet(): Promise<void> {
    if (this.closed || (this.#wake && this.#waiting.length === 0)) return;
    await new Promise<void>((resolve) => this.#quiet = resolve);
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  setTimeout(timeoutMs: number): void {
    this.timeoutMs = timeoutMs;
  }

  async read(into: Uint8Array): Promise<number | null> {
    for (;;) {
      if (this.closed) throw new Temporary("connection is closed");
      const chunk = this.#waiting[0];
      if (chunk) {
        const count = Math.min(chunk.length, into.length);
        into.set(chunk.subarray(0, count));
        if (count < chunk.length) this.#waiting[0] = chunk.subarray(count);
        else this.#waiting.shift();
        return count;
      }
      if (this.timeOut) throw new TimedOut("no answer");
      if (this.#ended) return null;
      const woken = new Promise<void>((resolve) => this.#wake = resolve);
      this.#quiet?.();
      this.#quiet = undefined;
      await woken;
    }
  }

  async readable(): Promise<void> {
    while (this.#waiting.length === 0 && !this.#ended && !this.closed) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.closed) return Promise.reject(new Temporary("connection is closed"));
    this.writes.push(String.fromCharCode(...bytes));
    return Promise.resolve();
  }

  close(): void {
    this.closed = true;
    this.#quiet?.();
    this.#quiet = undefined;
    this.#wakeUp();
  }
}
