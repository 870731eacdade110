/**
 * The outgoing connection of tcpclient, tcpcat, mconnect and kin, as a descriptor: every address of the host in turn, first
 * with a short limit, then those that did not answer once more with a long one [man tcpclient.1].
 */
import { closeFd, descriptor } from "../../../core/libc/fd.ts";
import { errorText, Temporary } from "../../../core/errors.ts";
import { connectSocket, isConnectTimeout, localName, peerName, shutdownWrite } from "../../../core/libc/socket.ts";
import type { Resolver } from "../../../core/dns/answer.ts";
import type { Transport } from "../../../core/net/transport.ts";
import { hostAddresses } from "./ip_of_host.ts";
import type { SocketEnd } from "./peer_environment.ts";
import { portNumber } from "./port_number.ts";

/** Seconds of the two tries. */
export const TRY_SECONDS_DEFAULT = [2, 58] as const;

/** Where to connect. */
export interface ClientRequest {
  /** A path with a slash: a Unix socket, and no port. */
  readonly host: string;
  readonly port: string;
  readonly localHost?: string | undefined;
  readonly localPort?: number | undefined;
  /** The short and the long limit; with 0 for the long one there is no second try. */
  readonly trySeconds: readonly [number, number];
  readonly family: "any" | "ipv4" | "ipv6";
  readonly localDomain: string | undefined;
  readonly rewriteFile: string | undefined;
  readonly hostsFileOnly?: boolean | undefined;
  readonly scopeId?: number;
  resolver(): Resolver;
  /** Told what is tried, for -v. */
  trying?(text: string): void;
  /** Told of each address that could not be reached. */
  failed?(text: string): void;
}

/** An open connection. */
export interface ClientSocket {
  readonly fd: number;
  readonly local: SocketEnd;
  readonly remote: SocketEnd;
}

/** Connects; undefined when no address can be reached, each of which `failed` has been told. Throws Temporary. */
export async function openClient(request: ClientRequest): Promise<ClientSocket | undefined> {
  const [short, long] = request.trySeconds;
  if (request.host.startsWith("/")) {
    try {
      return opened(await connectSocket({ host: request.host, port: 0, timeoutMs: (short + long) * 1000 }), request);
    } catch (error) {
      throw new Temporary(`unable to connect to socket ${request.host}: ${reason(error)}`);
    }
  }
  const port = portNumber(request.port);
  const addresses = await hostAddresses({ ...request, any: request.family === "ipv6" ? "::" : "0.0.0.0" });
  let left = addresses;
  const rounds = addresses.length === 1 ? [short + long] : [short, long];
  for (const [round, seconds] of rounds.entries()) {
    const again: string[] = [];
    const more = round + 1 < rounds.length && rounds[round + 1]! > 0;
    for (const address of left) {
      request.trying?.(`trying  ip ${address} port ${port}`);
      try {
        return opened(await connectSocket({ ...request, host: address, port, timeoutMs: seconds * 1000 }), request);
      } catch (error) {
        if (more && isConnectTimeout(error)) again.push(address);
        else request.failed?.(`unable to connect to ${address} port ${port}: ${reason(error)}`);
      }
    }
    if (again.length === 0) break;
    left = again;
  }
  return undefined;
}

/** What the system says, without what was tried. */
function reason(error: unknown): string {
  const text = errorText(error).replace(/^connect to .*?: /, "");
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function opened(fd: number, { host }: ClientRequest): ClientSocket {
  const nowhere = { host, port: 0 };
  return { fd, local: localName(fd) ?? nowhere, remote: peerName(fd) ?? nowhere };
}

/** The connection as raw bytes both ways. */
export function socketTransport(fd: number): Transport {
  const socket = descriptor(fd);
  let closed = false;
  return {
    read: (into) => socket.read(into),
    write: (bytes) => socket.write(bytes).then(() => bytes.length),
    closeWrite: () => Promise.resolve(shutdownWrite(fd)),
    close() {
      if (closed) return;
      closed = true;
      shutdownWrite(fd);
      closeFd(fd);
    },
  };
}
