/** A message on its way to the queue daemon, and what the queue's answer means to the SMTP client. */
import { describeQueueExit, QUEUE_EXIT } from "../../mail/queue_exits.ts";
import type { SmtpMessage } from "../../mail/smtp/backend.ts";
import type { SmtpReply } from "../../mail/smtp/replies.ts";
import type { Envelope, Submission, SubmissionResult } from "../../storage/queue/submission.ts";

/** What belongs to the message. */
export interface IncomingMessageOptions {
  /** The Received line. */
  readonly head: Uint8Array;
  /** Called when the message is durable. */
  readonly accepted: (sizeBytes: number, queueId: string) => void;
}

/** One message. */
export class IncomingMessage implements SmtpMessage {
  readonly head: Uint8Array;
  readonly #submission: Submission;
  readonly #envelope: Envelope;
  readonly #accepted: IncomingMessageOptions["accepted"];

  constructor(submission: Submission, envelope: Envelope, options: IncomingMessageOptions) {
    this.head = options.head;
    this.#submission = submission;
    this.#envelope = envelope;
    this.#accepted = options.accepted;
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#submission.write(bytes);
  }

  async commit(sizeBytes: number): Promise<SmtpReply> {
    const result = await this.#submission.commit(this.#envelope);
    if (result.kind === "refused") return queueRefusal(result);
    this.#accepted(sizeBytes, result.id);
    return { code: 250, enhanced: "2.0.0", text: `ok, queued as ${result.id}` };
  }

  abort(): void {
    this.#submission.abort();
  }
}

/** The reply for a message that the queue did not take: 451 for what may pass, 554 for what will not. */
export function queueRefusal(result: SubmissionResult & { readonly kind: "refused" }): SmtpReply {
  const custom = result.code === QUEUE_EXIT.custom ? result.text : "";
  const exit = describeQueueExit(result.code, custom);
  const why = custom === "" && result.text !== "" && result.text !== exit.text ? ` (${result.text})` : "";
  return { code: exit.kind === "permanent" ? 554 : 451, enhanced: exit.enhanced, text: exit.text + why };
}
