/**
 * The delivery protocol: queue daemon (client) to the local and remote daemons (servers) over their Unix sockets
 * (core/channel.ts); it takes the place of qmail-lspawn's and qmail-rspawn's pipes. Types and codec for both sides.
 *
 * Queue frames; the id is the delivery number:
 *   REQUEST payload: JSON of DeliveryRequest, NUL, then the message's bytes when `body` is "inline"
 *   (an inline message is at most 256 KB, so that a frame always holds it)
 * Daemon frames:
 *   HELLO   id: the greatest number of deliveries that it will run at once; sent first, once
 *   REPORT  payload: K, Z or D and text, as in the original [spec formats 2]; the slot is free again
 *   DURABLE payload: u32le delivery numbers whose K is now safe from a power cut (local syncs folders in batches);
 *           a remote daemon sends it together with the K
 * A lost connection makes every delivery in flight temporary (it is tried again; local delivery is idempotent).
 */

/** Frame types of the delivery protocol. */
export const DELIVERY = { hello: 1, request: 2, report: 3, durable: 4 } as const;

/** Where the bytes of the message are. */
export type DeliveryBody =
  | { readonly kind: "inline" }
  /** A file below queueBase; `sizeBytes` are to be read from `offsetBytes`. */
  | { readonly kind: "file"; readonly path: string; readonly offsetBytes: number };

/** One message for one recipient. */
export interface DeliveryRequest {
  /** The id of the log lines. */
  readonly messageId: string;
  /**
   * The same for every attempt at this message and recipient, also after a crash: letters, digits, `.` and `_`.
   * The Maildir file name is made of it, so a repeat finds the file and adds nothing.
   */
  readonly deliveryId: string;
  /** Arrival, milliseconds since 1970. */
  readonly arrivedMs: number;
  readonly sizeBytes: number;
  /** Envelope sender with VERP already expanded; latin1. */
  readonly sender: string;
  /** Rewritten recipient, for local with the virtual domain's prefix; latin1. */
  readonly recipient: string;
  /** The recipient as it was in the envelope. */
  readonly originalRecipient: string;
  /** For remote: the host after the last @. */
  readonly host: string;
  /** For remote: `host:port` to use whatever MX and smtproutes say. */
  readonly route?: string;
  readonly extraHeader: string;
  readonly environmentHeaders: string;
  readonly body: DeliveryBody;
}

/** How a delivery ended. */
export interface DeliveryReport {
  /** success, deferral, failure as the log says. */
  readonly kind: "done" | "temporary" | "permanent";
  readonly text: string;
}

const LETTERS = { done: "K", temporary: "Z", permanent: "D" } as const;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Most bytes of a report's text [spec formats 2, REPORTMAX]. */
export const REPORT_BYTES_MAX = 10_000;

/** The payload parts of a REQUEST. */
export function formatRequest(request: DeliveryRequest, inlineBody?: Uint8Array): Uint8Array[] {
  const head = encoder.encode(`${JSON.stringify(request)}\0`);
  return inlineBody ? [head, inlineBody] : [head];
}

/** A REQUEST's payload; the body is a view of it. */
export function parseRequest(payload: Uint8Array): { request: DeliveryRequest; inlineBody: Uint8Array } {
  const nul = payload.indexOf(0);
  if (nul < 0) throw new RangeError("delivery request without end of head");
  const request = JSON.parse(decoder.decode(payload.subarray(0, nul))) as DeliveryRequest;
  return { request, inlineBody: payload.subarray(nul + 1) };
}

/** The payload of a REPORT. */
export function formatReport(report: DeliveryReport): Uint8Array {
  return encoder.encode(LETTERS[report.kind] + report.text).subarray(0, REPORT_BYTES_MAX);
}

/** A REPORT's payload; a mangled one is temporary, as in the original. */
export function parseReport(payload: Uint8Array): DeliveryReport {
  const text = decoder.decode(payload.subarray(1));
  switch (payload[0]) {
    case 0x4b:
      return { kind: "done", text };
    case 0x44:
      return { kind: "permanent", text };
    case 0x5a:
      return { kind: "temporary", text };
    default:
      return { kind: "temporary", text: "report mangled, will defer" };
  }
}
