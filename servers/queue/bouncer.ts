/**
 * Makes the bounce of a message whose recipients are all done and some failed, and puts it into the same queue. A crash
 * between that and the removal of the message makes a second bounce, never none.
 */
import { latin1Bytes } from "../../core/bytes.ts";
import { type BouncePlan, formatBounce, planBounce } from "../../mail/bounce.ts";
import { formatQueueReceived } from "../../mail/received.ts";
import type { Disk } from "../../storage/disk.ts";
import type { Submitter } from "../../storage/queue/submission.ts";
import type { MessageBody, QueuedMessage, QueueStore, QueueTarget } from "../../storage/queue/store_types.ts";
import type { QueueLog } from "./log_lines.ts";
import type { QueueSettings } from "./settings.ts";

/** What a bounce needs of its surroundings. */
export interface BounceContext {
  readonly store: QueueStore;
  readonly disk: Disk;
  readonly log: QueueLog;
  readonly settings: QueueSettings;
  readonly submitter: Submitter;
  readonly nowMs: number;
  targets(recipients: readonly string[]): QueueTarget[];
}

/**
 * Queues the bounce of `message`; gives it, or undefined when there is nobody to tell. Throws when it cannot be queued:
 * the message must then stay.
 */
export async function queueBounce(message: QueuedMessage, context: BounceContext): Promise<QueuedMessage | undefined> {
  const { store, settings, submitter, log } = context;
  const plan = planBounce(message.sender, settings.bounce);
  if (plan.kind === "discard") {
    log.discarded(message.id, plan.reason);
    return undefined;
  }
  const bytes = await bounceBytes(message, plan, context);
  const incoming = await store.begin();
  let committing = false;
  try {
    await incoming.write(bytes);
    committing = true;
    const bounce = await incoming.commit({
      envelope: { sender: plan.sender, recipients: [plan.recipient] },
      submitter,
      targets: context.targets([plan.recipient]),
    });
    log.bounced(message.id, submitter.pid);
    return bounce;
  } catch (error) {
    if (!committing) incoming.abort();
    throw error;
  }
}

type Addressed = Exclude<BouncePlan, { kind: "discard" }>;

async function bounceBytes(message: QueuedMessage, plan: Addressed, context: BounceContext): Promise<Uint8Array> {
  const { store, settings, submitter, nowMs } = context;
  const zoneMinutes = -new Date(nowMs).getTimezoneOffset();
  const received = formatQueueReceived({
    pid: submitter.pid,
    host: settings.host,
    origin: { kind: "bounce" },
    atMs: nowMs,
    zoneMinutes,
  });
  const text = formatBounce({
    plan,
    settings: settings.bounce,
    messageId: message.id,
    arrivedMs: message.arrivedMs,
    failures: await store.bounceText(message),
    originalSender: message.sender,
    original: await firstBytes(await store.body(message), settings.bounce.bounceBytesMax, context.disk),
    originalSizeBytes: message.sizeBytes,
    atMs: nowMs,
    zoneMinutes,
  });
  const head = latin1Bytes(received);
  const bytes = new Uint8Array(head.length + text.length);
  bytes.set(head);
  bytes.set(text, head.length);
  return bytes;
}

async function firstBytes(body: MessageBody, bytesMax: number, disk: Disk): Promise<Uint8Array> {
  if (body.kind === "bytes") return body.bytes.subarray(0, bytesMax);
  const file = await disk.open(body.path, { read: true });
  try {
    const bytes = new Uint8Array(Math.min(bytesMax, (await file.stat()).sizeBytes));
    let done = 0;
    while (done < bytes.length) {
      const count = await file.readAt(bytes.subarray(done), done);
      if (count === 0) break;
      done += count;
    }
    return bytes.subarray(0, done);
  } finally {
    file.close();
  }
}
