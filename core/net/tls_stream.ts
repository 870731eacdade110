/**
 * TLS over any transport, as server and as client, by node:tls on top of a Duplex over the transport. Measured on Deno
 * 2.8.3: plain text on a Deno.Conn costs half of node:net (0.12 against 0.24 ms of CPU for a message of seven round
 * trips), so connections begin there and only TLS pays for node's streams. Loaded only when TLS is used.
 */
import { Duplex } from "node:stream";
import { isIP, type Socket } from "node:net";
import tls from "node:tls";
import type { ClientTls, ServerTls, TlsState } from "../stream.ts";
import { certificateBytes } from "./tls_server.ts";
import { StreamTransport, type Transport } from "./transport.ts";

/** Buffer of a transport that waits for its peer: an idle session holds no more. */
const IDLE_READ_BYTES = 2 * 1024;
/** Buffer while data flows: four TLS records. */
const BUSY_READ_BYTES = 64 * 1024;

/** Names whose last verification is remembered. */
const VERIFIED_NAMES_MAX = 10_000;

/** A transport with TLS on it, and what was negotiated. */
export interface TlsSession {
  readonly transport: Transport;
  readonly state: TlsState;
}

/** The bytes below the TLS session. */
function duplexOver(transport: Transport): Duplex {
  let bytes = IDLE_READ_BYTES;
  return new Duplex({
    read() {
      const buffer = new Uint8Array(bytes);
      transport.read(buffer).then((count) => {
        if (count === null) {
          this.push(null);
          return;
        }
        bytes = count === buffer.length ? BUSY_READ_BYTES : count < IDLE_READ_BYTES ? IDLE_READ_BYTES : bytes;
        this.push(buffer.subarray(0, count));
      }, (error) => this.destroy(error));
    },
    write(chunk: Uint8Array, _encoding, done) {
      writeAll(transport, chunk).then(() => done(), done);
    },
    final(done) {
      transport.closeWrite().then(() => done(), () => done()); // the peer may be gone: nothing is left to tell it
    },
    destroy(error, done) {
      transport.close();
      done(error);
    },
  });
}

async function writeAll(transport: Transport, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await transport.write(bytes.subarray(done));
}

/** A certificate ready for use, and as bytes (DER). */
interface ParsedCertificate {
  readonly context: tls.SecureContext;
  readonly der: Uint8Array | undefined;
}

const contexts = new WeakMap<ServerTls, WeakMap<object, ParsedCertificate>>();

/** The parsed certificate; kept as long as the ServerTls gives the same object. */
function contextOf(server: ServerTls, serverName: string | undefined): ParsedCertificate {
  const certificate = server.certificate(serverName);
  let ofServer = contexts.get(server);
  if (!ofServer) contexts.set(server, ofServer = new WeakMap());
  let parsed = ofServer.get(certificate);
  if (!parsed) {
    const context = tls.createSecureContext({
      cert: certificate.cert,
      key: certificate.key,
      ...(server.minVersion && { minVersion: server.minVersion }),
      ...(server.clientCa !== undefined && { ca: server.clientCa }),
    });
    parsed = { context, der: certificateBytes(certificate.cert) };
    ofServer.set(certificate, parsed);
  }
  return parsed;
}

/** Negotiates as the server. Rejects when the handshake fails; the transport is then closed. */
export async function acceptTls(transport: Transport, server: ServerTls): Promise<TlsSession> {
  let socket: tls.TLSSocket | undefined;
  let presented = contextOf(server, undefined);
  const { transport: encrypted, state } = await negotiate(
    transport,
    (duplex) =>
      socket = new tls.TLSSocket(asSocket(duplex), {
        isServer: true,
        secureContext: presented.context,
        ...(server.clientCa !== undefined && { requestCert: true, rejectUnauthorized: false, ca: server.clientCa }),
        SNICallback: (name: string, choose: (error: Error | null, context?: tls.SecureContext) => void) => {
          try {
            presented = contextOf(server, name);
          } catch (error) {
            choose(error instanceof Error ? error : new Error(String(error)));
            return;
          }
          choose(null, presented.context);
        },
      }),
    "secure",
  );
  const session = { transport: encrypted, state: Object.freeze({ ...state, serverCertificate: presented.der }) };
  if (server.clientCa !== undefined && socket) refuseInvalidClient(socket, session, server);
  return session;
}

/** A client need not show a certificate, but not a wrong one. */
function refuseInvalidClient(socket: tls.TLSSocket, session: TlsSession, server: ServerTls): void {
  const der = peerCertificate(socket);
  if (!der) return;
  try {
    const error = clientError(socket);
    if (error !== "") throw new Error(`client certificate: ${error}`);
    server.inspectPeer?.(der);
  } catch (error) {
    session.transport.close();
    throw error;
  }
}

