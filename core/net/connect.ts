/**
 * Connects to a TCP port, for qmail-remote, proxies and tests: with a limit on time, and from a chosen local address
 * where asked. Name resolution is the caller's: `host` is an address (a name is looked up by the system).
 */
import { errorText, Temporary, TimedOut } from "../errors.ts";
import type { Connection, PeerAddress } from "../stream.ts";
import { SocketConnection } from "./connection.ts";
import { SocketTransport, StreamTransport } from "./transport.ts";

/** Where to connect. */
export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  /** Local address to connect from. */
  readonly localHost?: string;
  readonly timeoutMs: number;
}

/** Connects. Throws TimedOut when it takes longer than `timeoutMs`, Temporary when the peer cannot be reached. */
export async function connectTcp(options: ConnectOptions): Promise<Connection> {
  const remote = { host: options.host, port: options.port };
  try {
    return options.localHost === undefined ? await connectAny(options) : await connectFrom(options, options.localHost);
  } catch (error) {
    if (error instanceof Temporary) throw error;
    throw new Temporary(`cannot connect to ${remote.host} port ${remote.port}: ${errorText(error)}`);
  }
}

function tooLate(options: ConnectOptions): TimedOut {
  return new TimedOut(
    `cannot connect to ${options.host} port ${options.port}: no answer within ${options.timeoutMs / 1000} seconds`,
  );
}

async function connectAny(options: ConnectOptions): Promise<Connection> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), options.timeoutMs);
  try {
    const socket = await Deno.connect({ hostname: options.host, port: options.port, signal: limit.signal });
    socket.setNoDelay(true);
    return new SocketConnection(new SocketTransport(socket), {
      local: { host: socket.localAddr.hostname, port: socket.localAddr.port },
      remote: { host: options.host, port: options.port },
    });
  } catch (error) {
    throw limit.signal.aborted ? tooLate(options) : error;
  } finally {
    clearTimeout(timer);
  }
}

/** Deno.connect cannot choose its local address; node:net can. */
async function connectFrom(options: ConnectOptions, localHost: string): Promise<Connection> {
  const { connect } = await import("node:net");
  return await new Promise((resolve, reject) => {
    const socket = connect({ host: options.host, port: options.port, localAddress: localHost });
    const timer = setTimeout(() => failed(tooLate(options)), options.timeoutMs);
    const failed = (error: Error) => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    socket.once("error", failed);
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.off("error", failed);
      socket.setNoDelay(true);
      const local: PeerAddress = { host: socket.localAddress ?? localHost, port: socket.localPort ?? 0 };
      const remote: PeerAddress = { host: options.host, port: options.port };
      resolve(new SocketConnection(new StreamTransport(socket), { local, remote }));
    });
  });
}

/** A connection over an open Deno.Conn, for programs that were handed one. */
export function connectionOf(socket: Deno.TcpConn): Connection {
  socket.setNoDelay(true);
  return new SocketConnection(new SocketTransport(socket), {
    local: { host: socket.localAddr.hostname, port: socket.localAddr.port },
    remote: { host: socket.remoteAddr.hostname, port: socket.remoteAddr.port },
  });
}
