/**
 * tcpserver for programs that are not ours: each gets a process with the connection itself on descriptors 0 and 1. The
 * socket is accepted as a descriptor; one pool thread waits for it and for all children [spec deno, Sockets].
 */
import { childEnd } from "../../../core/libc/children.ts";
import { errorText, Temporary } from "../../../core/errors.ts";
import { closeFd, descriptor } from "../../../core/libc/fd.ts";
import { Poller } from "../../../core/libc/poll.ts";
import {
  acceptSocket,
  dropIpOptions,
  listenSocket,
  localName,
  setNoDelay,
  type SocketName,
} from "../../../core/libc/socket.ts";
import type { Proc, ProcessEnd } from "../../../core/applet.ts";
import { type Admission, type Admitted, peerText } from "./admission.ts";
import { type ConnectionTable, shown, type TableEntry } from "./connection_table.ts";
import type { ServerSettings } from "./server_settings.ts";

/** Pause after an accept that failed for want of descriptors. */
const ACCEPT_PAUSE_MS = 100;

/** What serves connections. */
export interface RunningServer {
  /** 0 for a Unix socket. */
  readonly port: number;
  /** Accepts from now on. */
  start(): void;
  /** Accepts no more; resolves when what runs inside has ended. */
  stop(): Promise<void>;
}

/** What a server needs of the program around it. */
export interface ServerParts {
  readonly proc: Proc;
  readonly settings: ServerSettings;
  /** The address that settings.host means. */
  readonly address: string;
  readonly table: ConnectionTable;
  readonly admission: Admission;
}

/** How a child ended, as the log tells it. */
export function endText(pid: number, end: ProcessEnd): string {
  return end.signal === 0 ? `end ${pid} status ${end.code}` : `end ${pid} killed by signal ${end.signal}`;
}

/** Listens. Throws Temporary. */
export function listenForProcesses(parts: ServerParts): RunningServer {
  return new ProcessServer(parts);
}

class ProcessServer implements RunningServer {
  readonly port: number;
  readonly #parts: ServerParts;
  readonly #listening: number;
  #poller: Poller | undefined;

  constructor(parts: ServerParts) {
    this.#parts = parts;
    const { settings, address } = parts;
    try {
      this.#listening = listenSocket({
        host: address,
        port: settings.port,
        backlog: settings.backlog,
        networkInterface: settings.facts.networkInterface,
      });
    } catch (error) {
      throw new Temporary(`unable to listen on ${address} port ${settings.port}: ${errorText(error)}`);
    }
    this.port = localName(this.#listening)?.port ?? settings.port;
  }

  start(): void {
    const poller = new Poller();
    this.#poller = poller;
    const token = poller.watch(this.#listening, () => this.#acceptAll().then(() => poller.rearm(token)), {
      once: true,
    });
  }

  async stop(): Promise<void> {
    closeFd(this.#listening);
    await Promise.resolve();
  }

  async #acceptAll(): Promise<void> {
    const { table } = this.#parts;
    for (;;) {
      while (table.full) await table.changed();
      let accepted: { readonly fd: number; readonly remote: SocketName } | undefined;
      try {
        accepted = acceptSocket(this.#listening);
      } catch (error) {
        table.warn(`warning: ${errorText(error)}`);
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
        return;
      }
      if (accepted === undefined) return;
      const { fd, remote } = accepted;
      this.#begin(fd, remote).catch((error) => table.warn(`warning: ${errorText(error)}`));
    }
  }

  async #begin(fd: number, remote: SocketName): Promise<void> {
    const { table, settings, admission } = this.#parts;
    const peer = peerText(remote, settings);
    const entry = await admission.begin(peer);
    if (!entry) return closeFd(fd);
    table.status("connected");
    if (!settings.host.startsWith("/")) {
      if (!settings.keepIpOptions) dropIpOptions(fd);
      if (settings.noDelay) setNoDelay(fd);
    }
    this.#serve(fd, remote, entry).catch((error) => table.warn(`warning: ${shown(peer)}: ${errorText(error)}`))
      .finally(() => {
        table.end(entry);
        table.status("ended");
      });
  }

  async #serve(fd: number, remote: SocketName, entry: TableEntry): Promise<void> {
    const { settings, table, admission, address } = this.#parts;
    let pid: number;
    try {
      const local = localName(fd) ?? { host: address, port: this.port };
      const admitted = await admission.admit({
        local,
        remote,
        write: (bytes) => descriptor(fd).write(bytes),
      }, entry);
      if (!admitted) return;
      const started = await this.#spawn(fd, admitted);
      if (started === undefined) return;
      pid = entry.pid = started;
      table.say(`pid ${pid} from ${shown(peerText(remote, settings))}`);
      table.say(`ok ${pid} ${admitted.text}`);
    } finally {
      closeFd(fd);
    }
    table.say(endText(pid, await childEnd(this.#poller!, pid)));
  }

  async #spawn(fd: number, admitted: Admitted): Promise<number | undefined> {
    const { proc, settings, table } = this.#parts;
    const [program = "", ...args] = settings.argv;
    try {
      const fds = { 0: fd, 1: fd, 2: 2 };
      return (await proc.spawn({ program, args, env: admitted.env, fds, unwaited: true })).pid;
    } catch (error) {
      table.warn(`warning: dropping connection, ${errorText(error)}`);
      return undefined;
    }
  }
}
