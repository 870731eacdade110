/** What imaplogin and pop3login share: the connection, TLS, the settings that the environment makes, and their texts. */
import type { OptionSpecs, Proc } from "../../core/applet.ts";
import { isLoopback } from "../../core/net/listener.ts";
import { STDIO_CONNECTION_ENV, stdioConnection } from "../../core/net/stdio_connection.ts";
import { CertificateFolder } from "../../core/net/tls_server.ts";
import type { Connection, ServerTls } from "../../core/stream.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { MailStore } from "../../storage/mailbox/mail_store.ts";

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

/** A client's connection, and what is known of it. */
export interface LoginSession {
  readonly connection: Connection;
  readonly hostName: string;
  readonly tls: ServerTls | undefined;
  readonly plainTextAllowed: boolean;
  readonly store: MailStore;
  readonly nonce: () => string;
  /** `ip=[…], port=[…]`, for the log. */
  readonly peer: string;
}

/** Random bytes of a nonce: 24 characters of base64. */
const NONCE_BYTES = 18;

/** Prepares a session. Passwords in plain text are taken unless TLS is required and could be had. */
export function openLoginSession(proc: Proc<OptionSpecs>, tlsRequired: string | undefined): LoginSession {
  const connection = proc.connection ?? stdioConnection(proc);
  const certificates = new CertificateFolder({ folder: proc.env.get("CERTDIR") ?? proc.paths.certs });
  const tls = certificates.available() ? certificates : undefined;
  const hostName = proc.env.get("TCPLOCALHOST") || new ControlFiles(proc.paths.control).line("me") || "localhost";
  const { host, port } = connection.remote;
  const wanted = tlsRequired !== undefined && tlsRequired !== "" && tlsRequired !== "0";
  const store = new MailStore({
    hostName,
    nowMs: () => proc.clock.nowMs(),
    onError: (error) => proc.log.line(`${proc.name}: ${error instanceof Error ? error.message : String(error)}`),
  });
  return {
    connection,
    hostName,
    tls,
    plainTextAllowed: !(wanted && tls) || isLoopback(host),
    store,
    nonce: () => btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(NONCE_BYTES)))),
    peer: `ip=[${host}], port=[${port}]`,
  };
}
