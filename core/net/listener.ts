/**
 * Listens on a TCP port and hands each connection to a session, with limits on their number in all and for each peer.
 * The accept loop outlives peers that reset at once and a process out of descriptors [spec deno, Sockets].
 */
import { errorText, Temporary } from "../errors.ts";
import type { Connection, PeerAddress, ServerTls, TlsState } from "../stream.ts";
import { SocketConnection, UPGRADES } from "./connection.ts";
import { certificateBytes } from "./tls_server.ts";
import { SocketTransport } from "./transport.ts";

/** Pause after a failed accept: descriptors may be free again by then. */
const ACCEPT_PAUSE_MS = 50;
/** Connections that wait to be accepted. */
const BACKLOG_DEFAULT = 511;
/** Connections served at the same time unless said otherwise. */
const CONNECTIONS_DEFAULT = 1000;
/** Time for an implicit TLS handshake. */
const HANDSHAKE_TIMEOUT_MS = 60_000;

/** Deno's own listener does not tell what was negotiated. */
const TLS_OF_LISTENER: TlsState = { protocol: "TLS", cipher: "unknown" };

/** How to listen. */
export interface ListenOptions {
  /** Address; "0.0.0.0" and "::" mean all. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** TLS from the first byte. */
  readonly tls?: ServerTls;
  readonly backlog?: number;
  /** Above it new connections wait in the backlog, as with tcpserver -c [man tcpserver.1]. */
  readonly connectionsMax?: number;
  /** Connections of one address; 0: no limit. Peers on this machine have none. Above it a peer gets `refusal`. */
  readonly perHostMax?: number;
  /** Sent before closing to a peer with too many connections. */
  readonly refusal?: Uint8Array;
  /** Other processes may listen on the same port and share the connections. */
  readonly reusePort?: boolean;
  /** Told what went wrong outside the sessions: a failed accept or handshake, a session that threw. */
  readonly onError?: (text: string) => void;
}

/** A port that is listened on. */
export interface Listener {
  readonly port: number;
  /** Connections being served. */
  readonly active: number;
  /** Accepts no more; open connections stay. */
  close(): void;
  /** Resolves after close, when the last session has ended. */
  readonly drained: Promise<void>;
}

/** Serves connections until closed; each is closed when its session's promise settles. */
export function listen(options: ListenOptions, onConnection: (connection: Connection) => Promise<void>): Listener {
  let socket: Deno.TcpListener | Deno.TlsListener;
  let tls: TlsState = TLS_OF_LISTENER;
  try {
    const address = {
      hostname: options.host,
      port: options.port,
      tcpBacklog: options.backlog ?? BACKLOG_DEFAULT,
      ...(options.reusePort && { reusePort: true }),
    };
    // before Deno 2.8 only Deno's own listener can serve TLS: one certificate, read once
    if (options.tls && !UPGRADES) {
      const certificate = options.tls.certificate(undefined);
      tls = { ...tls, serverCertificate: certificateBytes(certificate.cert) };
      socket = Deno.listenTls({ ...address, ...certificate });
    } else socket = Deno.listen(address);
  } catch (error) {
    const hint = error instanceof Deno.errors.AddrInUse ? ": stop what listens there, or choose another port" : "";
    throw new Temporary(`cannot listen on ${options.host} port ${options.port}: ${errorText(error)}${hint}`);
  }
  return new PortListener({ socket, tls }, options, onConnection);
}

/** True for the addresses of this machine's loopback. */
export function isLoopback(host: string): boolean {
  return host.startsWith("127.") || host === "::1";
}

class PortListener implements Listener {
  readonly port: number;
  readonly drained: Promise<void>;
  readonly #socket: Deno.TcpListener | Deno.TlsListener;
  /** Of connections that come with TLS. */
  readonly #tls: TlsState;
  readonly #options: ListenOptions;
  readonly #session: (connection: Connection) => Promise<void>;
  readonly #perHost = new Map<string, number>();
  #active = 0;
  #closed = false;
  #wake: (() => void) | undefined;
  #markDrained: () => void = () => {};