/** Why the client's certificate is not valid; empty when it is. Only node's own server object tells `authorized`. */
function clientError(socket: tls.TLSSocket): string {
  const handle: unknown = Reflect.get(socket, "_handle");
  const verify: unknown = typeof handle === "object" && handle !== null
    ? Reflect.get(handle, "verifyError")
    : undefined;
  if (typeof verify !== "function") return "cannot be checked by this runtime";
  const error: unknown = Reflect.apply(verify, handle, []);
  return error instanceof Error ? error.message : typeof error === "string" ? error : "";
}

/** The peer's own certificate, DER. */
function peerCertificate(socket: tls.TLSSocket): Uint8Array | undefined {
  const raw: unknown = socket.getPeerCertificate(true)?.raw;
  return raw instanceof Uint8Array ? raw : undefined;
}

/**
 * Negotiates as the client. With `verify` an invalid or wrongly named certificate rejects; without, the state tells why
 * it is not valid.
 */
export async function startClientTls(transport: Transport, client: ClientTls): Promise<TlsSession> {
  const name = isIP(client.serverName) === 0 ? { servername: client.serverName } : { host: client.serverName };
  let socket: tls.TLSSocket | undefined;
  const session = await negotiate(transport, (duplex) =>
    socket = tls.connect({
      socket: duplex,
      ...name,
      rejectUnauthorized: client.verify,
      ...(client.ca !== undefined && { ca: client.onlyCa ? client.ca : [...tls.rootCertificates, client.ca] }),
      ...(client.anyName && { checkServerIdentity: () => undefined }),
      ...client.certificate,
      ...(client.minVersion && { minVersion: client.minVersion }),
    }), "secureConnect");
  const serverCertificate = socket && peerCertificate(socket);
  if (serverCertificate) {
    try {
      client.inspectPeer?.(serverCertificate);
    } catch (error) {
      session.transport.close();
      throw error;
    }
  }
  const verifyError = socket && !client.verify ? verifyErrorOf(socket, client.serverName) : undefined;
  const state = { ...session.state, serverCertificate, ...(verifyError !== undefined && { verifyError }) };
  return { ...session, state: Object.freeze(state) };
}

/** node's types want a net.Socket where its documentation, and its code, take any Duplex. */
function asSocket(duplex: Duplex): Socket {
  return duplex as Socket;
}

function negotiate(
  transport: Transport,
  start: (duplex: Duplex) => tls.TLSSocket,
  event: "secure" | "secureConnect",
): Promise<TlsSession> {
  return new Promise((resolve, reject) => {
    let socket: tls.TLSSocket;
    try {
      socket = start(duplexOver(transport));
    } catch (error) {
      transport.close();
      reject(error);
      return;
    }
    const failed = (error?: Error) => {
      socket.destroy();
      transport.close();
      reject(error ?? new Error("peer closed the connection during the TLS handshake"));
    };
    const closed = () => failed();
    socket.once("error", failed);
    socket.once("close", closed);
    socket.once("end", closed);
    socket.once(event, () => {
      const session = { transport: new StreamTransport(socket), state: stateOf(socket, event) };
      socket.off("error", failed);
      socket.off("close", closed);
      socket.off("end", closed);
      resolve(session);
    });
  });
}

function stateOf(socket: tls.TLSSocket, event: "secure" | "secureConnect"): TlsState {
  const serverName: unknown = Reflect.get(socket, "servername");
  return Object.freeze({
    protocol: socket.getProtocol() ?? "TLS",
    cipher: socket.getCipher()?.name ?? "unknown",
    ...(event === "secure" && typeof serverName === "string" && serverName !== "" && { serverName }),
  });
}

/** Why the certificate of each name was not valid, empty when it was, at its last full handshake. */
const verifications = new Map<string, string>();

/** A resumed session is not verified again, and node then calls it authorized: what the full handshake found counts. */
function verifyErrorOf(socket: tls.TLSSocket, name: string): string | undefined {
  if (socket.isSessionReused()) {
    const known = verifications.get(name) ?? "the session was resumed and its certificate not checked again";
    return known === "" ? undefined : known;
  }
  const error: unknown = socket.authorized ? "" : socket.authorizationError;
  const text = error instanceof Error ? error.message : String(error ?? "certificate is not valid");
  if (verifications.size >= VERIFIED_NAMES_MAX) verifications.clear();
  verifications.set(name, text);
  return text === "" ? undefined : text;
}
