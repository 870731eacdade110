/**
 * qmail-lspawn as a resident daemon: takes deliveries from the queue over its socket, runs those of virtual users and of
 * its own user inside, others in a process of that user, and tells when Maildir deliveries are safe from a power cut.
 */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { errorText } from "../../core/errors.ts";
import { syncFileSystem } from "../../core/libc/files.ts";
import { realDisk } from "../../storage/disk.ts";
import { FolderSync } from "../../storage/maildir/folder_sync.ts";
import type { DeliveryRequest } from "../../storage/queue/delivery_channel.ts";
import {
  type DeliveryHooks,
  type DeliveryToken,
  serveDeliveries,
  tellDurable,
} from "../../storage/queue/delivery_server.ts";
import { createDeliveryContext, localUserSources } from "./bind.ts";
import type { DeliveryContext } from "./context.ts";
import { deliverLocal } from "./local_delivery.ts";
import { fileMessage, memoryMessage } from "./message.ts";
import { deferred, type DeliveryOutcome } from "./outcome.ts";
import { resolveRecipient, type UserSources } from "./resolve.ts";

/**
 * Deliveries of messages that arrived before this daemon started (and a little later: the queue's clock and ours are one,
 * but a message may have been on its way) may repeat one that was cut off.
 */
const REPEAT_MARGIN_MS = 5000;
/** Delivery ids remembered, twice: far more than a queue that is started again has in flight. */
const ATTEMPTED_MAX = 50_000;

class LocalDeliveries implements DeliveryHooks<DeliveryOutcome> {
  readonly #proc: Proc;
  readonly #context: DeliveryContext;
  readonly #sources: UserSources;
  readonly #sync: FolderSync<DeliveryToken>;
  readonly #startedMs: number;
  /** Attempts at the same delivery that this process has begun: the second of one may be a repeat. */
  #attempted = new Set<string>();
  #attemptedBefore = new Set<string>();

  constructor(proc: Proc, context: DeliveryContext) {
    this.#proc = proc;
    this.#context = context;
    this.#sources = localUserSources(proc);
    this.#startedMs = proc.clock.nowMs();
    this.#sync = new FolderSync<DeliveryToken>({
      disk: realDisk,
      syncFilesystem: syncFileSystem,
      onDurable: tellDurable,
      onFailed: (tokens, error) =>
        proc.log.line(`warning: unable to sync folders of ${tokens.length} deliveries: ${errorText(error)}`),
    });
  }

  async deliver(request: DeliveryRequest, inlineBody: Uint8Array): Promise<DeliveryOutcome> {
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

  failed(error: unknown): DeliveryOutcome {
    return deferred(`${errorText(error)} (#4.3.0)`);
  }

  /** One folder is synced together with those of other deliveries; a delivery into several, when each of them is. */
  done({ touched }: DeliveryOutcome, token: DeliveryToken): void {
    const [folder] = touched;
    if (folder === undefined) return tellDurable([token]);
    if (touched.length === 1) return this.#sync.touched(folder, token);
    Promise.all(touched.map((each) => realDisk.syncDirectory(each))).then(
      () => tellDurable([token]),
      (error) => this.#proc.log.line(`warning: unable to sync ${touched.join(" ")}: ${errorText(error)}`),
    );
  }

  async stopping(): Promise<void> {
    await this.#sync.flush();
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
  env: {
    INDIMAIL_ACCOUNTS: "1: deliveries to system users are handed to indimail-userd; set by the supervisor",
    PATH: "where the commands of .qmail files are looked for",
  },
  control: ["me", "maxdeliveredto"],
  files: { "users/cdb": "users by local address", "run/local.socket": "where the queue daemon connects" },
  seeAlso: ["qmail-local(8)", "qmail-send(8)", "vdelivermail(8)"],
  source: ["[man qmail-lspawn.9]", "[spec formats 2]"],
  async run(proc) {
    const context = createDeliveryContext(proc, proc.args[0]!);
    proc.onSignal("SIGHUP", () => context.control.reread());
    await serveDeliveries(proc, "local", new LocalDeliveries(proc, context));
    context.lookup.close();
    context.queue.close();
  },
});
