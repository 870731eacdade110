/**
 * Forwards: the message goes back into the queue, with a Delivered-To line in front so that a loop is found.
 */
import { latin1Bytes } from "../../core/bytes.ts";
import { isPermanentQueueExit } from "../../mail/queue_exits.ts";
import { formatQueueReceived } from "../../mail/received.ts";
import type { DeliveryContext, DeliveryJob } from "./context.ts";
import { deferred, type DeliveryOutcome, refused } from "./outcome.ts";

/** A message to send on. */
export interface Forward {
  readonly job: DeliveryJob;
  readonly sender: string;
  readonly recipients: readonly string[];
  /** The Delivered-To line, LF-ended. */
  readonly deliveredTo: string;
  /** The address has no mailbox and leads to this one recipient only: its Received line tells autoresponder so. */
  readonly isAlias?: boolean;
}

/** Queues the forward; undefined when it is durable in the queue, else why it is not. */
export async function sendForward(context: DeliveryContext, forward: Forward): Promise<DeliveryOutcome | undefined> {
  const submission = await context.queue.open({ uid: context.uid, pid: context.pid });
  try {
    const received = formatQueueReceived({
      pid: context.pid,
      origin: forward.isAlias ? { kind: "alias" } : { kind: "uid", uid: context.uid },
      host: context.hostName,
      atMs: context.clock.nowMs(),
      zoneMinutes: 0,
    });
    await submission.write(latin1Bytes(received + forward.deliveredTo));
    for await (const chunk of forward.job.message.chunks()) await submission.write(chunk);
  } catch (error) {
    submission.abort();
    throw error;
  }
  const result = await submission.commit({
    sender: forward.sender,
    recipients: forward.recipients,
    ...(forward.job.extraHeader ? { extraHeader: forward.job.extraHeader } : {}),
  });
  if (result.kind === "accepted") return undefined;
  const text = `Unable to forward message: ${result.text}`;
  return isPermanentQueueExit(result.code) ? refused(text) : deferred(text);
}
