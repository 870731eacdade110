/**
 * The submission protocol: how smtpd, qmail-queue and bounces hand a message to the queue daemon, over its Unix socket
 * (`queueN.socket`), many messages at once on one connection (core/channel.ts). Types and codec for both sides.
 *
 * Client frames, with an id that the client chooses for each message and may use again after the answer:
 *   OPEN   payload: uid u32le, pid u32le of the submitter
 *   DATA   payload: the next bytes of the message (with its Received line already in front), at most SUBMISSION_CHUNK_BYTES
 *   COMMIT payload: the envelope, as qmail-queue reads it: F sender NUL, T recipient NUL …, NUL [spec formats 1.4],
 *          then optional records `e` (extra header) and `h` (environment headers) as in todo [spec formats 1.5]
 *   ABORT  payload: empty; nothing is queued and nothing answered
 * Server frame, one for each COMMIT (or earlier, when it refuses: the client then sends nothing more for this id):
 *   ANSWER payload: qmail-queue exit code u8 [spec formats 1.7], then text (the message id when 0, else the reason)
 * Accepted (0) means durable: the server answers only after its fdatasync.
 */

/** Frame types of the submission protocol. */
export const SUBMISSION = { open: 1, data: 2, commit: 3, abort: 4, answer: 5 } as const;

/** Largest payload of a DATA frame. */
export const SUBMISSION_CHUNK_BYTES = 64 * 1024;

/** Who submitted a message, for the log's `qp` and `uid`. */
export interface Submitter {
  readonly uid: number;
  readonly pid: number;
}

/** The envelope of a message. Addresses are bytes as latin1 text, as everywhere in the queue. */
export interface Envelope {
  readonly sender: string;
  readonly recipients: readonly string[];
  /** Header text added at delivery (QQEH), LF-ended lines. */
  readonly extraHeader?: string;
  /** "Name: value" LF lines exported to deliveries. */
  readonly environmentHeaders?: string;
}

/** What became of a submission. */
export type SubmissionResult =
  | { readonly kind: "accepted"; readonly id: string }
  | { readonly kind: "refused"; readonly code: number; readonly text: string };

/** One message on its way into the queue. */
export interface Submission {
  /** Sends the next bytes; they may be used again when it resolves. */
  write(bytes: Uint8Array): Promise<void>;
  /** Asks for acceptance; never throws: a lost daemon is a refusal with a temporary code. */
  commit(envelope: Envelope): Promise<SubmissionResult>;
  /** Forgets the message. */
  abort(): void;
}

/** The client side: `storage/queue/submission_client.ts` has the one over the socket, tests have fakes. */
export interface SubmissionClient {
  open(submitter: Submitter): Promise<Submission>;
  close(): void;
}
