/**
 * The client of the queue daemons: one connection to each, many messages at once on it, connected when first needed and
 * again when lost. A message goes to the daemon with the least in flight; one that does not answer is left alone for a
 * while. A small message leaves in one write: OPEN, DATA and COMMIT together. Limits: SUBMISSIONS_MAX open messages,
 * ANSWER_TIMEOUT_MS for an answer.
 */
import { connectChannel, FrameChannel } from "../../core/channel.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import { type Paths, socketPath } from "../../core/paths.ts";
import {
  type Envelope,
  ENVELOPE_BYTES_MAX,
  formatEnvelope,
  formatSubmitter,
  parseAnswer,
  splitEnvelope,
  SUBMISSION,
  type Submission,
  SUBMISSION_CHUNK_BYTES,
  type SubmissionClient,
  type SubmissionResult,
  type Submitter,
} from "./submission.ts";

/** Messages open on one connection. */
export const SUBMISSIONS_MAX = 65_536;
/** How long an answer to COMMIT may take before the daemon counts as lost. */
export const ANSWER_TIMEOUT_MS = 300_000;
/** How long a daemon that did not answer is left alone. */
const DOWN_MS = 1000;
/** Codes of qmail-queue for what can happen on the way [spec formats 1.7]. */
const CODE_TIMEOUT = 52;
const CODE_LOST = 74;
const CODE_ENVELOPE = 79;

const EMPTY = new Uint8Array(0);

/** How a client is made. */
export interface SubmissionClientOptions {
  /** Sockets of the queue daemons, at least one. */
  readonly sockets: readonly string[];
  /** Milliseconds since 1970; for tests. */
  readonly nowMs?: () => number;
}

/** The sockets of queues `start` to `start + count - 1` of an installation. */
export function queueSockets(paths: Paths, count = 1, start = 1): string[] {
  return Array.from({ length: count }, (_, at) => socketPath(paths, `queue${start + at}`));
}

/** A client of the queue daemons. Its `open` throws Temporary when none of them answers. */
export function createSubmissionClient(options: SubmissionClientOptions): SubmissionClient {
  const nowMs = options.nowMs ?? Date.now;
  const links = options.sockets.map((path) => new Link(path, nowMs));
  return {
    async open(submitter) {
      let failure: Temporary | undefined;
      for (const link of links.length === 1 ? links : [...links].sort((a, b) => a.rank() - b.rank())) {
        try {
          return new OpenSubmission(await link.channel(), link, submitter);
        } catch (error) {
          if (!(error instanceof Temporary)) throw error;
          failure = error;
        }
      }
      throw failure ?? new Temporary("no queue daemon is configured");
    },
    close() {
      for (const link of links) link.close();
    },
  };
}

/** One message waiting for its answer. */
interface Pending {
  settle(result: SubmissionResult): void;
  /** When COMMIT was sent; 0 before. */
  committedMs: number;
}

/** The connection to one daemon. */
class Link {
  readonly #path: string;
  readonly #nowMs: () => number;
  readonly #pending = new Map<number, Pending>();
  #channel: FrameChannel | undefined;
  #connecting: Promise<FrameChannel> | undefined;
  #downUntilMs = 0;
  #lastId = 0;
  #closed = false;
  #watch: ReturnType<typeof setTimeout> | undefined;

  constructor(path: string, nowMs: () => number) {
    this.#path = path;
    this.#nowMs = nowMs;
  }

  /** Lower is better: messages in flight; a daemon that is down comes last. */
  rank(): number {
    return this.#pending.size + (this.#nowMs() < this.#downUntilMs ? SUBMISSIONS_MAX : 0);
  }

