/**
 * Carries one DNS question to one server and brings the reply: UDP from a fresh port, TCP when the reply is truncated
 * [rfc1035 4.2, rfc5452, rfc7766].
 */
import { errorText, TimedOut } from "../errors.ts";

/** Sends a packet to a server and gives the reply; throws when there is none in time. */
export type DnsTransport = (query: Uint8Array, server: DnsServer, options: {
  readonly protocol: "udp" | "tcp";
  readonly timeoutMs: number;
}) => Promise<Uint8Array>;

/** A resolver's address. */
export interface DnsServer {
  readonly host: string;
  readonly port: number;
}

/** Replies on one port that are not the one waited for, before it is given up: somebody is guessing. */
const STRAY_PACKETS_MAX = 100;

/** The transport over the network. */
export const networkTransport: DnsTransport = (query, server, options) =>
  options.protocol === "udp" ? askUdp(query, server, options.timeoutMs) : askTcp(query, server, options.timeoutMs);

async function askUdp(query: Uint8Array, server: DnsServer, timeoutMs: number): Promise<Uint8Array> {
  const hostname = server.host.includes(":") ? "::" : "0.0.0.0";
  const socket = Deno.listenDatagram({ transport: "udp", port: 0, hostname });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    socket.close();
  }, timeoutMs);
  try {
    await socket.send(query, { transport: "udp", hostname: server.host, port: server.port });
    for (let stray = 0; stray < STRAY_PACKETS_MAX; stray++) {
      const [reply, from] = await socket.receive();
      const address = from as Deno.NetAddr;
      if (address.port !== server.port || !sameHost(address.hostname, server.host)) continue;
      if (reply.length >= 12 && reply[0] === query[0] && reply[1] === query[1]) return reply;
    }
    throw new Error(`too many stray replies from ${server.host}`);
  } catch (error) {
    if (late) throw new TimedOut(`no reply from ${server.host} in ${timeoutMs} ms`);
    throw error;
  } finally {
    clearTimeout(timer);
    if (!late) socket.close();
  }
}

function sameHost(a: string, b: string): boolean {
  return a === b || a === `::ffff:${b}`;
}

async function askTcp(query: Uint8Array, server: DnsServer, timeoutMs: number): Promise<Uint8Array> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), timeoutMs);
  let socket: Deno.TcpConn | undefined;
  try {
    socket = await Deno.connect({ hostname: server.host, port: server.port, signal: abort.signal });
    const open = socket;
    abort.signal.addEventListener("abort", () => open.close(), { once: true });
    const framed = new Uint8Array(query.length + 2);
    new DataView(framed.buffer).setUint16(0, query.length);
    framed.set(query, 2);
    for (let at = 0; at < framed.length;) at += await socket.write(framed.subarray(at));
    const head = await readExactly(socket, 2);
    return await readExactly(socket, new DataView(head.buffer).getUint16(0));
  } catch (error) {
    if (abort.signal.aborted) throw new TimedOut(`no reply from ${server.host} by TCP in ${timeoutMs} ms`);
    throw new Error(`${server.host} by TCP: ${errorText(error)}`);
  } finally {
    clearTimeout(timer);
    if (!abort.signal.aborted) socket?.close();
  }
}

async function readExactly(socket: Deno.TcpConn, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await socket.read(bytes.subarray(at));
    if (count === null) throw new Error("connection ended within the reply");
    at += count;
  }
  return bytes;
}
