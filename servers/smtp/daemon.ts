/**
 * Many SMTP sessions in one process: listeners for smtp, submission and smtps, limits, and an orderly stop: idle sessions
 * get 421, messages being received may end within STOP_MS.
 */
import { utf8Bytes } from "../../core/bytes.ts";
import { Usage } from "../../core/errors.ts";
import type { ListenAddress } from "../../core/listen_address.ts";
import { listen, type Listener } from "../../core/net/listener.ts";
import type { Connection } from "../../core/stream.ts";
import { formatReply } from "../../mail/smtp/format.ts";
import { SmtpSession } from "../../mail/smtp/session.ts";
import { SmtpdBackend, type SmtpServer } from "./backend.ts";

/** Time for messages that are being received when the server stops. */
export const STOP_MS = 10_000;
/** Sessions at the same time. [man tcpserver.1, -c; control/concurrencyincoming] */
export const CONNECTIONS_DEFAULT = 1000;
/** Sessions of one address, peers on this host excepted. Ours. */
export const PER_HOST_DEFAULT = 100;

/** The services of a port. */
const SERVICES = {
  smtp: { submission: false, tls: false },
  submission: { submission: true, tls: false },
  smtps: { submission: true, tls: true },
} as const;

/** How the daemon listens. */
export interface DaemonOptions {
  readonly addresses: readonly ListenAddress[];
  readonly connectionsMax: number;
  /** 0: no limit. */
  readonly perHostMax: number;
  /** Other processes share the ports. */
  readonly reusePort?: boolean;
}

const TOO_MANY = utf8Bytes(
  formatReply({ code: 421, enhanced: "4.7.0", text: "too many connections from your address" }),
);

/** A running daemon. */
export class SmtpDaemon {
  readonly #server: SmtpServer;
  readonly #listeners: { readonly service: string; readonly listener: Listener }[] = [];
  readonly #sessions = new Map<SmtpSession, Connection>();
  #stopping = false;
  #whenEmpty: (() => void) | undefined;

  /** Listens. Throws Usage for an unknown service, Temporary when a port cannot be had. */
  constructor(server: SmtpServer, options: DaemonOptions) {
    this.#server = server;
    try {
      for (const address of options.addresses) this.#listen(address, options);
    } catch (error) {
      for (const { listener } of this.#listeners) listener.close();
      throw error;
    }
  }

  /** The ports by service, in the order they were given. */
  get ports(): readonly { readonly service: string; readonly port: number }[] {
    return this.#listeners.map(({ service, listener }) => ({ service, port: listener.port }));
  }

  /** Sessions being served. */
  get active(): number {
    return this.#sessions.size;
  }

  #listen(address: ListenAddress, options: DaemonOptions): void {
    const name = address.service || "smtp";
    if (name !== "smtp" && name !== "submission" && name !== "smtps") {
      throw new Usage(`${name} is no service of this program: smtp, submission or smtps`);
    }
    const service = SERVICES[name];
    const { certificates, log } = this.#server;
    if (service.tls && !certificates?.available()) {
      log.line(`${this.#server.name}: warning: ${name} has no certificate, connections will fail until there is one`);
    }
    const listener = listen({
      host: address.host,
      port: address.port,
      connectionsMax: options.connectionsMax,
      perHostMax: options.perHostMax,
      refusal: TOO_MANY,
      ...(service.tls && certificates && { tls: certificates }),
      ...(options.reusePort && { reusePort: true }),
      onError: (text) => log.line(`${this.#server.name}: pid ${this.#server.pid} ${name}: ${text}`),
    }, (connection) => this.#serve(connection, service.submission));
    this.#listeners.push({ service: name, listener });
  }

  async #serve(connection: Connection, submission: boolean): Promise<void> {
    const backend = new SmtpdBackend(this.#server, connection, { submission, offersAuth: true });
    const session = new SmtpSession(connection, backend);
    this.#sessions.set(session, connection);
    if (this.#stopping) session.stop();
    try {
      await session.run();
    } finally {
      this.#sessions.delete(session);
      if (this.#sessions.size === 0) this.#whenEmpty?.();
    }
  }

  /** Stops: no new connections, 421 to idle ones, the others within STOP_MS. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const { listener } of this.#listeners) listener.close();
    for (const session of this.#sessions.keys()) session.stop();
    const timer = setTimeout(() => {
      for (const connection of this.#sessions.values()) connection.close();
    }, STOP_MS);
    if (this.#sessions.size > 0) await new Promise<void>((resolve) => this.#whenEmpty = resolve);
    clearTimeout(timer);
  }
}
