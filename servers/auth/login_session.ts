/** What imaplogin and pop3login share: the connection, TLS, the settings that the environment makes, logins by modules, log lines. */
import type { Clock, Proc } from "../../core/applet.ts";
import { errorText } from "../../core/errors.ts";
import { safeLogText } from "../../core/log.ts";
import { isLoopback } from "../../core/net/listener.ts";
import { STDIO_CONNECTION_ENV, stdioConnection } from "../../core/net/stdio_connection.ts";
import { CertificateFolder } from "../../core/net/tls_server.ts";
import type { Connection, ServerTls } from "../../core/stream.ts";
import type { SaslMechanism } from "../../mail/sasl/mechanisms.ts";
import type { SaslVerifier } from "../../mail/sasl/server.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import type { MailAccountOptions } from "../../storage/mailbox/mail_account.ts";
import { MailStore } from "../../storage/mailbox/mail_store.ts";
import { becomeOwner, moduleMechanisms, modulesOf, moduleVerifier } from "./module_login.ts";

/** The variables that both read, for the applets to declare. */
export const LOGIN_ENV = {
  ...STDIO_CONNECTION_ENV,
  TCPLOCALHOST: "this host's name; default control/me",
  CERTDIR: "folder with servercert.pem, for TLS; default that of the installation",
} as const;

/** Operands of both. */
export const LOGIN_OPERANDS = [
  { name: "module", help: "authentication module: authindi, or any of Courier's kind", repeat: true },
] as const;

/** What became of a login by modules. */
export type ModuleLogin<A> = { readonly kind: "ok"; readonly user: string; open(): A } | { readonly kind: "denied" };

/** What both protocols tell of a session. */
type SessionEvent =
  | { readonly kind: "login" | "end"; readonly user: string }
  | { readonly kind: "login-failed" }
  | { readonly kind: "error"; readonly verb: string; readonly reason: string };

/** What both protocols' sessions are given beside the connection. */
export interface LoginSession<A> {
  readonly hostName: string;
  readonly tls: ServerTls | undefined;
  readonly plainTextAllowed: boolean;
  readonly nonce: () => string;
  readonly authenticator: {
    readonly mechanisms: readonly SaslMechanism[];
    readonly verifier: SaslVerifier<ModuleLogin<A>>;
  };
  readonly clock: Clock;
  readonly stopping: AbortSignal;
  readonly note: (event: SessionEvent) => void;
}

/** What a protocol adds; `A` is an open mailbox of its kind. */
export interface LoginProtocol<A> {
  readonly service: "imap" | "pop3";
  /** The variable that requires TLS before a password. */
  readonly tlsVariable: string;
  open(store: MailStore, place: MailAccountOptions): A;
  serve(connection: Connection, session: LoginSession<A>): Promise<void>;
}

/** Random bytes of a nonce: 24 characters of base64. */
const NONCE_BYTES = 18;

/** Serves the client to the end. Passwords in plain text are taken unless TLS is required and could be had. */
export async function serveLogins<A>(proc: Proc, protocol: LoginProtocol<A>): Promise<void> {
  modulesOf(proc.args);
  const connection = proc.connection ?? stdioConnection(proc);
  const hostName = proc.env.get("TCPLOCALHOST") || new ControlFiles(proc.paths.control).line("me") || "localhost";
  const store = new MailStore({
    hostName,
    nowMs: () => proc.clock.nowMs(),
    onError: (error) => proc.log.line(`${proc.name}: ${errorText(error)}`),
  });
  try {
    await protocol.serve(connection, loginSession(proc, protocol, { connection, hostName, store }));
  } finally {
    connection.close();
    await store.close();
  }
}

function loginSession<A>(
  proc: Proc,
  protocol: LoginProtocol<A>,
  { connection, hostName, store }: {
    readonly connection: Connection;
    readonly hostName: string;
    readonly store: MailStore;
  },
): LoginSession<A> {
  const certificates = new CertificateFolder({ folder: proc.env.get("CERTDIR") ?? proc.paths.certs });
  const tls = certificates.available() ? certificates : undefined;
  const { host, port } = connection.remote;
  const wanted = !["", "0"].includes(proc.env.get(protocol.tlsVariable) ?? "");
  return {
    hostName,
    tls,
    plainTextAllowed: !(wanted && tls) || isLoopback(host),
    nonce: () => btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(NONCE_BYTES)))),
    authenticator: {
      mechanisms: moduleMechanisms(proc),
      verifier: moduleVerifier<ModuleLogin<A>>(proc, {
        service: protocol.service,
        denied: { kind: "denied" },
        accepted: ({ user, maildir, quota }) => ({
          kind: "ok",
          user,
          open() {
            becomeOwner(proc, maildir);
            return protocol.open(store, { maildir, quota });
          },
        }),
        succeeded: (login) => login.kind === "ok",
      }),
    },
    clock: proc.clock,
    stopping: proc.stopping,
    note: (event) => proc.log.line(`${eventText(event)}, ip=[${host}], port=[${port}]${reasonText(event)}`),
  };
}

function eventText(event: SessionEvent): string {
  switch (event.kind) {
    case "login":
      return `INFO: LOGIN, user=${safeLogText(event.user)}`;
    case "end":
      return `INFO: LOGOUT, user=${safeLogText(event.user)}`;
    case "login-failed":
      return "ERR: LOGIN FAILED";
    case "error":
      return `ERR: ${event.verb}`;
  }
}

function reasonText(event: SessionEvent): string {
  return event.kind === "error" ? `: ${event.reason}` : "";
}
