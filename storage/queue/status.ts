/**
 * Questions to a queue daemon, on its submission socket: what it holds, and which messages are only in its journal (so
 * that qmail-qread sees them). Codec for both sides, and the client.
 *
 * Client frames: STATUS (empty payload), LIST (empty payload); the id comes back in the answer.
 * Server frames:
 *   STATUS payload: JSON of QueueDaemonStatus
 *   ITEM   payload: JSON of an array of ListedMessage, any number of frames
 *   END    payload: empty; the list is complete
 */
import { connectChannel } from "../../core/channel.ts";
import { Temporary } from "../../core/errors.ts";
import type { QueuedMessage } from "./store_types.ts";

/** Frame types of these questions; below 16 is the submission protocol. */
export const QUEUE_STATUS = { status: 16, list: 17, item: 18, end: 19 } as const;

/** Characters of JSON above which an ITEM frame is complete. */
const ITEM_CHARS = 128 * 1024;

/** What a queue daemon holds. */
export interface QueueDaemonStatus {
  /** `queue1`. */
  readonly queue: string;
  readonly pid: number;
  /** Messages that are only in the journal, and their bytes. */
  readonly journalMessages: number;
  readonly journalBytes: number;
  /** Bytes of messages in memory. */
  readonly bufferedBytes: number;
  /** Messages worked on at the moment. */
  readonly activeMessages: number;
  readonly localInFlight: number;
  readonly localConcurrency: number;
  readonly remoteInFlight: number;
  readonly remoteConcurrency: number;
  /** Attempts in the schedule (of messages on disk), and those whose time has come. */
  readonly scheduled: number;
  readonly due: number;
}

/** A message as qmail-qread shows it. */
export interface ListedMessage {
  readonly id: string;
  readonly arrivedMs: number;
  readonly sizeBytes: number;
  readonly sender: string;
  readonly bounced: boolean;
  readonly recipients: readonly {
    readonly address: string;
    readonly channel: "local" | "remote";
    readonly done: boolean;
  }[];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The payload of STATUS. */
export function formatStatus(status: QueueDaemonStatus): Uint8Array<ArrayBuffer> {
  return encoder.encode(JSON.stringify(status));
}

/** Recipients shown of one message, so that an item always fits a frame. */
const SHOWN_RECIPIENTS_MAX = 250;

/** What is told of a queued message. */
export function listedMessage(message: QueuedMessage): ListedMessage {
  const { id, arrivedMs, sizeBytes, sender, bounced } = message;
  const recipients = message.recipients.slice(0, SHOWN_RECIPIENTS_MAX).map(({ address, channel, done }) => ({
    address,
    channel,
    done,
  }));
  return { id, arrivedMs, sizeBytes, sender, bounced, recipients };
}

/** The payloads of the ITEM frames for all messages. */
export function* formatItems(messages: Iterable<QueuedMessage>): Generator<Uint8Array<ArrayBuffer>> {
  let text = "";
  for (const message of messages) {
    text += `${text === "" ? "[" : ","}${JSON.stringify(listedMessage(message))}`;
    if (text.length < ITEM_CHARS) continue;
    yield encoder.encode(`${text}]`);
    text = "";
  }
  if (text !== "") yield encoder.encode(`${text}]`);
}

/** Asks the daemon on `path` what it holds. Throws Temporary when none answers. */
export async function askQueueStatus(path: string): Promise<QueueDaemonStatus> {
  let status: QueueDaemonStatus | undefined;
  await ask(path, QUEUE_STATUS.status, (type, payload) => {
    if (type === QUEUE_STATUS.status) status = JSON.parse(decoder.decode(payload)) as QueueDaemonStatus;
    return type === QUEUE_STATUS.status;
  });
  if (!status) throw new Temporary(`the queue daemon on ${path} ended without an answer`);
  return status;
}

/** Gives the messages that are only in the daemon's journal. Throws Temporary when none answers. */
export async function askJournalMessages(path: string, each: (message: ListedMessage) => void): Promise<void> {
  let complete = false;
  await ask(path, QUEUE_STATUS.list, (type, payload) => {
    if (type === QUEUE_STATUS.item) {
      for (const message of JSON.parse(decoder.decode(payload)) as ListedMessage[]) each(message);
    }
    return complete = type === QUEUE_STATUS.end;
  });
  if (!complete) throw new Temporary(`the queue daemon on ${path} ended its list too early`);
}

/** How long the daemon may take to answer. */
const ANSWER_TIMEOUT_MS = 10_000;

/** Sends one question and hands its frames to `take` until that gives true or the connection ends. */
async function ask(path: string, type: number, take: (type: number, payload: Uint8Array) => boolean): Promise<void> {
  const channel = await connectChannel(path);
  const timer = setTimeout(() => channel.close(), ANSWER_TIMEOUT_MS);
  try {
    channel.send(type, 1, new Uint8Array(0));
    await channel.receive((frame) => {
      if (take(frame.type, frame.payload)) channel.close();
    });
  } finally {
    clearTimeout(timer);
    channel.close();
  }
}
