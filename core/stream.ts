/**
 * Byte streams as every program sees them: standard input and output, descriptors, connections. Pull-based, no events,
 * so that a session driver is an ordinary loop and back pressure comes by itself.
 */

/** Something to read bytes from. */
export interface ByteReader {
  /**
   * Fills a part of `into` and returns the count of bytes, at least 1; null at the end of the stream.
   * Throws TimedOut when a limit set on the stream has passed.
   */
  read(into: Uint8Array): Promise<number | null>;
}

/** Something to write bytes to. */
export interface ByteWriter {
  /** Writes all of `bytes`; resolves when the next write would not grow a buffer without limit. Throws when the peer is gone. */
  write(bytes: Uint8Array): Promise<void>;
}

/** What is known of a TLS session. */
export interface TlsState {
  /** For example `TLSv1.3`. */
  readonly protocol: string;
  readonly cipher: string;
  /** The name that the client asked for (SNI), if it did. */
  readonly serverName?: string;
  /** On the client side without `verify`: why the peer's certificate is not valid; absent when it is. */
  readonly verifyError?: string;
  /** The certificate that the server has shown, DER; absent where it is not known. The same object for the same file. */
  readonly serverCertificate?: Uint8Array | undefined;
}

/** A host and port, or a Unix socket's path with port 0. */
export interface PeerAddress {
  readonly host: string;
  readonly port: number;
}

/** An open connection to a peer. */
export interface Connection extends ByteReader, ByteWriter {
  readonly local: PeerAddress;
  readonly remote: PeerAddress;
  /** Undefined while in plain text. */
  readonly tls?: TlsState | undefined;
  /** How long a read or a write may wait before it throws TimedOut; 0: for ever. Milliseconds. */
  setTimeout(timeoutMs: number): void;
  /** Resolves when bytes can be read, without holding a buffer meanwhile (an idle connection must cost little). */
  readable(): Promise<void>;
  /** Negotiates TLS as the server on this connection (STARTTLS); undefined where it cannot be done. */
  readonly startTls?: ((tls: ServerTls) => Promise<TlsState>) | undefined;
  /** Negotiates TLS as the client on this connection; undefined where it cannot be done. */
  readonly connectTls?: ((tls: ClientTls) => Promise<TlsState>) | undefined;
  /** Sends what is buffered and closes. Safe to call twice. */
  close(): void;
}

/** Server side TLS: certificate chain and key in PEM, chosen by SNI name. */
export interface ServerTls {
  /** Certificate and key for a name; the name is undefined when the client gave none. */
  certificate(serverName: string | undefined): { readonly cert: string; readonly key: string };
  /** Authorities, PEM: a client is asked for a certificate, and one that they have not signed ends the handshake. */
  readonly clientCa?: string | undefined;
  readonly minVersion?: TlsVersion | undefined;
  /** Looks at the client's certificate (DER) once it is known to be valid; throws to refuse it. */
  readonly inspectPeer?: ((certificate: Uint8Array) => void) | undefined;
}

/** Versions that this program speaks. */
export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** Client side TLS. */
export interface ClientTls {
  readonly serverName: string;
  /** True: an invalid or wrongly named certificate ends the handshake. False: opportunistic. */
  readonly verify: boolean;
  /** Extra trusted certificates, PEM. */
  readonly ca?: string;
  /** Only `ca` is trusted, not what the world trusts. */
  readonly onlyCa?: boolean | undefined;
  /** With `verify`: any name in the certificate will do. */
  readonly anyName?: boolean | undefined;
  /** Certificate chain and key to show when the server asks, PEM. */
  readonly certificate?: { readonly cert: string; readonly key: string } | undefined;
  readonly minVersion?: TlsVersion | undefined;
  /** Looks at the server's certificate (DER); throws to refuse it. */
  readonly inspectPeer?: ((certificate: Uint8Array) => void) | undefined;
}
