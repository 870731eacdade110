/**
 * Binds a POP3 session to a connection, the lookup daemon and the mailstore: who may log in, whose mail it is, what the log
 * says. Used by the listener for each connection. Log lines are Courier's: LOGIN, LOGOUT, DISCONNECTED.
 */
import type { Clock } from "../../core/applet.ts";
import { type Logger, safeLogText } from "../../core/log.ts";
import { isLoopback } from "../../core/net/listener.ts";
import type { Connection, ServerTls } from "../../core/stream.ts";
import type { Pop3Authenticator, Pop3Login, Pop3Maildrop } from "../../mail/pop3/backend.ts";
import { servePop3Session } from "../../mail/pop3/session.ts";
import type { Pop3EndReason, Pop3Event } from "../../mail/pop3/session_types.ts";
import { SASL_MECHANISMS, type SaslMechanism } from "../../mail/sasl/server.ts";
import type { Account, AuthResult, Lookup } from "../../storage/accounts/lookup_types.ts";
import { lookupVerifier } from "../../storage/accounts/lookup_verifier.ts";

/** What the sessions of a process share. */
export interface Pop3Services {
  readonly lookup: Lookup;
  /** The maildrop of an account that has logged in. */
  openMaildrop(account: Account): Promise<Pop3Maildrop>;
  readonly log: Logger;
  readonly clock: Clock;
  readonly hostName: string;
  /** Certificates for STLS. */
  readonly tls?: ServerTls | undefined;
  /** Passwords without TLS from anywhere, not only from this host. */
  readonly plainTextAllowed?: boolean;
  readonly stopping: AbortSignal;
  /** Mechanisms to offer, asked for each session; all unless given. */
  readonly mechanisms?: (() => readonly SaslMechanism[]) | undefined;
}

/** Who is on the line, for the log. */
export interface Pop3Peer {
  /** The name given at the last login. */
  readonly user: string;
  readonly text: string;
  readonly encrypted: boolean;
}

/** Random bytes of a nonce: 24 characters of base64. */
const NONCE_BYTES = 18;

/** Serves one client; the connection is closed at the end. Never throws for what a client does. */
export async function servePop3(connection: Connection, services: Pop3Services): Promise<void> {
  const { lookup, clock, hostName, tls, stopping } = services;
  const remoteHost = connection.remote.host;
  const peer = { user: "", text: `ip=[${safeLogText(remoteHost)}], port=[${connection.remote.port}]` };
  const loginOf = (user: string, result: AuthResult): Pop3Login => {
    peer.user = user;
    if (result.kind !== "ok") return result;
    const { account } = result;
    return { kind: "ok", user: account.address, open: () => services.openMaildrop(account) };
  };
  const authenticator: Pop3Authenticator = {
    mechanisms: services.mechanisms?.() ?? SASL_MECHANISMS,
    verifier: lookupVerifier(lookup, { service: "pop3", remoteHost, localHost: connection.local.host }, {
      loginOf,
      succeeded: (login) => login.kind === "ok",
    }),
  };
  await servePop3Session(connection, {
    hostName,
    authenticator,
    clock,
    nonce: () => btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(NONCE_BYTES)))),
    tls,
    plainTextAllowed: services.plainTextAllowed === true || isLoopback(remoteHost),
    stopping,
    note: (event) => services.log.line(pop3LogLine(event, { ...peer, encrypted: connection.tls !== undefined })),
  });
}

/** The log line of an event. */
export function pop3LogLine(event: Pop3Event, peer: Pop3Peer): string {
  const tls = peer.encrypted ? ", stls=1" : "";
  switch (event.kind) {
    case "login": {
      const user = safeLogText(event.user);
      return `INFO: LOGIN, user=${user}, ${peer.text}, protocol=POP3, method=${event.mechanism}${tls}`;
    }
    case "login-failed":
      return `INFO: LOGIN FAILED, user=${safeLogText(peer.user)}, ${peer.text}, method=${event.mechanism}${tls}`;
    case "error":
      return `ERR: ${event.verb}, user=${safeLogText(peer.user)}, ${peer.text}: ${event.reason}`;
    case "end": {
      const time = Math.trunc(event.durationMs / 1000);
      return `INFO: ${END_WORDS[event.reason]}, user=${safeLogText(event.user)}, ${peer.text}, ` +
        `retr=${event.retrieved}, dele=${event.removed}, rcvd=${event.receivedBytes}, sent=${event.sentBytes}, ` +
        `time=${time}${tls}`;
    }
  }
}

const END_WORDS: Readonly<Record<Pop3EndReason, string>> = {
  quit: "LOGOUT",
  disconnected: "DISCONNECTED",
  timeout: "TIMEOUT",
  refused: "DISCONNECTED",
  stopped: "DISCONNECTED",
};
