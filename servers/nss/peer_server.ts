/**
 * A Unix socket whose peers are known by the kernel (SO_PEERCRED): who asks decides what is answered. Descriptors of our
 * own, since Deno tells none of its connections; one poller waits for all. Every wait has a limit.
 */
import { errorText, Temporary, TimedOut } from "../../core/errors.ts";
import { closeFd } from "../../core/libc/fd.ts";
import { type Poller, setNonblocking, tryReadFd, tryWriteFd } from "../../core/libc/poll.ts";
import { acceptSocket, listenSocket, peerUser, waitWritable } from "../../core/libc/socket.ts";
import type { ByteReader, ByteWriter } from "../../core/stream.ts";

/** Peers at once; each login on the host may be one for a moment. */
export const PEERS_MAX = 512;
const BACKLOG = 128;
/** How long a peer may take to go on with its question, and to take an answer that fills its buffer. */
export const READ_TIMEOUT_MS = 5000;
const WRITE_TIMEOUT_MS = 5000;
/** Connections taken before other work gets its turn. */
const ACCEPTS_MAX = 64;

/** A connection and who is at its other end. */
export class Peer implements ByteReader, ByteWriter {
  readonly uid: number;
  readonly #fd: number;
  readonly #poller: Poller;
  readonly #idleMs: number;
  #token: number | undefined;
  #wake: ((reason?: Error) => void) | undefined;
  #closed = false;

  constructor(fd: number, poller: Poller, options: { readonly uid: number; readonly idleMs: number }) {
    this.#fd = fd;
    this.#poller = poller;
    this.uid = options.uid;
    this.#idleMs = options.idleMs;
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    for (;;) {
      if (this.#closed) throw new Temporary("the connection is closed");
      const count = tryReadFd(this.#fd, into);
      if (count !== undefined) return count === 0 ? null : count;
      await this.#readable();
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    const own = new Uint8Array(bytes);
    for (let done = 0; done < own.length;) {
      if (this.#closed) throw new Temporary("the connection is closed");
      const count = tryWriteFd(this.#fd, own.subarray(done));
      if (count !== undefined) done += count;
      else if (!await waitWritable(this.#fd, WRITE_TIMEOUT_MS)) throw new TimedOut("the peer takes no answer");
    }
  }

  #readable(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#wake?.(new TimedOut("the peer asks nothing")), this.#idleMs);
      this.#wake = (reason) => {
        clearTimeout(timer);
        this.#wake = undefined;
        if (reason) reject(reason);
        else resolve();
      };
      if (this.#token === undefined) this.#token = this.#poller.watch(this.#fd, () => this.#wake?.(), { once: true });
      else this.#poller.rearm(this.#token);
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#wake?.(new Temporary("the connection is closed"));
    if (this.#token !== undefined) this.#poller.unwatch(this.#token);
    closeFd(this.#fd);
  }
}

/** What a server serves. */
export interface PeerServing {
  readonly path: string;
  readonly mode: number;
  readonly poller: Poller;
  /** How long a peer may be silent. */
  readonly idleMs: number;
  /** Serves a connection, which is closed afterwards. */
  readonly serve: (peer: Peer) => Promise<void>;
  readonly warn: (text: string) => void;
}

/** A listening socket. */
export class PeerServer {
  readonly #serving: PeerServing;
  readonly #fd: number;
  readonly #token: number;
  readonly #peers = new Map<Peer, Promise<void>>();
  #closed = false;

  private constructor(fd: number, serving: PeerServing) {
    this.#fd = fd;
    this.#serving = serving;
    this.#token = serving.poller.watch(fd, () => this.#accept());
  }

  /** Listens, in the place of a socket that nobody answers on. Throws Temporary. */
  static async listen(serving: PeerServing): Promise<PeerServer> {
    const { path, mode } = serving;
    if (await isAnswered(path)) throw new Temporary(`another daemon answers on ${path}`);
    let fd: number | undefined;
    try {
      removeSocket(path);
      fd = listenSocket({ host: path, port: 0, backlog: BACKLOG });
      Deno.chmodSync(path, mode);
      return new PeerServer(fd, serving);
    } catch (error) {
      if (fd !== undefined) closeFd(fd);
      throw new Temporary(`cannot listen on ${path}: ${errorText(error)}`);
    }
  }

  #accept(): void {
    const { poller, idleMs, warn } = this.#serving;
    for (let count = 0; count < ACCEPTS_MAX && !this.#closed; count++) {
      let accepted: ReturnType<typeof acceptSocket>;
      try {
        accepted = acceptSocket(this.#fd);
      } catch (error) {
        return warn(`cannot accept a connection: ${errorText(error)}`);
      }
      if (!accepted) return;
      const { fd } = accepted;
      const uid = peerUser(fd)?.uid;
      if (uid === undefined || this.#peers.size >= PEERS_MAX) {
        warn(uid === undefined ? "a peer that the kernel does not know" : `more than ${PEERS_MAX} connections`);
        closeFd(fd);
        continue;
      }
      setNonblocking(fd, "nonblocking");
      this.#serve(new Peer(fd, poller, { uid, idleMs }));
    }
  }

  #serve(peer: Peer): void {
    const served = this.#serving.serve(peer).catch((error) => {
      if (!this.#closed && !(error instanceof TimedOut)) this.#serving.warn(`connection dropped: ${errorText(error)}`);
    }).finally(() => {
      peer.close();
      this.#peers.delete(peer);
    });
    this.#peers.set(peer, served);
  }

  /** Stops listening, ends all connections and removes the socket. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#serving.poller.unwatch(this.#token);
    closeFd(this.#fd);
    removeSocket(this.#serving.path);
    const served = [...this.#peers.values()];
    for (const peer of this.#peers.keys()) peer.close();
    await Promise.all(served);
  }
}

function removeSocket(path: string): void {
  try {
    if (!Deno.lstatSync(path).isSocket) throw new Temporary(`${path} is there and no socket`);
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function isAnswered(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch {
    return false;
  }
}

/** Reads exactly that many bytes; undefined when the peer ends before. */
export async function readExactly(reader: ByteReader, count: number): Promise<Uint8Array | undefined> {
  const bytes = new Uint8Array(count);
  for (let done = 0; done < count;) {
    const more = await reader.read(bytes.subarray(done));
    if (more === null) return undefined;
    done += more;
  }
  return bytes;
}
