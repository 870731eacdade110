/**
 * Sends a message to a fixed host through the remote daemon: the `domain:ip:port` form of vdelivermail's second
 * argument [man vdelivermail.9].
 */
import { connectChannel } from "../../core/channel.ts";
import { DELIVERY, type DeliveryReport, formatRequest, parseReport } from "../../storage/queue/delivery_channel.ts";
import type { DeliveryJob } from "./context.ts";

/** Where to, and for whom. */
export interface RoutedMessage {
  readonly job: DeliveryJob;
  readonly recipient: string;
  /** `host:port`. */
  readonly route: string;
}

/** Sends and tells how it ended. Throws Temporary when the remote daemon cannot be reached. */
export type SendRouted = (message: RoutedMessage) => Promise<DeliveryReport>;

/** Largest message that is sent along with the request; a larger one must be a file that the daemon can read. */
const INLINE_BYTES_MAX = 512 * 1024;
const DELIVERY_NUMBER = 1;

/** The sender over the remote daemon's socket: one connection a message, since these are few. */
export function routedSender(socketPath: string): SendRouted {
  return async ({ job, recipient, route }) => {
    const { message } = job;
    const inline = message.file ? undefined : message.bytes;
    if (!message.file && (!inline || inline.length > INLINE_BYTES_MAX)) {
      return { kind: "temporary", text: "message is too large to be routed from memory (#4.3.0)" };
    }
    const channel = await connectChannel(socketPath);
    let report: DeliveryReport = { kind: "temporary", text: "remote daemon ended before it reported (#4.3.0)" };
    channel.send(
      DELIVERY.request,
      DELIVERY_NUMBER,
      ...formatRequest({
        messageId: job.messageId,
        deliveryId: job.deliveryId,
        arrivedMs: job.arrivedMs,
        sizeBytes: message.sizeBytes,
        sender: job.sender,
        recipient,
        originalRecipient: recipient,
        host: recipient.slice(recipient.lastIndexOf("@") + 1),
        route,
        extraHeader: job.extraHeader,
        environmentHeaders: job.environmentHeaders,
        body: message.file
          ? { kind: "file", path: message.file.path, offsetBytes: message.file.offsetBytes }
          : { kind: "inline" },
      }, inline),
    );
    await channel.receive((frame) => {
      if (frame.type !== DELIVERY.report || frame.id !== DELIVERY_NUMBER) return;
      report = parseReport(frame.payload);
      channel.close();
    });
    return report;
  };
}
