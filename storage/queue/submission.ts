/**
 * The submission protocol: how smtpd, qmail-queue and bounces hand a message to the queue daemon, over its Unix socket
 * (`queueN.socket`), many messages at once on one connection (core/channel.ts). Types and codec for both sides.
 *
 * Client frames, with an id that the client chooses for each message and may use again after the answer:
 *   OPEN   payload: uid u32le, pid u32le of the submitter
 *   DATA   payload: the next bytes of the message (with its Received line already in front), at most SUBMISSION_CHUNK_BYTES
 *   COMMIT payload: the envelope, as qmail-queue reads it: F sender NUL, T recipient NUL …, NUL [spec formats 1.4],
 *          then optional records `e` (extra header) and `h` (environment headers) as in todo [spec formats 1.5]
 *   ENVELOPE payload: the beginning of an envelope too long for one COMMIT; any number of them before it
 *   ABORT  payload: empty; nothing is queued and nothing answered
 * Server frame, one for each COMMIT (or earlier, when it refuses: the client then sends nothing more for this id):
 *   ANSWER payload: qmail-queue exit code u8 [spec formats 1.7], then text (the message id when 0, else the reason)
 * Accepted (0) means durable: the server answers only after its fdatasync.
 */

import { FRAME_PAYLOAD_BYTES_MAX } from "../../core/channel.ts";
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";

/** Frame types of the submission protocol; those from 6 on are in status.ts. */
export const SUBMISSION = { open: 1, data: 2, commit: 3, abort: 4, answer: 5, envelope: 6 } as const;

/** Largest payload of a DATA frame. */
export const SUBMISSION_CHUNK_BYTES = 64 * 1024;

/** Largest envelope: about 500,000 recipients. */
export const ENVELOPE_BYTES_MAX = 16 * 1024 * 1024;

/** Longest address of an envelope [spec formats 1.4]. */
export const ENVELOPE_ADDRESS_BYTES_MAX = 1003;

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

/** What reading an envelope gave: the envelope, or the exit code of qmail-queue that refuses it. */
export type EnvelopeResult =
  | { readonly kind: "ok"; readonly envelope: Envelope }
  | { readonly kind: "refused"; readonly code: 11 | 79; readonly text: string };

/** The bytes of an envelope, as COMMIT carries them. Throws RangeError when an address or header has a NUL in it. */
export function formatEnvelope(envelope: Envelope): Uint8Array<ArrayBuffer> {
  let text = `F${envelope.sender}\0`;
  for (const recipient of envelope.recipients) text += `T${recipient}\0`;
  text += "\0";
  let records = envelope.recipients.length + 2;
  if (envelope.extraHeader) {
    text += `e${envelope.extraHeader}\0`;
    records++;
  }
  if (envelope.environmentHeaders) {
    text += `h${envelope.environmentHeaders}\0`;
    records++;
  }
  if (text.split("\0", records + 2).length !== records + 1) throw new RangeError("NUL byte in an envelope");
  return latin1Bytes(text);
}

/** Cuts an envelope's bytes into frames: all but the last are ENVELOPE, the last is COMMIT. */
export function splitEnvelope(bytes: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += FRAME_PAYLOAD_BYTES_MAX) {
    parts.push(bytes.subarray(at, at + FRAME_PAYLOAD_BYTES_MAX));
  }
  return parts;
}

/** Reads an envelope: F record, T records, an empty one, then `e` and `h` records [spec formats 1.4, 1.5]. */
export function parseEnvelope(bytes: Uint8Array): EnvelopeResult {
  const records = latin1Text(bytes).split("\0");
  const sender = records[0]!;
  if (!sender.startsWith("F")) return malformed("envelope does not begin with a sender");
  const recipients: string[] = [];
  let at = 1;
  for (; at < records.length && records[at] !== ""; at++) {
    const record = records[at]!;
    if (!record.startsWith("T")) return malformed("envelope has a record that is no recipient");
    if (record.length > ENVELOPE_ADDRESS_BYTES_MAX) return tooLong();
    recipients.push(record.slice(1));
  }
  if (at + 1 >= records.length) return malformed("envelope is not complete");
  if (sender.length > ENVELOPE_ADDRESS_BYTES_MAX) return tooLong();
  let extraHeader = "";
  let environmentHeaders = "";
  for (at++; at < records.length - 1; at++) {
    const record = records[at]!;
    if (record.startsWith("e")) extraHeader += record.slice(1);
    else if (record.startsWith("h")) environmentHeaders += record.slice(1);
    else return malformed("envelope has an unknown record");
  }
  const envelope: Envelope = {
    sender: sender.slice(1),
    recipients,
    ...(extraHeader && { extraHeader }),
    ...(environmentHeaders && { environmentHeaders }),
  };
  return { kind: "ok", envelope };
}

function malformed(text: string): EnvelopeResult {
  return { kind: "refused", code: 79, text };
}

function tooLong(): EnvelopeResult {
  return { kind: "refused", code: 11, text: `envelope address is longer than ${ENVELOPE_ADDRESS_BYTES_MAX} bytes` };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The payload of OPEN. */
export function formatSubmitter(submitter: Submitter): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, submitter.uid, true);
  view.setUint32(4, submitter.pid, true);
  return bytes;
}

/** Reads the payload of OPEN; undefined when it is too short. */
export function tryParseSubmitter(payload: Uint8Array): Submitter | undefined {
  if (payload.length < 8) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset);
  return { uid: view.getUint32(0, true), pid: view.getUint32(4, true) };
}

/** The payload of ANSWER. */
export function formatAnswer(result: SubmissionResult): Uint8Array<ArrayBuffer> {
  const bytes = encoder.encode(`\0${result.kind === "accepted" ? result.id : result.text}`);
  bytes[0] = result.kind === "accepted" ? 0 : result.code;
  return bytes;
}

/** Reads the payload of ANSWER; an empty one is a communication failure. */
export function parseAnswer(payload: Uint8Array): SubmissionResult {
  const code = payload[0] ?? 74;
  const text = decoder.decode(payload.subarray(1));
  return code === 0 ? { kind: "accepted", id: text } : { kind: "refused", code, text };
}
