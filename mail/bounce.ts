/**
 * Bounces: the text kept for each failed recipient, who gets told, and the message that tells. The body opens with a
 * QSBMF paragraph, so that programs which know qmail's bounces understand it, and is a multipart/report, so that all
 * others do [spec formats 4, rfc3464, rfc6522]. Addresses are latin1; failure texts are Unicode; a message is bytes.
 */
import { concatBytes, isAscii, latin1Bytes, utf8Bytes } from "../core/bytes.ts";
import { formatDate } from "./date.ts";

/** Sender of a double bounce: what fails to be delivered for it is dropped. */
export const DOUBLE_BOUNCE_SENDER = "#@[]";

/** The control files that shape bounces. */
export interface BounceSettings {
  /** The program in the text: `qmail-send`. */
  readonly program: string;
  readonly bounceFrom: string;
  readonly bounceHost: string;
  readonly bounceSubject: string;
  /** Replaces the opening paragraph. */
  readonly bounceMessage?: string | undefined;
  readonly bounceBytesMax: number;
  readonly doubleBounceTo: string;
  readonly doubleBounceHost: string;
  readonly doubleBounceSubject: string;
  readonly doubleBounceMessage?: string | undefined;
}

/** What follows from a failed message, by its envelope sender. */
export type BouncePlan =
  | { readonly kind: "single" | "double"; readonly sender: string; readonly recipient: string }
  | { readonly kind: "discard"; readonly reason: "double bounce" | "triple bounce" };

/**
 * Who is told of failures of a message from `sender`: the sender; for a bounce doublebounceto, unless that begins with
 * `@` or is empty; for a double bounce nobody [man qmail-send.9].
 */
export function planBounce(sender: string, settings: BounceSettings): BouncePlan {
  if (sender === DOUBLE_BOUNCE_SENDER) return { kind: "discard", reason: "triple bounce" };
  if (sender === "") {
    if (settings.doubleBounceTo === "" || settings.doubleBounceTo.startsWith("@")) {
      return { kind: "discard", reason: "double bounce" };
    }
    const recipient = `${settings.doubleBounceTo}@${settings.doubleBounceHost}`;
    return { kind: "double", sender: DOUBLE_BOUNCE_SENDER, recipient };
  }
  return { kind: "single", sender: "", recipient: sender.endsWith("-@[]") ? sender.slice(0, -4) : sender };
}

const decoder = new TextDecoder();

/** A latin1 address as Unicode text in one line: its bytes are UTF-8 where they are not ASCII. */
function shown(address: string): string {
  const bytes = latin1Bytes(address);
  return (isAscii(bytes) ? address : decoder.decode(bytes)).replaceAll("\n", "_");
}

/** The text kept for one failed recipient: address, report, an empty line; no other line of it is empty. */
export function formatBounceFailure(recipient: string, report: string): string {
  return `${`<${shown(recipient)}>:\n${report.replace(/\n+$/, "")}\n`.replaceAll("\n\n", "\n/")}\n`;
}

/** One failure of a bounce text. */
interface Failure {
  readonly recipient: string;
  readonly report: string;
}

function parseFailures(text: string): Failure[] {
  const failures: Failure[] = [];
  for (const block of text.split("\n\n")) {
    const match = /^\n*<(.*)>:\n([\s\S]*)$/.exec(block);
    if (match) failures.push({ recipient: match[1]!, report: match[2]! });
  }
  return failures;
}

/** What a bounce message is made of. */
export interface Bounce {
  readonly plan: Exclude<BouncePlan, { kind: "discard" }>;
  readonly settings: BounceSettings;
  /** The queue's id of the message that failed. */
  readonly messageId: string;
  /** When that message arrived. */
  readonly arrivedMs: number;
  /** Texts of formatBounceFailure in a row. */
  readonly failures: string;
  /** Envelope sender of the message that failed. */
  readonly originalSender: string;
  /** Its first bytes, at least bounceBytesMax of them where it has as many. */
  readonly original: Uint8Array;
  /** All its bytes. */
  readonly originalSizeBytes: number;
  readonly atMs: number;
  readonly zoneMinutes: number;
}

