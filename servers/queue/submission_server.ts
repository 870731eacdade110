/**
 * Listens on the queue's socket: takes messages (storage/queue/submission.ts), answers when they are durable, and
 * answers questions about the queue (storage/queue/status.ts). A small message is kept here until its COMMIT and costs no
 * waiting; a larger one streams into the store, and the connection waits with it.
 */
import { type ChannelListener, type Frame, type FrameChannel, listenChannels } from "../../core/channel.ts";
import { errorText } from "../../core/errors.ts";
import { concatBytes } from "../../core/bytes.ts";
import {
  ENVELOPE_BYTES_MAX,
  type EnvelopeResult,
  formatAnswer,
  parseEnvelope,
  SUBMISSION,
  SUBMISSION_CHUNK_BYTES,
  type SubmissionResult,
  type Submitter,
  tryParseSubmitter,
} from "../../storage/queue/submission.ts";
import {
  type Incoming,
  type QueuedMessage,
  QueueRefusal,
  type QueueStore,
  type QueueTarget,
} from "../../storage/queue/store_types.ts";
import type { QueueLog } from "./log_lines.ts";

/** Connections at a time; one more is closed at once. */
const CONNECTIONS_MAX = 4096;
/** Messages open on one connection; the next is refused. */
const OPEN_MESSAGES_MAX = 65_536;
/** Exit codes of qmail-queue [spec formats 1.7]. */
const CODE_FORMAT = 79;
const CODE_BUG = 81;
const CODE_STOPPING = 71;
const CODE_LIMIT = 51;
/** Mode of the socket: anybody on this host may submit, as anybody may run qmail-queue; the folder decides who gets here. */
const SOCKET_MODE = 0o666;

/** What the server needs. */
export interface SubmissionServerOptions {
  readonly path: string;
  readonly store: QueueStore;
  readonly log: QueueLog;
  targets(recipients: readonly string[]): QueueTarget[];
  accepted(message: QueuedMessage): void;
  /** Frames of other protocols on this socket. */
  other(channel: FrameChannel, frame: Frame): void | Promise<void>;
}

/** A message between OPEN and COMMIT. */
interface Open {
  readonly submitter: Submitter;
  parts: Uint8Array[];
  partsBytes: number;
  envelopeParts: Uint8Array[];
  envelopeBytes: number;
  incoming: Incoming | undefined;
}

/** The server of one queue's socket. */
export class SubmissionServer {
  readonly #options: SubmissionServerOptions;
  readonly #channels = new Set<FrameChannel>();
  readonly #connections = new Set<Promise<void>>();
  readonly #commits = new Set<Promise<void>>();
  #listener: ChannelListener | undefined;
  #stopping = false;

  constructor(options: SubmissionServerOptions) {
    this.#options = options;
  }

  /** Listens; the store's lock says that no other daemon does. Throws Temporary naming the path. */
  listen(): void {
    this.#listener = listenChannels(this.#options.path, { mode: SOCKET_MODE }, (channel) => this.#serve(channel));
  }