  constructor(
    { socket, tls }: { readonly socket: Deno.TcpListener | Deno.TlsListener; readonly tls: TlsState },
    options: ListenOptions,
    session: (connection: Connection) => Promise<void>,
  ) {
    this.#socket = socket;
    this.#tls = tls;
    this.#options = options;
    this.#session = session;
    this.port = socket.addr.port;
    this.drained = new Promise((resolve) => this.#markDrained = resolve);
    this.#accept();
  }

  get active(): number {
    return this.#active;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
    this.#wake?.();
    if (this.#active === 0) this.#markDrained();
  }

  async #accept(): Promise<void> {
    const most = this.#options.connectionsMax ?? CONNECTIONS_DEFAULT;
    while (!this.#closed) {
      if (this.#active >= most) {
        await new Promise<void>((resolve) => this.#wake = resolve);
        continue;
      }
      let socket: Deno.TcpConn | Deno.TlsConn;
      try {
        socket = await this.#socket.accept();
      } catch (error) {
        if (this.#closed) return;
        this.#options.onError?.(`accept on port ${this.port}: ${errorText(error)}`);
        await this.#pause();
        continue;
      }
      this.#begin(socket);
    }
  }

  /** Waits ACCEPT_PAUSE_MS, less when the listener is closed meanwhile. */
  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ACCEPT_PAUSE_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #begin(socket: Deno.TcpConn | Deno.TlsConn): void {
    try {
      if ("setNoDelay" in socket) socket.setNoDelay(true);
    } catch {
      socket.close(); // reset between accept and now
      return;
    }
    const remote = addressOf(socket.remoteAddr);
    const transport = new SocketTransport(socket);
    const connection = new SocketConnection(transport, {
      local: addressOf(socket.localAddr),
      remote,
      ...("setNoDelay" in socket ? {} : { tls: this.#tls }),
    });
    this.#active++;
    const count = (this.#perHost.get(remote.host) ?? 0) + 1;
    this.#perHost.set(remote.host, count);
    const most = this.#options.perHostMax ?? 0;
    const served = most > 0 && count > most && !isLoopback(remote.host)
      ? this.#refuse(connection)
      : this.#serve(connection);
    served.catch((error) => this.#options.onError?.(`${remote.host}: ${errorText(error)}`)).then(() => {
      connection.close();
      return transport.released;
    }).then(() => this.#end(remote.host));
  }

  async #refuse(connection: Connection): Promise<void> {
    connection.setTimeout(HANDSHAKE_TIMEOUT_MS);
    if (this.#options.refusal && !this.#options.tls) await connection.write(this.#options.refusal);
  }

  #serve(connection: SocketConnection): Promise<void> {
    const tls = this.#options.tls;
    if (!tls || connection.tls) return this.#session(connection);
    connection.setTimeout(HANDSHAKE_TIMEOUT_MS);
    const startTls = connection.startTls;
    if (!startTls) return Promise.reject(new Temporary("this runtime cannot serve TLS on an open connection"));
    return startTls(tls).then(() => this.#session(connection));
  }

  #end(host: string): void {
    this.#active--;
    const count = (this.#perHost.get(host) ?? 1) - 1;
    if (count === 0) this.#perHost.delete(host);
    else this.#perHost.set(host, count);
    this.#wake?.();
    this.#wake = undefined;
    if (this.#closed && this.#active === 0) this.#markDrained();
  }
}

/** An IPv4 peer of an IPv6 listener is shown as IPv4. */
function addressOf(address: Deno.NetAddr): PeerAddress {
  const mapped = address.hostname.startsWith("::ffff:") && address.hostname.includes(".");
  return { host: mapped ? address.hostname.slice(7) : address.hostname, port: address.port };
}