/** The bounce message, LF-ended lines, without a Received line. */
export function formatBounce(bounce: Bounce): Uint8Array {
  const { settings, plan } = bounce;
  const failures = parseFailures(bounce.failures);
  const boundary = `${Math.floor(bounce.arrivedMs / 1000)}+${settings.bounceHost}+${bounce.messageId}`
    .replace(/[^\w.+-]/g, "_").slice(-70);
  const subject = plan.kind === "double" ? settings.doubleBounceSubject : settings.bounceSubject;
  const keptBytes = Math.min(bounce.original.length, settings.bounceBytesMax);
  const head = `Date: ${formatDate(bounce.atMs, bounce.zoneMinutes)}\n` +
    `Message-ID: <${Math.floor(bounce.atMs / 1000)}.${bounce.messageId.replace(/[^\w.-]/g, "_")}.bounce@` +
    `${settings.bounceHost}>\n` +
    (failures[0] ? `X-Bounced-Address: ${failures[0].recipient}\n` : "") +
    `From: ${settings.bounceFrom}@${settings.bounceHost}\n` +
    `To: ${shown(plan.recipient)}\n` +
    `Auto-Submitted: auto-replied\n` +
    `MIME-Version: 1.0\n` +
    `Content-Type: multipart/report; report-type=delivery-status; boundary="${boundary}"\n` +
    `Content-Transfer-Encoding: 8bit\n` +
    `Subject: ${subject}\n\n` +
    `--${boundary}\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n` +
    introduction(bounce) + bounce.failures +
    `--- Enclosed is a copy of the message.\n\n` +
    `--${boundary}\nContent-Type: message/delivery-status\n\n` +
    statusText(bounce, failures) +
    `--${boundary}\nContent-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\n` +
    `Return-Path: <${shown(bounce.originalSender)}>\n`;
  const stripped = bounce.originalSizeBytes > keptBytes ? "\n--- End of message stripped.\n" : "";
  const tail = `${stripped}\n--${boundary}--\n`;
  return concatBytes(utf8Bytes(head), bounce.original.subarray(0, keptBytes), utf8Bytes(tail));
}

/** The opening paragraph; its first words mark a QSBMF message. */
function introduction({ settings, plan }: Bounce): string {
  const own = plan.kind === "double" ? settings.doubleBounceMessage : settings.bounceMessage;
  if (own) return `${own.replace(/\n+$/, "")}\n\n`;
  const marker = `Hi. This is the ${settings.program} program at ${settings.bounceHost}.\n`;
  return plan.kind === "double"
    ? `${marker}A bounce could not be delivered to its recipient. The bounce is enclosed.\n\n`
    : `${marker}Your message could not be delivered to the addresses below.\n` +
      `This is final: it will not be tried again.\n\n`;
}

function statusText(bounce: Bounce, failures: readonly Failure[]): string {
  let text = `Reporting-MTA: dns; ${bounce.settings.bounceHost}\n` +
    `Arrival-Date: ${formatDate(bounce.arrivedMs, bounce.zoneMinutes)}\n\n`;
  for (const { recipient, report } of failures) {
    text += `Final-Recipient: rfc822; ${recipient}\nAction: failed\nStatus: ${enhancedStatus(report)}\n` +
      `Diagnostic-Code: x-qmail; ${report.replaceAll("\n", "\n  ")}\n\n`;
  }
  return text;
}

/** The enhanced status code in a report, made a permanent one: a temporary failure that lasted too long is final. */
function enhancedStatus(report: string): string {
  const match = /\(#[245](\.\d{1,3}\.\d{1,3})\)/.exec(report) ?? /\b[45](\.\d{1,3}\.\d{1,3})\b/.exec(report);
  return match ? `5${match[1]}` : "5.0.0";
}