  /** Takes no more messages, answers those that are being committed, and closes all connections. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#listener?.close();
    while (this.#commits.size > 0) await Promise.all(this.#commits);
    await Promise.all([...this.#channels].map((channel) => channel.flushed()));
    for (const channel of this.#channels) channel.close();
    await Promise.all(this.#connections);
  }

  #serve(channel: FrameChannel): void {
    if (this.#channels.size >= CONNECTIONS_MAX) return channel.close();
    this.#channels.add(channel);
    const open = new Map<number, Open>();
    const connection = channel.receive((frame) => this.#frame(channel, open, frame)).catch((error: unknown) => {
      this.#options.log.warn(`connection to the queue socket failed: ${errorText(error)}`);
      channel.close();
    }).finally(() => {
      for (const message of open.values()) message.incoming?.abort();
      this.#channels.delete(channel);
      this.#connections.delete(connection);
    });
    this.#connections.add(connection);
  }

  #frame(channel: FrameChannel, open: Map<number, Open>, frame: Frame): void | Promise<void> {
    const { type, id, payload } = frame;
    if (type === SUBMISSION.open) return this.#open(channel, open, frame);
    const message = open.get(id);
    if (!message) return this.#options.other(channel, frame); // or of a message refused already
    switch (type) {
      case SUBMISSION.data:
        if (message.incoming) return this.#stream(channel, open, { id, message, payload });
        message.parts.push(payload.slice());
        message.partsBytes += payload.length;
        if (message.partsBytes > SUBMISSION_CHUNK_BYTES) return this.#spill(channel, open, { id, message });
        return;
      case SUBMISSION.envelope:
        return this.#envelopePart(channel, open, { id, message, payload });
      case SUBMISSION.abort:
        open.delete(id);
        message.incoming?.abort();
        return;
      case SUBMISSION.commit: {
        open.delete(id);
        const whole = message.envelopeParts.length === 0 ? payload : concatBytes(...message.envelopeParts, payload);
        const envelope = parseEnvelope(whole);
        const commit = this.#commit(channel, { id, message, envelope }).finally(() => this.#commits.delete(commit));
        this.#commits.add(commit);
      }
    }
  }

  #open(channel: FrameChannel, open: Map<number, Open>, { id, payload }: Frame): void {
    const submitter = tryParseSubmitter(payload);
    open.get(id)?.incoming?.abort();
    open.delete(id);
    if (this.#stopping) return this.#refuse(channel, id, { code: CODE_STOPPING, text: "queue daemon is stopping" });
    if (!submitter) return this.#refuse(channel, id, { code: CODE_FORMAT, text: "OPEN frame is too short" });
    if (open.size >= OPEN_MESSAGES_MAX) {
      return this.#refuse(channel, id, { code: CODE_LIMIT, text: `more than ${OPEN_MESSAGES_MAX} messages are open` });
    }
    open.set(id, { submitter, parts: [], partsBytes: 0, envelopeParts: [], envelopeBytes: 0, incoming: undefined });
  }

  #envelopePart(
    channel: FrameChannel,
    open: Map<number, Open>,
    part: { readonly id: number; readonly message: Open; readonly payload: Uint8Array },
  ): void {
    const { id, message, payload } = part;
    message.envelopeParts.push(payload.slice());
    message.envelopeBytes += payload.length;
    if (message.envelopeBytes <= ENVELOPE_BYTES_MAX) return;
    open.delete(id);
    message.incoming?.abort();
    this.#refuse(channel, id, { code: CODE_FORMAT, text: `envelope is longer than ${ENVELOPE_BYTES_MAX} bytes` });
  }

  /** Hands the next part of a large message to the store without a copy: the connection waits until it is written. */
  async #stream(
    channel: FrameChannel,
    open: Map<number, Open>,
    part: { readonly id: number; readonly message: Open; readonly payload: Uint8Array },
  ): Promise<void> {
    const { id, message, payload } = part;
    try {
      await message.incoming?.write(payload);
    } catch (error) {
      message.incoming?.abort();
      open.delete(id);
      this.#refuse(channel, id, this.#refusal(error));
    }
  }

  /** Hands what has come so far to the store. */
  async #spill(
    channel: FrameChannel,
    open: Map<number, Open>,
    { id, message }: { readonly id: number; readonly message: Open },
  ): Promise<void> {
    try {
      await this.#writeParts(message);
    } catch (error) {
      open.delete(id);
      this.#refuse(channel, id, this.#refusal(error));
    }
  }

  async #writeParts(message: Open): Promise<Incoming> {
    const incoming = message.incoming ??= await this.#options.store.begin();
    const { parts } = message;
    message.parts = [];
    message.partsBytes = 0;
    try {
      for (const part of parts) await incoming.write(part, { owned: true });
    } catch (error) {
      incoming.abort();
      throw error;
    }
    return incoming;
  }

  async #commit(
    channel: FrameChannel,
    commit: { readonly id: number; readonly message: Open; readonly envelope: EnvelopeResult },
  ): Promise<void> {
    const { id, message, envelope } = commit;
    if (envelope.kind === "refused") {
      message.incoming?.abort();
      return this.#refuse(channel, id, envelope);
    }
    let queued: QueuedMessage;
    try {
      const targets = this.#options.targets(envelope.envelope.recipients);
      const incoming = await this.#writeParts(message);
      queued = await incoming.commit({ envelope: envelope.envelope, submitter: message.submitter, targets });
    } catch (error) {
      return this.#refuse(channel, id, this.#refusal(error));
    }
    this.#answer(channel, id, { kind: "accepted", id: queued.id });
    try {
      this.#options.accepted(queued);
    } catch (error) {
      this.#options.log.alert(`message ${queued.id} is queued but not scheduled: ${errorText(error)}`);
    }
  }

  #refusal(error: unknown): { code: number; text: string } {
    if (error instanceof QueueRefusal) return { code: error.code, text: error.message };
    this.#options.log.alert(`trouble queueing a message: ${errorText(error)}`);
    return { code: CODE_BUG, text: errorText(error) };
  }

  #refuse(channel: FrameChannel, id: number, { code, text }: { readonly code: number; readonly text: string }): void {
    this.#answer(channel, id, { kind: "refused", code, text });
  }

  #answer(channel: FrameChannel, id: number, result: SubmissionResult): void {
    channel.send(SUBMISSION.answer, id, formatAnswer(result));
  }
}
