/**
 * What is in the records of the journal: messages with their envelope, done marks with bounce text, the end of a message.
 * Pure codec; FORMAT.md beside this describes the bytes.
 */
import { latin1Bytes, latin1Text } from "../../../core/bytes.ts";
import type { Submitter } from "../submission.ts";
import type { QueueTarget } from "../store_types.ts";
import { SEQUENCE_MAX } from "./record.ts";

/** Bytes of a message record before the envelope. */
const MESSAGE_HEAD_BYTES = 48;
/** Bytes of a done record before the recipient numbers. */
const DONE_HEAD_BYTES = 12;

/** Which message of the journal. */
export interface JournalKey {
  readonly generation: number;
  readonly sequence: number;
}

/** The key as one exact number, for maps. */
export function keyNumber(key: JournalKey): number {
  return key.generation * (SEQUENCE_MAX + 1) + key.sequence;
}

/** Generations in ids count from here, so that an id is longer than any inode number that is an exact number. */
const ID_GENERATION_BASE = 100_000_000;

/** The message's id: 17 digits. */
export function formatJournalId(key: JournalKey): string {
  return `${ID_GENERATION_BASE + key.generation}${String(key.sequence).padStart(8, "0")}`;
}

/** A message as the journal keeps it. */
export interface JournalMessage {
  readonly arrivedMs: number;
  readonly submitter: Submitter;
  readonly sizeBytes: number;
  /** Set for a large message: its mess file. */
  readonly fileId: number | undefined;
  readonly sender: string;
  readonly extraHeader: string;
  readonly environmentHeaders: string;
  readonly targets: readonly QueueTarget[];
}

/** The payload of a message record without the body, which follows it in a record of kind `message`. */
export function formatMessage(message: JournalMessage): Uint8Array<ArrayBuffer> {
  const parts = [`F${message.sender}\0`];
  if (message.extraHeader) parts.push(`e${message.extraHeader}\0`);
  if (message.environmentHeaders) parts.push(`h${message.environmentHeaders}\0`);
  for (const { address, original, channel } of message.targets) {
    parts.push(`${channel === "local" ? "l" : "r"}${address}\0`);
    if (original !== address) parts.push(`o${original}\0`);
  }
  const envelope = latin1Bytes(parts.join(""));
  const bytes = new Uint8Array(MESSAGE_HEAD_BYTES + envelope.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, envelope.length, true);
  view.setUint32(4, message.targets.length, true);
  view.setFloat64(8, message.arrivedMs, true);
  view.setFloat64(16, message.sizeBytes, true);
  view.setFloat64(24, message.fileId ?? 0, true);
  view.setUint32(32, message.submitter.uid, true);
  view.setUint32(36, message.submitter.pid, true);
  bytes.set(envelope, MESSAGE_HEAD_BYTES);
  return bytes;
}

/** What replay needs of a message without reading its envelope. */
export interface JournalMessageHead {
  readonly recipientCount: number;
  readonly arrivedMs: number;
  readonly sizeBytes: number;
  readonly fileId: number | undefined;
  /** Offset of the body in the payload. */
  readonly bodyAt: number;
}

/** Reads the beginning of a message record's payload. */
export function parseMessageHead(payload: Uint8Array): JournalMessageHead {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  return {
    bodyAt: MESSAGE_HEAD_BYTES + view.getUint32(0, true),
    recipientCount: view.getUint32(4, true),
    arrivedMs: view.getFloat64(8, true),
    sizeBytes: view.getFloat64(16, true),
    fileId: view.getFloat64(24, true) || undefined,
  };
}

/** Reads the envelope of a message record's payload. */
export function parseMessage(payload: Uint8Array): JournalMessage {
  const head = parseMessageHead(payload);
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const submitter = { uid: view.getUint32(32, true), pid: view.getUint32(36, true) };
  const records = latin1Text(payload.subarray(MESSAGE_HEAD_BYTES, head.bodyAt)).split("\0");
  let sender = "";
  let extraHeader = "";
  let environmentHeaders = "";
  const targets: { address: string; original: string; channel: "local" | "remote" }[] = [];
  for (const record of records) {
    const rest = record.slice(1);
    if (record.startsWith("l")) targets.push({ address: rest, original: rest, channel: "local" });
    else if (record.startsWith("r")) targets.push({ address: rest, original: rest, channel: "remote" });
    else if (record.startsWith("o")) targets[targets.length - 1]!.original = rest;
    else if (record.startsWith("F")) sender = rest;
    else if (record.startsWith("e")) extraHeader = rest;
    else if (record.startsWith("h")) environmentHeaders = rest;
  }
  const { arrivedMs, sizeBytes, fileId } = head;
  return { arrivedMs, sizeBytes, fileId, submitter, sender, extraHeader, environmentHeaders, targets };
}

/** Recipients that are done, with what their failure adds to the bounce. */
export interface JournalDone extends JournalKey {
  readonly recipients: readonly number[];
  readonly bounceText: string;
}

/** The payload of a done record. */
export function formatDone(done: JournalDone): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(done.bounceText);
  const bytes = new Uint8Array(DONE_HEAD_BYTES + 4 * done.recipients.length + text.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, done.generation, true);
  view.setUint32(4, done.sequence, true);
  view.setUint32(8, done.recipients.length, true);
  done.recipients.forEach((recipient, at) => view.setUint32(DONE_HEAD_BYTES + 4 * at, recipient, true));
  bytes.set(text, DONE_HEAD_BYTES + 4 * done.recipients.length);
  return bytes;
}

/** Reads the payload of a done record. */
export function parseDone(payload: Uint8Array): JournalDone {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const count = view.getUint32(8, true);
  const recipients = Array.from({ length: count }, (_, at) => view.getUint32(DONE_HEAD_BYTES + 4 * at, true));
  const bounceText = new TextDecoder().decode(payload.subarray(DONE_HEAD_BYTES + 4 * count));
  return { ...parseKey(payload), recipients, bounceText };
}

/** The payload of a gone record: the journal's part in this message has ended. */
export function formatGone(key: JournalKey): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, key.generation, true);
  view.setUint32(4, key.sequence, true);
  return bytes;
}

/** Reads the message that a done or gone record is about. */
export function parseKey(payload: Uint8Array): JournalKey {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  return { generation: view.getUint32(0, true), sequence: view.getUint32(4, true) };
}
