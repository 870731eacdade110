/**
 * The listeners of the mailbox daemon: a port for each of imap, imaps, pop3 and pop3s that it is told, all over one store
 * and one connection to the lookup daemon.
 */
import type { Clock } from "../../core/applet.ts";
import { Usage } from "../../core/errors.ts";
import { type ListenAddress, tryParseListen } from "../../core/listen_address.ts";
import type { Logger } from "../../core/log.ts";
import { listen, type Listener } from "../../core/net/listener.ts";
import type { Connection, ServerTls } from "../../core/stream.ts";
import type { SaslMechanism } from "../../mail/sasl/server.ts";
import type { Account, Lookup } from "../../storage/accounts/lookup_types.ts";
import { createMaildir } from "../../storage/maildir/deliver.ts";
import { folderExists } from "../../storage/maildir/folders.ts";
import { MailAccount, type MailAccountOptions } from "../../storage/mailbox/mail_account.ts";
import type { MailStore } from "../../storage/mailbox/mail_store.ts";
import { openMaildrop } from "../../storage/mailbox/pop3_maildrop.ts";
import { type ImapServices, serveImap } from "./imap_service.ts";
import { giveWaiting } from "../../storage/accounts/login_bulletins.ts";
import { noteRoom, noteRoomAtEnd } from "./over_quota.ts";
import { type Pop3Services, servePop3 } from "./pop3_service.ts";

/** Services that can be listened for. */
export const MAILBOX_SERVICES = ["imap", "imaps", "pop3", "pop3s"] as const;

/** One of them. */
export type MailboxService = typeof MAILBOX_SERVICES[number];

/** An address with its service. */
export interface MailboxAddress extends ListenAddress {
  readonly service: MailboxService;
}

/** Everything that the sessions share. */
export interface MailboxServer {
  readonly store: MailStore;
  readonly lookup: Lookup;
  readonly log: Logger;
  readonly clock: Clock;
  readonly hostName: string;
  /** Certificates; undefined: no TLS is offered. */
  readonly tls: ServerTls | undefined;
  readonly plainTextAllowed: boolean;
  readonly mechanisms?: (() => readonly SaslMechanism[]) | undefined;
  readonly stopping: AbortSignal;
  /** Connections of each port at the same time; the next ones wait. */
  readonly connectionsMax: number;
  /** Connections of each port from one address. */
  readonly perHostMax: number;
  /** Other processes may share the ports. */
  readonly reusePort: boolean;
}

const REFUSALS: Readonly<Record<MailboxService, string>> = {
  imap: "* BYE too many connections from your address\r\n",
  imaps: "* BYE too many connections from your address\r\n",
  pop3: "-ERR [SYS/TEMP] too many connections from your address\r\n",
  pop3s: "-ERR [SYS/TEMP] too many connections from your address\r\n",
};

/** Parses operands `imap=HOST:PORT`. Throws Usage naming the one that is none. */
export function parseAddresses(operands: readonly string[]): MailboxAddress[] {
  return operands.map((operand) => {
    const address = tryParseListen(operand);
    const service = MAILBOX_SERVICES.find((name) => name === address?.service);
    if (!address || !service) throw new Usage(`${operand}: give SERVICE=HOST:PORT, of ${MAILBOX_SERVICES.join(", ")}`);
    return { ...address, service };
  });
}

/** Listens on all addresses; when one cannot be had, none is kept and Temporary is thrown. */
export function listenForMailboxes(addresses: readonly MailboxAddress[], server: MailboxServer): Listener[] {
  const listeners: Listener[] = [];
  try {
    for (const address of addresses) listeners.push(listenFor(address, server));
  } catch (error) {
    for (const listener of listeners) listener.close();
    throw error;
  }
  return listeners;
}

function listenFor({ service, host, port }: MailboxAddress, server: MailboxServer): Listener {
  const { log, tls } = server;
  const implicit = service === "imaps" || service === "pop3s";
  if (implicit && !tls) throw new Usage(`${service} needs a certificate`);
  return listen({
    host,
    port,
    ...(implicit && tls ? { tls } : {}),
    connectionsMax: server.connectionsMax,
    perHostMax: server.perHostMax,
    refusal: new TextEncoder().encode(REFUSALS[service]),
    reusePort: server.reusePort,
    onError: (text) => log.line(`${service}: ${text}`),
  }, sessionOf(service, server));
}

function sessionOf(service: MailboxService, server: MailboxServer): (connection: Connection) => Promise<void> {
  const { store, lookup, log, clock, hostName, tls, plainTextAllowed, mechanisms, stopping } = server;
  const shared = { lookup, log, clock, hostName, tls, plainTextAllowed, mechanisms, stopping };
  const { disk } = store;
  const notes = { lookup, disk, nowMs: () => clock.nowMs(), warn: (text: string) => log.line(`warning: ${text}`) };
  const opened = async (account: Account) => {
    const mail = await mailOf(account, store);
    await noteRoom(notes, account);
    await giveWaiting({ lookup, disk, hostName, warn: notes.warn }, account);
    return { ...mail, closed: () => noteRoomAtEnd(notes, account) };
  };
  if (service === "imap" || service === "imaps") {
    const services: ImapServices = {
      ...shared,
      openAccount: async (account) => new MailAccount(store, await opened(account)),
    };
    return (connection) => serveImap(connection, services);
  }
  const services: Pop3Services = {
    ...shared,
    openMaildrop: async (account) => openMaildrop(store, await opened(account)),
  };
  return (connection) => servePop3(connection, services);
}

/** Where a user's mail is; made now if this is the first login and no mail has come [man vadduser.9]. */
async function mailOf(account: Account, store: MailStore): Promise<MailAccountOptions> {
  const maildir = `${account.home}/Maildir`;
  if (!folderExists(maildir, "")) await createMaildir(store.disk, maildir);
  return { maildir, quota: account.quota };
}
