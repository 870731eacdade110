/**
 * tcpserver for programs of ours, which run inside it, and for everything under TLS: connections are streams of Deno's. A
 * program that is not ours gets the plain text of a TLS connection by pipes on descriptors 0 and 1.
 */
import { childEnd, polledPipe } from "../../../core/libc/children.ts";
import { errorText, Temporary, TimedOut } from "../../../core/errors.ts";
import { runHosted } from "../../../core/hosted.ts";
import { Poller } from "../../../core/libc/poll.ts";
import { SocketConnection, UPGRADES } from "../../../core/net/connection.ts";
import { SocketTransport } from "../../../core/net/transport.ts";
import type { PeerAddress, ServerTls } from "../../../core/stream.ts";
import { type Admitted, peerText } from "./admission.ts";
import { shown, type TableEntry } from "./connection_table.ts";
import { endText, type RunningServer, type ServerParts } from "./process_server.ts";
import { relayStreams } from "../tls/relay.ts";
import { startWithPipes } from "../tls/piped_program.ts";
import { providerText } from "../tls/tls_files.ts";

/** Pause after a failed accept. */
const ACCEPT_PAUSE_MS = 50;
/** How long programs inside may take to end when the server is told to. */
const STOP_MS = 10_000;

/** What a stream server needs besides. */
export interface StreamServerParts extends ServerParts {
  readonly tls: ServerTls | undefined;
  /** The program runs inside. */
  readonly hosted: boolean;
  /** TLS_PROVIDER is set. */
  readonly tellProvider: boolean;
}

type StreamListener = Deno.TcpListener | Deno.TlsListener | Deno.UnixListener;
type StreamSocket = Deno.TcpConn | Deno.TlsConn | Deno.UnixConn;

/** Listens. Throws Temporary. */
export function listenForStreams(parts: StreamServerParts): RunningServer {
  return new StreamServer(parts);
}

function openListener({ settings, address, tls }: StreamServerParts): StreamListener {
  try {
    if (settings.host.startsWith("/")) return Deno.listen({ transport: "unix", path: settings.host });
    const scope = settings.facts.networkInterface === undefined ? "" : `%${settings.facts.networkInterface}`;
    const where = { hostname: address + scope, port: settings.port, tcpBacklog: settings.backlog };
    // before Deno 2.8 only Deno's own listener can serve TLS: one certificate, read once
    return tls && !UPGRADES ? Deno.listenTls({ ...where, ...tls.certificate(undefined) }) : Deno.listen(where);
  } catch (error) {
    throw new Temporary(`unable to listen on ${address} port ${settings.port}: ${errorText(error)}`);
  }
}

function endOf(address: Deno.Addr): PeerAddress {
  if ("hostname" in address) return { host: address.hostname, port: address.port };
  return { host: "path" in address ? address.path : "", port: 0 };
}

class StreamServer implements RunningServer {
  readonly port: number;
  readonly #parts: StreamServerParts;
  readonly #listener: StreamListener;
  readonly #serving = new Set<Promise<void>>();
  #poller: Poller | undefined;
  #stopped = false;

  constructor(parts: StreamServerParts) {
    this.#parts = parts;
    this.#listener = openListener(parts);
    this.port = endOf(this.#listener.addr).port;
  }

  start(): void {
    if (!this.#parts.hosted) this.#poller = new Poller();
    void this.#accept();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#listener.close();
    if (!this.#parts.hosted) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise((resolve) => timer = setTimeout(resolve, STOP_MS));
    await Promise.race([Promise.all(this.#serving), late]);
    clearTimeout(timer);
  }

  async #accept(): Promise<void> {
    const { table } = this.#parts;
    while (!this.#stopped) {
      if (table.full) {
        await table.changed();
        continue;
      }
      try {
        const serving: Promise<void> = this.#begin(await this.#listener.accept())
          .catch((error) => table.warn(`warning: ${errorText(error)}`))
          .then(() => void this.#serving.delete(serving));
        this.#serving.add(serving);
      } catch (error) {
        if (this.#stopped) return;
        table.warn(`warning: accept: ${errorText(error)}`);
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
      }
    }
  }

  async #begin(socket: StreamSocket): Promise<void> {
    const { table, settings, admission } = this.#parts;
    const remote = endOf(socket.remoteAddr);
    const peer = peerText(remote, settings);
    const entry = await admission.begin(peer);
    if (!entry) return socket.close();
    table.status("connected");
    const transport = new SocketTransport(socket);
    const alreadyTls = this.#parts.tls !== undefined && !UPGRADES;
    const connection = new SocketConnection(transport, {
      local: endOf(socket.localAddr),
      remote,
      ...(alreadyTls && { tls: { protocol: "TLS", cipher: "unknown" } }),
    });
    try {
      if ("setNoDelay" in socket) socket.setNoDelay(true);
      await this.#serve(connection, entry);
    } catch (error) {
      if (!(error instanceof Temporary)) throw error;
      table.warn(`warning: dropping connection, ${errorText(error)}`);
    } finally {
      connection.close();
      await transport.released;
      table.end(entry);
      table.status("ended");
    }
  }

  async #serve(connection: SocketConnection, entry: TableEntry): Promise<void> {
    const { admission, table, settings, tls, hosted, proc } = this.#parts;
    const admitted = await admission.admit(connection, entry);
    if (!admitted) return;
    if (tls && !connection.tls) await this.#startTls(connection, tls);
    if (connection.tls && this.#parts.tellProvider) {
      admitted.env.TLS_PROVIDER = providerText("tcpserver", connection.tls);
    }
    if (!hosted) return await this.#relay(connection, admitted, entry);
    table.say(`pid ${entry.pid} from ${shown(entry.peer)}`);
    table.say(`ok ${entry.pid} ${admitted.text}`);
    if (settings.idleGiven) connection.setTimeout(settings.idleMs);
    const code = await runHosted(proc, { argv: settings.argv, connection, env: admitted.env });
    table.say(endText(entry.pid, { code, signal: 0 }));
  }

  async #startTls(connection: SocketConnection, tls: ServerTls): Promise<void> {
    const { settings } = this.#parts;
    const { startTls } = connection;
    if (!startTls) throw new Temporary("this runtime cannot serve TLS on an open connection");
    connection.setTimeout(settings.handshakeMs);
    await startTls(tls);
    connection.setTimeout(0);
  }

  async #relay(connection: SocketConnection, admitted: Admitted, entry: TableEntry): Promise<void> {
    const { proc, settings, table } = this.#parts;
    const poller = this.#poller!;
    const child = await startWithPipes(proc, { argv: settings.argv, env: admitted.env, input: 0, output: 1 });
    const [toChild, fromChild] = [polledPipe(poller, child.input), polledPipe(poller, child.output)];
    const ended = childEnd(poller, child.pid);
    entry.pid = child.pid;
    table.say(`pid ${child.pid} from ${shown(entry.peer)}`);
    table.say(`ok ${child.pid} ${admitted.text}`);
    try {
      await relayStreams(connection, { toProgram: toChild, fromProgram: fromChild, idleMs: settings.idleMs });
    } catch (error) {
      if (!(error instanceof TimedOut)) throw error;
      table.say(`timeout ${child.pid}`);
    } finally {
      toChild.close();
      fromChild.close();
      connection.close();
      table.say(endText(child.pid, await ended));
    }
  }
}
