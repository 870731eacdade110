/**
 * The store's own side of a QueuedMessage: where its bytes are, what of it is on disk, and which of its recipients are
 * done. One object while a message is in the journal or being tried; nothing is kept for one that was written out and
 * dropped by its user.
 */
import type { JournalPlace } from "./journal/journal.ts";
import type { Envelope, Submitter } from "./submission.ts";
import type { QueueChannel, QueuedMessage, QueuedRecipient, QueueTarget } from "./store_types.ts";

/** A recipient; `number` counts over all recipients, local ones first. */
export class HeldRecipient implements QueuedRecipient {
  readonly #message: HeldMessage;
  readonly number: number;
  readonly address: string;
  readonly original: string;
  readonly channel: QueueChannel;
  done = false;
  /** The D byte is in the file. */
  marked = false;

  constructor(message: HeldMessage, number: number, target: QueueTarget) {
    this.#message = message;
    this.number = number;
    this.address = target.address;
    this.original = target.original;
    this.channel = target.channel;
  }

  get deliveryId(): string {
    return `${this.#message.arrivedMs}.${this.#message.id}.${this.number}`;
  }
}

/** What a message is made of. */
export interface HeldMessageInit {
  readonly id: string;
  readonly arrivedMs: number;
  readonly sizeBytes: number;
  readonly sender: string;
  readonly extraHeader: string;
  readonly environmentHeaders: string;
  readonly submitter: Submitter;
  /** Local ones first. */
  readonly targets: readonly QueueTarget[];
  /** How many recipients it had when it came, when some are no longer among the targets. */
  readonly counts?: { readonly localCount: number; readonly remoteCount: number } | undefined;
}

/** A message of the store. */
export class HeldMessage implements QueuedMessage {
  /** Set once, when the record or the mess file that gives it is written. */
  id: string;
  readonly arrivedMs: number;
  readonly sizeBytes: number;
  readonly sender: string;
  readonly submitter: Submitter;
  readonly extraHeader: string;
  readonly environmentHeaders: string;
  readonly recipients: readonly HeldRecipient[];
  /** Local recipients it had when it came: the number of the first remote one. */
  readonly localCount: number;
  readonly remoteCount: number;

  /** Where it is in the journal. */
  place: JournalPlace | undefined;
  /** Offset of the body in its segment, for a small message. */
  bodyAt = 0;
  /** Bytes of the body that only the journal has. */
  journalBytes = 0;
  /** The bytes, as long as memory has room. */
  bytes: Uint8Array | undefined;
  /** Memory counted for `bytes`. */
  bufferedBytes = 0;
  /** The mess file, for a large message and for one that is (or is being) written out. */
  messId: number | undefined;
  /** The mess file is whole and synced, its name too. */
  messReady = false;
  /** info exists and is durable: the files are the truth. */
  inFiles = false;
  /** Text of the bounce while the journal has it. */
  bounce = "";
  /** A bounce file exists. */
  bounceFile = false;
  /** `finish` was called. */
  finished = false;
  /** Marks being written into its files. */
  marking: Promise<void> | undefined;
  /** Being written out. */
  busy: Promise<void> | undefined;
  /** Resolves when the journal's record of its end is durable. */
  gone: Promise<void> | undefined;

  constructor(init: HeldMessageInit) {
    this.id = init.id;
    this.arrivedMs = init.arrivedMs;
    this.sizeBytes = init.sizeBytes;
    this.sender = init.sender;
    this.submitter = init.submitter;
    this.extraHeader = init.extraHeader;
    this.environmentHeaders = init.environmentHeaders;
    const locals = init.targets.reduce((count, { channel }) => count + (channel === "local" ? 1 : 0), 0);
    this.localCount = init.counts?.localCount ?? locals;
    this.remoteCount = init.counts?.remoteCount ?? init.targets.length - locals;
    this.recipients = init.targets.map((target, at) => {
      return new HeldRecipient(this, at < locals ? at : at - locals + this.localCount, target);
    });
  }

  get fileId(): number | undefined {
    return this.inFiles ? this.messId : undefined;
  }

  get bounced(): boolean {
    return this.bounce !== "" || this.bounceFile;
  }

  /** Recipients of a channel, in the order of its file. */
  ofChannel(channel: QueueChannel): HeldRecipient[] {
    return this.recipients.filter((recipient) => recipient.channel === channel);
  }

  /** True when nothing is left to deliver. */
  get allDone(): boolean {
    return this.recipients.every((recipient) => recipient.done);
  }
}

/** The store's side of a message that it gave out. */
export function heldMessage(message: QueuedMessage): HeldMessage {
  if (message instanceof HeldMessage) return message;
  throw new TypeError("not a message of this queue store");
}

/** Local targets, then remote ones, each in their order. */
export function orderTargets(targets: readonly QueueTarget[]): QueueTarget[] {
  const local = targets.filter(({ channel }) => channel === "local");
  return local.length === targets.length ? local : [...local, ...targets.filter(({ channel }) => channel === "remote")];
}

/** Why an envelope with its targets cannot be stored; undefined when it can. */
export function envelopeFault(envelope: Envelope, targets: readonly QueueTarget[]): string | undefined {
  if (targets.length !== envelope.recipients.length) return "recipients and targets differ in number";
  const { sender, extraHeader = "", environmentHeaders = "" } = envelope;
  if (`${sender}${extraHeader}${environmentHeaders}`.includes("\0")) return "NUL byte in the envelope";
  for (const { address, original } of targets) {
    if (address.includes("\0") || original.includes("\0")) return "NUL byte in a recipient";
  }
  return undefined;
}
