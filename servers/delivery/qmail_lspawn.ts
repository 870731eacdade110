/**
 * qmail-lspawn as a resident daemon: takes deliveries from the queue over its socket, runs those of virtual users and of
 * its own user inside, others in a process of that user, and tells when Maildir deliveries are safe from a power cut.
 */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { type Frame, type FrameChannel, listenChannels } from "../../core/channel.ts";
import { errorText } from "../../core/errors.ts";
import { syncFileSystem } from "../../core/libc/files.ts";
import { socketPath } from "../../core/paths.ts";
import { realDisk } from "../../storage/disk.ts";
import { FolderSync } from "../../storage/maildir/folder_sync.ts";
import { DELIVERY, formatReport, parseRequest } from "../../storage/queue/delivery_channel.ts";
import { createDeliveryContext, localUserSources } from "./bind.ts";
import type { DeliveryContext } from "./context.ts";
import { deliverLocal } from "./local_delivery.ts";
import { fileMessage, memoryMessage } from "./message.ts";
import { deferred, type DeliveryOutcome } from "./outcome.ts";
import { resolveRecipient, type UserSources } from "./resolve.ts";

/** Deliveries that a queue may have running here at once. */
const DELIVERIES_MAX = 500;
/** How long the end waits for deliveries that are running. */
const STOP_WAIT_MS = 20_000;
/** Mode of the socket: the queue's group. */
const SOCKET_MODE = 0o660;
/**
 * Deliveries of messages that arrived before this daemon started (and a little later: the queue's clock and ours are one,
 * but a message may have been on its way) may repeat one that was cut off.
 */
const REPEAT_MARGIN_MS = 5000;

/** Delivery ids remembered, twice: far more than a queue that is started again has in flight. */
const ATTEMPTED_MAX = 50_000;

/** One delivery whose folder is not yet synced. */
interface Token {
  readonly channel: FrameChannel;
  readonly number: number;
}

class LocalDaemon {
  readonly #proc: Proc;
  readonly #context: DeliveryContext;
  readonly #sources: UserSources;
  readonly #sync: FolderSync<Token>;
  readonly #startedMs: number;
  /** Attempts at the same delivery that this process has begun: the second of one may be a repeat. */
  #attempted = new Set<string>();
  #attemptedBefore = new Set<string>();
  readonly #channels = new Set<FrameChannel>();
  #running = 0;

