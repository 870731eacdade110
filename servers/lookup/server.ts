/**
 * The lookup daemon's socket: accepts clients, runs their questions, answers each. What is kept is answered at once; the
 * rest runs at most REQUESTS_MAX at a time, above which the answer is "temporary" (a slow database piles nothing up).
 */
import { type Frame, FrameChannel } from "../../core/channel.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import type { Logger } from "../../core/log.ts";
import {
  callLookup,
  formatLookup,
  LOOKUP_ANSWER,
  LOOKUP_METHODS,
  LOOKUP_PRIVILEGED,
  type LookupService,
  parseLookup,
  requestType,
} from "../../storage/accounts/lookup_protocol.ts";
import type { RecipientStatus } from "../../storage/accounts/lookup_types.ts";

/** Questions being worked on at once, of all clients. */
export const REQUESTS_MAX = 2048;
/** Clients at once; each is a process of ours. */
export const CLIENTS_MAX = 1024;
const ACCEPT_PAUSE_MS = 50;
/** Owner and group: the daemons of the installation. */
const SOCKET_MODE = 0o660;
/** Root and the daemon's own account. */
const PRIVILEGED_SOCKET_MODE = 0o600;

/** What the server serves. */
export interface LookupServing {
  readonly service: LookupService;
  /** A kept answer, without waiting; undefined: ask the service. */
  readonly keptRecipient: (address: string) => RecipientStatus | undefined;
  readonly log: Logger;
  /** Answers LOOKUP_PRIVILEGED as well, and lets nobody but root and our own account ask. */
  readonly privileged?: boolean;
}

/** Counts since the start, for USR1. */
export type LookupCounts = Record<(typeof LOOKUP_METHODS)[number] | "kept" | "temporary" | "clients", number>;

/** What a client is told of a failure; it may hand that on to its peer, whom hosts and files of ours do not concern. */
const FAILURE_TEXT = "the accounts cannot be read now, try again later";
/** A failure with the same text is logged again only after this time. */
const COMPLAINT_INTERVAL_MS = 60_000;
/** Texts remembered for that; then all are forgotten. */
const COMPLAINTS_MAX = 100;

const encoder = new TextEncoder();
const RECIPIENT = requestType("recipient");

/** A listening server. */
export class LookupServer {
  readonly #serving: LookupServing;
  readonly #path: string;
  readonly #listener: Deno.UnixListener;
  readonly #channels = new Set<FrameChannel>();
  readonly #accepting: Promise<void>;
  #running = 0;
  #closed = false;
  readonly #complaints = new Map<string, number>();
  readonly counts: LookupCounts;

  private constructor(path: string, listener: Deno.UnixListener, serving: LookupServing) {
    this.#path = path;
    this.#listener = listener;
    this.#serving = serving;
    const zeros = LOOKUP_METHODS.map((method) => [method, 0] as const);
    this.counts = Object.assign(Object.fromEntries(zeros) as LookupCounts, { kept: 0, temporary: 0, clients: 0 });
    this.#accepting = this.#accept();
  }

  /** Listens on a path, taking the place of a socket that nobody answers on. Throws Temporary when one is in use. */
  static async listen(path: string, serving: LookupServing): Promise<LookupServer> {
    if (await answers(path)) throw new Temporary(`another lookup daemon answers on ${path}`);
    try {
      Deno.removeSync(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    const listener = Deno.listen({ transport: "unix", path });
    Deno.chmodSync(path, serving.privileged ? PRIVILEGED_SOCKET_MODE : SOCKET_MODE);
    return new LookupServer(path, listener, serving);
  }

  async #accept(): Promise<void> {
    while (!this.#closed) {
      let socket: Deno.UnixConn;
      try {
        socket = await this.#listener.accept();
      } catch (error) {
        if (this.#closed) return;
        this.#serving.log.line(`inlookup: warning: cannot accept a client: ${errorText(error)}`);
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
        continue;
      }
      if (this.#channels.size >= CLIENTS_MAX) {
        this.#serving.log.line(`inlookup: warning: more than ${CLIENTS_MAX} clients`);
        socket.close();
        continue;
      }
      this.#serve(new FrameChannel(socket));
    }
  }

  #serve(channel: FrameChannel): void {
    this.#channels.add(channel);
    this.counts.clients++;
    channel.receive((frame) => this.#handle(channel, frame)).catch((error) => {
      this.#serving.log.line(`inlookup: warning: client dropped: ${errorText(error)}`);
      channel.close();
    }).finally(() => this.#channels.delete(channel));
  }

  #handle(channel: FrameChannel, frame: Frame): Promise<void> | void {
    const method = LOOKUP_METHODS[frame.type - 1];
    if (method && LOOKUP_PRIVILEGED.includes(method) && !this.#serving.privileged) {
      this.#refuse(channel, frame.id, `${method} is not answered on this socket`);
      return channel.drained();
    }
    if (method) this.counts[method]++;
    if (frame.type === RECIPIENT && this.#answerKept(channel, frame)) return channel.drained();
    if (this.#running >= REQUESTS_MAX) {
      this.#refuse(channel, frame.id, `more than ${REQUESTS_MAX} questions at once`);
      return channel.drained();
    }
    const asked = callLookup(this.#serving.service, frame.type, frame.payload);
    this.#running++;
    this.#answer(channel, frame.id, asked);
    return channel.drained();
  }

  #answerKept(channel: FrameChannel, frame: Frame): boolean {
    const args = parseLookup(frame.payload);
    const address: unknown = Array.isArray(args) ? args[0] : undefined;
    if (typeof address !== "string") return false;
    let status: RecipientStatus | undefined;
    try {
      status = this.#serving.keptRecipient(address);
    } catch {
      return false; // the service will say what is wrong
    }
    if (!status) return false;
    this.counts.kept++;
    channel.send(LOOKUP_ANSWER.answer, frame.id, formatLookup(status));
    return true;
  }

  async #answer(channel: FrameChannel, id: number, asked: Promise<unknown>): Promise<void> {
    try {
      channel.send(LOOKUP_ANSWER.answer, id, formatLookup(await asked));
    } catch (error) {
      this.#complain(errorText(error));
      this.#refuse(channel, id, FAILURE_TEXT);
    } finally {
      this.#running--;
    }
  }

  /** Logs why a question failed, but not for each of the many that fail alike. */
  #complain(text: string): void {
    const nowMs = performance.now();
    if (nowMs - (this.#complaints.get(text) ?? -Infinity) < COMPLAINT_INTERVAL_MS) return;
    if (this.#complaints.size >= COMPLAINTS_MAX) this.#complaints.clear();
    this.#complaints.set(text, nowMs);
    this.#serving.log.line(`inlookup: warning: ${text}`);
  }

  #refuse(channel: FrameChannel, id: number, reason: string): void {
    this.counts.temporary++;
    channel.send(LOOKUP_ANSWER.temporary, id, encoder.encode(reason));
  }

  /** Stops listening and ends all connections. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#listener.close();
    for (const channel of this.#channels) channel.close();
    await this.#accepting;
    try {
      Deno.removeSync(this.#path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

async function answers(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch {
    return false;
  }
}
