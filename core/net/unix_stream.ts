/**
 * A connection to a Unix socket as a stream of node:stream, for packages that want one. Not node:net's: in Deno 2.8 that
 * closes its descriptor a second time, and with it whatever has got the number meanwhile.
 */
import { Duplex } from "node:stream";

/** Bytes read at once. */
const READ_BYTES = 64 * 1024;

class UnixStream extends Duplex {
  #connection: Deno.UnixConn | undefined;
  readonly #connected: Promise<Deno.UnixConn>;

  constructor(path: string) {
    super({ allowHalfOpen: false }); // as a socket: what the peer ends is closed
    this.#connected = Deno.connect({ transport: "unix", path });
    this.#connected.then(
      (connection) => {
        if (this.destroyed) return connection.close();
        this.#connection = connection;
        this.emit("connect");
      },
      (error) => this.destroy(withCode(error)),
    );
  }

  override _read(): void {
    this.#readOnce().catch((error) => this.destroy(withCode(error)));
  }

  async #readOnce(): Promise<void> {
    const connection = await this.#connected;
    const buffer = new Uint8Array(READ_BYTES);
    const count = await connection.read(buffer);
    if (!this.destroyed) this.push(count === null ? null : buffer.subarray(0, count));
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#writeAll(chunk).then(() => done(), (error) => done(withCode(error)));
  }

  async #writeAll(chunk: Uint8Array): Promise<void> {
    const connection = await this.#connected;
    for (let at = 0; at < chunk.length;) at += await connection.write(chunk.subarray(at));
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#connected.then((connection) => connection.closeWrite()).then(() => done(), (error) => done(withCode(error)));
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const connection = this.#connection;
    this.#connection = undefined;
    if (!connection) return done(error);
    // while a read waits, close alone tells the peer nothing; it answers the end of our side with its own, and the read ends
    const close = () => connection.close();
    connection.closeWrite().then(close, close).then(() => done(error), done);
  }
}

/** The error with the code that node:net's would have, where callers look at it. */
function withCode(error: unknown): Error {
  const failure = error instanceof Error ? error : new Error(String(error));
  if ("code" in failure && failure.code !== undefined) return failure;
  const code = failure instanceof Deno.errors.BrokenPipe
    ? "EPIPE"
    : failure instanceof Deno.errors.ConnectionReset
    ? "ECONNRESET"
    : failure instanceof Deno.errors.ConnectionRefused
    ? "ECONNREFUSED"
    : failure instanceof Deno.errors.NotFound
    ? "ENOENT"
    : undefined;
  return code === undefined ? failure : Object.assign(failure, { code });
}

/** Begins to connect; what goes wrong comes as `error` in a later turn. The stream reports `connect`, as a socket does. */
export function connectUnixStream(path: string): Duplex {
  return new UnixStream(path);
}