  constructor(proc: Proc, context: DeliveryContext) {
    this.#proc = proc;
    this.#context = context;
    this.#sources = localUserSources(proc);
    this.#startedMs = proc.clock.nowMs();
    this.#sync = new FolderSync<Token>({
      disk: realDisk,
      syncFilesystem: syncFileSystem,
      onDurable: (tokens) => this.#durable(tokens),
      onFailed: (tokens, error) =>
        proc.log.line(`warning: unable to sync folders of ${tokens.length} deliveries: ${errorText(error)}`),
    });
  }

  serve(channel: FrameChannel): void {
    this.#channels.add(channel);
    channel.send(DELIVERY.hello, DELIVERIES_MAX);
    channel.receive((frame) => this.#receive(channel, frame)).finally(() => this.#channels.delete(channel));
  }

  /** Waits for what runs, syncs, and closes. */
  async stop(): Promise<void> {
    const end = Date.now() + STOP_WAIT_MS;
    while (this.#running > 0 && Date.now() < end) await this.#proc.clock.sleep(20);
    await this.#sync.flush();
    await Promise.all([...this.#channels].map((channel) => channel.flushed()));
    for (const channel of this.#channels) channel.close();
  }

  #receive(channel: FrameChannel, frame: Frame): void {
    if (frame.type !== DELIVERY.request) return;
    const number = frame.id;
    this.#running++;
    // the payload is only valid until this returns: an inline message is copied
    const payload = frame.payload.slice();
    this.#deliver(payload).catch((error) => deferred(`${errorText(error)} (#4.3.0)`)).then((outcome) => {
      this.#running--;
      channel.send(DELIVERY.report, number, formatReport(outcome.report));
      if (outcome.report.kind !== "done") return;
      const [folder] = outcome.touched;
      if (outcome.touched.length > 1) this.#syncAll({ channel, number }, outcome.touched);
      else if (folder !== undefined) this.#sync.touched(folder, { channel, number });
      else this.#durable([{ channel, number }]);
    });
  }

  async #deliver(payload: Uint8Array): Promise<DeliveryOutcome> {
    const { request, inlineBody } = parseRequest(payload);
    const mayBeRepeat = request.arrivedMs < this.#startedMs + REPEAT_MARGIN_MS ||
      !this.#firstAttempt(request.deliveryId);
    const job = {
      message: request.body.kind === "inline"
        ? memoryMessage(inlineBody)
        : fileMessage(request.body.path, request.body.offsetBytes, request.sizeBytes),
      messageId: request.messageId,
      deliveryId: request.deliveryId,
      arrivedMs: request.arrivedMs,
      sender: request.sender,
      extraHeader: request.extraHeader,
      environmentHeaders: request.environmentHeaders,
      mayBeRepeat,
      ownName: true,
    };
    const recipient = resolveRecipient(this.#sources, request.recipient);
    return await deliverLocal(this.#context, job, recipient);
  }

  #firstAttempt(deliveryId: string): boolean {
    if (this.#attempted.has(deliveryId) || this.#attemptedBefore.has(deliveryId)) return false;
    if (this.#attempted.size >= ATTEMPTED_MAX) {
      this.#attemptedBefore = this.#attempted;
      this.#attempted = new Set();
    }
    this.#attempted.add(deliveryId);
    return true;
  }

  /** A delivery into several folders is durable when each of them is synced. */
  #syncAll(token: Token, folders: readonly string[]): void {
    Promise.all(folders.map((folder) => realDisk.syncDirectory(folder))).then(
      () => this.#durable([token]),
      (error) => this.#proc.log.line(`warning: unable to sync ${folders.join(" ")}: ${errorText(error)}`),
    );
  }

  #durable(tokens: readonly Token[]): void {
    const byChannel = new Map<FrameChannel, number[]>();
    for (const { channel, number } of tokens) {
      const numbers = byChannel.get(channel);
      if (numbers) numbers.push(number);
      else byChannel.set(channel, [number]);
    }
    for (const [channel, numbers] of byChannel) {
      const payload = new Uint8Array(numbers.length * 4);
      const view = new DataView(payload.buffer);
      numbers.forEach((number, at) => view.setUint32(at * 4, number, true));
      channel.send(DELIVERY.durable, 0, payload);
    }
  }
}

export const applet = defineApplet({
  names: ["qmail-lspawn"],
  section: 8,
  summary: "deliver messages of the queue to local users",
  role: "local",
  dialect: "daemon",
  daemon: true,
  options: {},
  operands: [{ name: "defaultdelivery", help: "instruction for users without a .qmail file, as ./Maildir/" }],
  description:
    `qmail-lspawn waits on its Unix socket for deliveries from the queue daemon. A recipient's user is looked for in
users/cdb, then among the system's users, then alias gets the message. Virtual users and the daemon's own user are served
inside this process; a delivery to another system user runs in a process of that user.

A delivery to a Maildir is reported as soon as the message has its name there, and reported durable when the folder is
synced, in groups.`,
  env: { INDIMAIL_ACCOUNTS: "1: deliveries to system users are handed to indimail-userd; set by the supervisor" },
  control: ["me", "maxdeliveredto"],
  files: { "users/cdb": "users by local address", "run/local.socket": "where the queue daemon connects" },
  seeAlso: ["qmail-local(8)", "qmail-send(8)", "vdelivermail(8)"],
  source: ["[man qmail-lspawn.9]", "[spec formats 2]"],
  async run(proc) {
    const context = createDeliveryContext(proc, proc.args[0]!);
    const daemon = new LocalDaemon(proc, context);
    const listener = listenChannels(
      socketPath(proc.paths, "local"),
      { mode: SOCKET_MODE },
      (channel) => daemon.serve(channel),
    );
    proc.onSignal("SIGHUP", () => context.control.reread());
    proc.log.line("status: local daemon is ready");
    await new Promise<void>((resolve) => {
      if (proc.stopping.aborted) resolve();
      else proc.stopping.addEventListener("abort", () => resolve(), { once: true });
    });
    listener.close();
    await daemon.stop();
    context.lookup.close();
    context.queue.close();
  },
});
