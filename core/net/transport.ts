/**
 * What a connection stands on: raw bytes both ways. A Deno.Conn is one as it is; a node stream (a TLS session, a socket
 * with a chosen local address) is made one by StreamTransport. One read at a time.
 */
import type { Duplex } from "node:stream";

/** Raw bytes both ways. */
export interface Transport {
  /** Fills a part of `into`; null at the end. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes a part of `bytes` and gives its length. */
  write(bytes: Uint8Array): Promise<number>;
  /** Tells the peer that nothing more comes. */
  closeWrite(): Promise<void>;
  /** Sends what is buffered and closes; what waits in read or write is rejected. Safe to call twice. */
  close(): void;
}

/**
 * A Deno.Conn. Closing one while a read waits leaves it open on Deno 2.8.3: neither does the read end nor does the peer
 * learn of it. So the writing side is shut first; the peer then closes or, when it is gone, its missing answer ends the
 * read after some minutes. `released` resolves when nothing is held any more: limits count connections until then.
 */
export class SocketTransport implements Transport {
  readonly released: Promise<void>;
  readonly #socket: Deno.TcpConn | Deno.UnixConn | Deno.TlsConn;
  #pending = 0;
  #closed = false;
  #markReleased: () => void = () => {};

  constructor(socket: Deno.TcpConn | Deno.UnixConn | Deno.TlsConn) {
    this.#socket = socket;
    this.released = new Promise((resolve) => this.#markReleased = resolve);
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.#counted(this.#socket.read(into));
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#counted(this.#socket.write(bytes));
  }

  #counted<T>(work: Promise<T>): Promise<T> {
    this.#pending++;
    work.then(this.#settled, this.#settled);
    return work;
  }

  readonly #settled = () => {
    this.#pending--;
    if (this.#closed && this.#pending === 0) this.#markReleased();
  };

  closeWrite(): Promise<void> {
    return this.#socket.closeWrite();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#pending > 0) this.#socket.closeWrite().catch(() => {}); // a peer that is gone needs no end
    else this.#markReleased();
    this.#socket.close();
  }
}

/** A node stream, pulled. */
export class StreamTransport implements Transport {
  readonly #stream: Duplex;
  #left: Uint8Array | undefined;
  #wake: (() => void) | undefined;
  #failure: Error | undefined;
  #ended = false;
  #closed = false;

  constructor(stream: Duplex) {
    this.#stream = stream;
    const wake = () => {
      this.#wake?.();
      this.#wake = undefined;
    };
    stream.on("readable", wake);
    stream.on("end", () => {
      this.#ended = true;
      wake();
    });
    stream.on("error", (error: Error) => {
      this.#failure ??= error;
      wake();
    });
    stream.on("close", () => {
      this.#ended = true;
      wake();
    });
  }

  async read(into: Uint8Array): Promise<number | null> {
    for (;;) {
      const chunk: Uint8Array | null = this.#left ?? this.#stream.read();
      if (chunk !== null) {
        const count = Math.min(chunk.length, into.length);
        into.set(count < chunk.length ? chunk.subarray(0, count) : chunk);
        this.#left = count < chunk.length ? chunk.subarray(count) : undefined;
        return count;
      }
      if (this.#closed) throw new Error("connection is closed");
      if (this.#failure) throw this.#failure;
      if (this.#ended) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#closed || this.#stream.destroyed) {
        reject(this.#failure ?? new Error("connection is closed"));
        return;
      }
      const lost = () => reject(this.#failure ?? new Error("connection is closed"));
      this.#stream.once("close", lost); // a destroyed stream may never call back
      this.#stream.write(bytes, (error) => {
        this.#stream.off("close", lost);
        if (error) reject(error);
        else resolve(bytes.length);
      });
    });
  }

  closeWrite(): Promise<void> {
    return new Promise((resolve) => this.#stream.end(() => resolve()));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#wake?.();
    this.#wake = undefined;
    if (this.#failure || this.#stream.destroyed) this.#stream.destroy();
    else this.#stream.end(() => this.#stream.destroy());
  }
}
