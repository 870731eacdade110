/**
 * Binds an IMAP session to a connection, the lookup daemon and the mailstore: who may log in, whose mail it is, what the log
 * says. Used by the listener for each connection. Log lines are Courier's: LOGIN, LOGOUT, DISCONNECTED.
 */
import type { Clock } from "../../core/applet.ts";
import { type Logger, safeLogText } from "../../core/log.ts";
import { isLoopback } from "../../core/net/listener.ts";
import type { Connection, ServerTls } from "../../core/stream.ts";
import { VERSION } from "../../core/version.ts";
import type { Eventually, ImapAccount, ImapAuthenticator, ImapLogin } from "../../mail/imap/backend.ts";
import { serveImapSession } from "../../mail/imap/session.ts";
import type { ImapEvent } from "../../mail/imap/session_types.ts";
import { SASL_MECHANISMS, type SaslMechanism } from "../../mail/sasl/server.ts";
import type { Account, AuthResult, Lookup } from "../../storage/accounts/lookup_types.ts";
import { lookupVerifier } from "../../storage/accounts/lookup_verifier.ts";

/** What the sessions of a process share. */
export interface ImapServices {
  readonly lookup: Lookup;
  /** The mail of an account that has logged in. */
  openAccount(account: Account): Eventually<ImapAccount>;
  readonly log: Logger;
  readonly clock: Clock;
  readonly hostName: string;
  /** Certificates for STARTTLS. */
  readonly tls?: ServerTls | undefined;
  /** Passwords without TLS from anywhere, not only from this host. */
  readonly plainTextAllowed?: boolean;
  readonly stopping: AbortSignal;
  /** Mechanisms to offer, asked for each session; all unless given. */
  readonly mechanisms?: (() => readonly SaslMechanism[]) | undefined;
}

/** Random bytes of a nonce: 24 characters of base64. */
const NONCE_BYTES = 18;

/** Serves one client; the connection is closed at the end. Never throws for what a client does. */
export async function serveImap(connection: Connection, services: ImapServices): Promise<void> {
  const { lookup, clock, hostName, tls, stopping } = services;
  const remoteHost = connection.remote.host;
  const peer = { user: "", text: `ip=[${safeLogText(remoteHost)}], port=[${connection.remote.port}]` };
  const authenticator: ImapAuthenticator = {
    mechanisms: services.mechanisms?.() ?? SASL_MECHANISMS,
    verifier: lookupVerifier(lookup, { service: "imap", remoteHost, localHost: connection.local.host }, {
      loginOf: (user, result) => {
        peer.user = user;
        return loginOf(result, services);
      },
      succeeded: (login) => login.kind === "ok",
    }),
  };
  await serveImapSession(connection, {
    hostName,
    authenticator,
    clock,
    nonce: makeNonce,
    tls,
    plainTextAllowed: services.plainTextAllowed === true || isLoopback(remoteHost),
    stopping,
    serverId: { name: "IndiMail", version: VERSION },
    note: (event) => {
      const line = logLine(event, { ...peer, encrypted: connection.tls !== undefined });
      if (line !== undefined) services.log.line(line);
    },
  });
}

function loginOf(result: AuthResult, services: ImapServices): ImapLogin {
  if (result.kind !== "ok") return result;
  const { account } = result;
  return { kind: "ok", user: account.address, open: () => services.openAccount(account) };
}

function makeNonce(): string {
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(NONCE_BYTES))));
}

/** The log line of an event; undefined for one that needs none. */
export function logLine(
  event: ImapEvent,
  peer: { readonly user: string; readonly text: string; readonly encrypted: boolean },
): string | undefined {
  const tls = peer.encrypted ? ", starttls=1" : "";
  switch (event.kind) {
    case "login":
      return `INFO: LOGIN, user=${
        safeLogText(event.user)
      }, ${peer.text}, protocol=IMAP, method=${event.mechanism}${tls}`;
    case "login-failed":
      return `INFO: LOGIN FAILED, user=${safeLogText(peer.user)}, ${peer.text}, method=${event.mechanism}${tls}`;
    case "error":
      return `ERR: ${event.verb}, user=${safeLogText(peer.user)}, ${peer.text}: ${event.reason}`;
    case "end": {
      const what = END_WORDS[event.reason];
      const time = Math.trunc(event.durationMs / 1000);
      return `INFO: ${what}, user=${safeLogText(event.user)}, ${peer.text}, rcvd=${event.receivedBytes}, ` +
        `sent=${event.sentBytes}, time=${time}${tls}`;
    }
  }
}

const END_WORDS: Readonly<Record<Extract<ImapEvent, { kind: "end" }>["reason"], string>> = {
  logout: "LOGOUT",
  disconnected: "DISCONNECTED",
  timeout: "TIMEOUT",
  refused: "DISCONNECTED",
  stopped: "DISCONNECTED",
};
