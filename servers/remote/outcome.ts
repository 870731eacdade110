/**
 * What a remote delivery came to, and qmail-remote's report of it: for each recipient r, h or s with text, then K, Z or
 * D for the message [man qmail-remote.9] [spec formats 2.2].
 */
import { latin1Bytes } from "../../core/bytes.ts";
import type { DeliveryReport } from "../../storage/queue/delivery_channel.ts";

/** What the peer said of one recipient. */
export interface RecipientOutcome {
  readonly kind: "accepted" | "temporary" | "permanent";
  readonly text: string;
}

/** The whole: recipients may be empty when the peer was not even asked. */
export interface RemoteOutcome {
  readonly recipients: readonly RecipientOutcome[];
  readonly message: DeliveryReport;
}

/** A failure before any recipient was named. */
export function failedEarly(kind: "temporary" | "permanent", text: string): RemoteOutcome {
  return { recipients: [], message: { kind, text } };
}

const RECIPIENT_LETTERS = { accepted: "r", permanent: "h", temporary: "s" } as const;
const MESSAGE_LETTERS = { done: "K", temporary: "Z", permanent: "D" } as const;

/** qmail-remote's output. */
export function formatRemoteReport(outcome: RemoteOutcome): Uint8Array {
  const clean = (text: string) => text.replaceAll("\0", "?");
  const recipients = outcome.recipients.map(({ kind, text }) => `${RECIPIENT_LETTERS[kind]}${clean(text)}\0`).join("");
  return latin1Bytes(`${recipients}${MESSAGE_LETTERS[outcome.message.kind]}${clean(outcome.message.text)}\n\0`);
}

/** One recipient's delivery, as qmail-rspawn combines it: s and h decide, r leaves it to the message's report. */
export function singleReport(outcome: RemoteOutcome): DeliveryReport {
  const [recipient] = outcome.recipients;
  if (recipient?.kind === "temporary") return { kind: "temporary", text: recipient.text };
  if (recipient?.kind === "permanent") return { kind: "permanent", text: recipient.text };
  return outcome.message;
}
