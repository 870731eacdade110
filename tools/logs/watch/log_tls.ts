/**
 * TLS to a log server with a certificate of our own: its chain is checked when authorities are given, its name when that
 * is asked for, and that its serial number is in no revocation list [man logclient.1].
 */
import tls from "node:tls";
import { errorText, Temporary, TimedOut } from "../../../core/errors.ts";
import { SocketConnection } from "../../../core/net/connection.ts";
import { StreamTransport } from "../../../core/net/transport.ts";
import type { Connection } from "../../../core/stream.ts";
import { parseRevokedSerials } from "./revocation_list.ts";

/** How to connect. */
export interface LogTlsOptions {
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
  /** Path of the PEM file with our certificate and key. */
  readonly certificate: string;
  readonly authorities?: string;
  readonly revocations?: string;
  /** The certificate must be for `host`. */
  readonly matchName: boolean;
}

function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw new Temporary(`unable to read ${path}: ${errorText(error)}`);
  }
}

/** Connects and negotiates. Throws Temporary, TimedOut. */
export async function connectLogTls(options: LogTlsOptions): Promise<Connection> {
  const { host, port } = options;
  const own = readText(options.certificate);
  const revoked = options.revocations === undefined
    ? new Set<string>()
    : parseRevokedSerials(readText(options.revocations));
  const where = `${host} port ${port}`;
  return await new Promise((resolve, reject) => {
    const socket = tls.connect({
      host,
      port,
      cert: own,
      key: own,
      ...(options.authorities !== undefined && { ca: [readText(options.authorities)] }),
      rejectUnauthorized: options.authorities !== undefined,
      ...(!options.matchName && { checkServerIdentity: () => undefined }),
    });
    const failed = (error: Error) => {
      clearTimeout(timer);
      socket.destroy();
      reject(error instanceof Temporary ? error : new Temporary(`no TLS with ${where}: ${errorText(error)}`));
    };
    const timer = setTimeout(() => {
      failed(new TimedOut(`no TLS with ${where} in ${options.timeoutMs / 1000} seconds`));
    }, options.timeoutMs);
    socket.once("error", failed);
    socket.once("secureConnect", () => {
      const peer = socket.getPeerCertificate();
      if (revoked.has(plainSerial(peer.serialNumber ?? ""))) {
        return failed(new Temporary(`the certificate of ${where} is revoked`));
      }
      if (options.matchName && tls.checkServerIdentity(host, peer) !== undefined) {
        return failed(new Temporary(`the certificate of ${where} is for another host`));
      }
      clearTimeout(timer);
      socket.off("error", failed);
      const local = { host: socket.localAddress ?? "", port: socket.localPort ?? 0 };
      resolve(new SocketConnection(new StreamTransport(socket), { local, remote: { host, port } }));
    });
  });
}

/** A serial number as hexadecimal digits, upper case, without zeros in front. */
export function plainSerial(text: string): string {
  return text.replaceAll(":", "").toUpperCase().replace(/^0+(?=.)/, "");
}