  channel(): Promise<FrameChannel> {
    if (this.#channel && !this.#channel.closed) return Promise.resolve(this.#channel);
    return this.#connecting ??= this.#connect().finally(() => this.#connecting = undefined);
  }

  async #connect(): Promise<FrameChannel> {
    if (this.#closed) throw new Temporary(`connection to ${this.#path} is closed`);
    try {
      const channel = await connectChannel(this.#path);
      if (this.#closed) channel.close();
      this.#channel = channel;
      this.#downUntilMs = 0;
      this.#receive(channel);
      return channel;
    } catch (error) {
      this.#downUntilMs = this.#nowMs() + DOWN_MS;
      throw error;
    }
  }

  async #receive(channel: FrameChannel): Promise<void> {
    let reason = "queue daemon closed the connection";
    try {
      await channel.receive((frame) => {
        if (frame.type === SUBMISSION.answer) this.#settle(frame.id, parseAnswer(frame.payload));
      });
    } catch (error) {
      reason = errorText(error);
      channel.close();
    }
    if (this.#channel === channel) this.#channel = undefined;
    this.#failAll(CODE_LOST, reason);
  }

  #failAll(code: number, text: string): void {
    const lost = [...this.#pending.values()];
    this.#pending.clear();
    this.#stopWatch();
    for (const pending of lost) pending.settle({ kind: "refused", code, text });
  }

  #settle(id: number, result: SubmissionResult): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    if (this.#pending.size === 0) this.#stopWatch();
    pending.settle(result);
  }

  /** Gives a message a number under which its answer will be found. */
  register(pending: Pending): number {
    if (this.#pending.size >= SUBMISSIONS_MAX) throw new Temporary(`more than ${SUBMISSIONS_MAX} messages in flight`);
    do this.#lastId = (this.#lastId + 1) >>> 0; while (this.#pending.has(this.#lastId));
    this.#pending.set(this.#lastId, pending);
    return this.#lastId;
  }

  /** Starts the limit of time for the answer. */
  watch(pending: Pending): void {
    pending.committedMs = this.#nowMs();
    this.#watch ??= this.#arm(ANSWER_TIMEOUT_MS);
  }

  #arm(delayMs: number): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => this.#checkTimeouts(), delayMs);
    Deno.unrefTimer(timer); // a number on runtimes before 2.8
    return timer;
  }

  #checkTimeouts(): void {
    let oldestMs = Infinity;
    for (const { committedMs } of this.#pending.values()) {
      if (committedMs > 0) oldestMs = Math.min(oldestMs, committedMs);
    }
    const leftMs = oldestMs + ANSWER_TIMEOUT_MS - this.#nowMs();
    this.#watch = undefined;
    if (oldestMs === Infinity) return;
    if (leftMs > 0) this.#watch = this.#arm(leftMs);
    else {
      this.#failAll(CODE_TIMEOUT, `queue daemon did not answer within ${ANSWER_TIMEOUT_MS / 1000} seconds`);
      this.#channel?.close();
    }
  }

  #stopWatch(): void {
    if (this.#watch !== undefined) clearTimeout(this.#watch);
    this.#watch = undefined;
  }

  forget(id: number): void {
    this.#pending.delete(id);
    if (this.#pending.size === 0) this.#stopWatch();
  }

  close(): void {
    this.#closed = true;
    this.#channel?.close();
    this.#failAll(CODE_LOST, "connection to the queue daemon was closed");
  }
}

/** One message on its way. */
class OpenSubmission implements Submission {
  readonly #channel: FrameChannel;
  readonly #link: Link;
  readonly #id: number;
  readonly #pending: Pending;
  readonly #submitter: Submitter;
  readonly #answered: Promise<SubmissionResult>;
  #result: SubmissionResult | undefined;
  #opened = false;
  /** Bytes put into the channel since it was last told to write. */
  #putBytes = 0;

  constructor(channel: FrameChannel, link: Link, submitter: Submitter) {
    this.#channel = channel;
    this.#link = link;
    this.#submitter = submitter;
    const { promise, resolve } = Promise.withResolvers<SubmissionResult>();
    this.#answered = promise;
    this.#pending = {
      committedMs: 0,
      settle: (result) => {
        this.#result = result;
        resolve(result);
      },
    };
    this.#id = link.register(this.#pending);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#result; at += SUBMISSION_CHUNK_BYTES) {
      this.#open();
      const part = bytes.subarray(at, at + SUBMISSION_CHUNK_BYTES);
      this.#putBytes += part.length;
      if (this.#putBytes < SUBMISSION_CHUNK_BYTES) {
        this.#channel.put(SUBMISSION.data, this.#id, part);
        continue;
      }
      this.#channel.send(SUBMISSION.data, this.#id, part);
      this.#putBytes = 0;
      await this.#channel.drained();
    }
  }

  #open(): void {
    if (this.#opened) return;
    this.#opened = true;
    this.#channel.put(SUBMISSION.open, this.#id, formatSubmitter(this.#submitter));
  }

  commit(envelope: Envelope): Promise<SubmissionResult> {
    if (this.#result) return this.#answered;
    let bytes: Uint8Array;
    try {
      bytes = formatEnvelope(envelope);
      if (bytes.length > ENVELOPE_BYTES_MAX) {
        throw new RangeError(`envelope is longer than ${ENVELOPE_BYTES_MAX} bytes`);
      }
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.abort();
      return Promise.resolve({ kind: "refused", code: CODE_ENVELOPE, text: error.message });
    }
    this.#open();
    const frames = splitEnvelope(bytes);
    for (const [at, frame] of frames.entries()) {
      this.#channel.send(at === frames.length - 1 ? SUBMISSION.commit : SUBMISSION.envelope, this.#id, frame);
    }
    this.#link.watch(this.#pending);
    if (this.#channel.closed) this.#pending.settle({ kind: "refused", code: CODE_LOST, text: "queue daemon is gone" });
    return this.#answered;
  }

  abort(): void {
    if (this.#result) return;
    this.#link.forget(this.#id);
    if (this.#opened) this.#channel.send(SUBMISSION.abort, this.#id, EMPTY);
    this.#pending.settle({ kind: "refused", code: CODE_LOST, text: "message was given up" });
  }
}
