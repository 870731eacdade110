/**
 * qmail's queue layout: where the files of a message are and what is in them [spec formats 1.1, 1.3, 1.5, 1.6]. Pure paths
 * and codecs; addresses are latin1 text. info has two records more than the original's, `i` and `o`, which every qmail
 * passes over: what our delivery ids and original recipients are made of.
 */
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import type { Envelope, Submitter } from "./submission.ts";

/** Compiled split of the original [spec formats 1.1]. */
export const QUEUE_SPLIT = 151;

/** The folders that hang below one queue directory. */
export type QueueFolder = "pid" | "mess" | "intd" | "todo" | "info" | "local" | "remote" | "bounce" | "lock";

/** Owner account, mode of the folder and of its files [spec formats 1.1]. */
export const QUEUE_FOLDERS: Readonly<
  Record<QueueFolder, { readonly owner: "qmailq" | "qmails"; readonly mode: number; readonly fileMode: number }>
> = {
  pid: { owner: "qmailq", mode: 0o700, fileMode: 0o644 },
  mess: { owner: "qmailq", mode: 0o750, fileMode: 0o644 },
  intd: { owner: "qmailq", mode: 0o700, fileMode: 0o644 },
  todo: { owner: "qmailq", mode: 0o750, fileMode: 0o644 },
  info: { owner: "qmails", mode: 0o700, fileMode: 0o600 },
  local: { owner: "qmails", mode: 0o700, fileMode: 0o600 },
  remote: { owner: "qmails", mode: 0o700, fileMode: 0o600 },
  bounce: { owner: "qmails", mode: 0o700, fileMode: 0o600 },
  lock: { owner: "qmailq", mode: 0o750, fileMode: 0o600 },
};

/** Paths of one queue directory. */
export class QueueLayout {
  readonly directory: string;
  readonly split: number;
  readonly bigTodo: boolean;

  constructor(directory: string, options: { readonly split?: number; readonly bigTodo?: boolean } = {}) {
    this.directory = directory;
    this.split = options.split ?? QUEUE_SPLIT;
    this.bigTodo = options.bigTodo ?? true;
  }

  /** True when the folder has numbered folders below. */
  isSplit(folder: QueueFolder): boolean {
    if (folder === "intd" || folder === "todo") return this.bigTodo;
    return folder === "mess" || folder === "info" || folder === "local" || folder === "remote";
  }

  /** A folder itself. */
  folder(folder: QueueFolder): string {
    return `${this.directory}/${folder}`;
  }

  /** The folder that holds a message's file of that kind. */
  parent(folder: QueueFolder, fileId: number): string {
    return this.isSplit(folder) ? `${this.directory}/${folder}/${fileId % this.split}` : `${this.directory}/${folder}`;
  }

  /** A message's file of that kind. */
  path(folder: QueueFolder, fileId: number): string {
    return `${this.parent(folder, fileId)}/${fileId}`;
  }

  /** All folders that hold files of that kind. */
  parents(folder: QueueFolder): string[] {
    if (!this.isSplit(folder)) return [this.folder(folder)];
    return Array.from({ length: this.split }, (_, number) => `${this.directory}/${folder}/${number}`);
  }
}

/** The number that a queue file's name is; undefined for any other name. */
export function tryParseFileId(name: string): number | undefined {
  if (!/^[1-9][0-9]{0,15}$/.test(name)) return undefined;
  const fileId = Number(name);
  return Number.isSafeInteger(fileId) ? fileId : undefined;
}

/** What info tells beside the original's records. */
export interface InfoRecords {
  readonly sender: string;
  readonly extraHeader: string;
  readonly environmentHeaders: string;
  /** Ours (`i`): id, arrival and submitter; undefined in a file of another qmail. */
  readonly origin: InfoOrigin | undefined;
  /** Ours (`o`): original recipients that differ from the rewritten ones, by recipient number. */
  readonly originals: ReadonlyMap<number, string>;
}

/** The `i` record of info. */
export interface InfoOrigin {
  readonly id: string;
  readonly arrivedMs: number;
  readonly submitter: Submitter;
  /**
   * Local recipients the message had: numbers of remote ones begin here, also when the local file is gone. With none, a
   * local file is not this message's.
   */
  readonly localCount: number;
  /** Remote ones: with none, a remote file is not this message's, and a power cut brought it back. */
  readonly remoteCount: number;
}

/** The bytes of an info file. The F record is first: the original reads no further [spec formats 1.6]. */
export function formatInfo(info: InfoRecords): Uint8Array<ArrayBuffer> {
  let text = `F${info.sender}\0`;
  if (info.extraHeader) text += `e${info.extraHeader}\0`;
  if (info.environmentHeaders) text += `h${info.environmentHeaders}\0`;
  if (info.origin) {
    const { id, arrivedMs, submitter, localCount, remoteCount } = info.origin;
    text += `i${id} ${arrivedMs} ${submitter.uid} ${submitter.pid} ${localCount} ${remoteCount}\0`;
  }
  for (const [number, original] of info.originals) text += `o${number} ${original}\0`;
  return latin1Bytes(text);
}

/** Reads an info file; undefined when it does not begin with a whole sender record. */
export function tryParseInfo(bytes: Uint8Array): InfoRecords | undefined {
  const records = splitRecords(bytes);
  if (!records[0]?.startsWith("F")) return undefined;
  let extraHeader = "";
  let environmentHeaders = "";
  let origin: InfoOrigin | undefined;
  const originals = new Map<number, string>();
  for (const record of records.slice(1)) {
    const rest = record.slice(1);
    if (record.startsWith("e")) extraHeader = rest;
    else if (record.startsWith("h")) environmentHeaders = rest;
    else if (record.startsWith("i")) origin = tryParseOrigin(rest) ?? origin;
    else if (record.startsWith("o")) {
      const space = rest.indexOf(" ");
      if (space > 0) originals.set(Number(rest.slice(0, space)), rest.slice(space + 1));
    }
  }
  return { sender: records[0].slice(1), extraHeader, environmentHeaders, origin, originals };
}

function tryParseOrigin(text: string): InfoOrigin | undefined {
  if (!/^[0-9]+( [0-9]+){5}$/.test(text)) return undefined;
  const [id = "", ...rest] = text.split(" ");
  const [arrivedMs = 0, uid = 0, pid = 0, localCount = 0, remoteCount = 0] = rest.map(Number);
  return { id, arrivedMs, submitter: { uid, pid }, localCount, remoteCount };
}

/** A record of local or remote. */
export interface ChannelRecord {
  readonly address: string;
  readonly done: boolean;
}

/** The bytes of a local or remote file [spec formats 1.6]. */
export function formatChannel(records: readonly ChannelRecord[]): Uint8Array<ArrayBuffer> {
  let text = "";
  for (const { address, done } of records) text += `${done ? "D" : "T"}${address}\0`;
  return latin1Bytes(text);
}

/** Reads a local or remote file; a record without its end is left out, as the original does. */
export function parseChannel(bytes: Uint8Array): ChannelRecord[] {
  return splitRecords(bytes).map((record) => ({ address: record.slice(1), done: !record.startsWith("T") }));
}

/** The byte that marks a recipient done in place. */
export const DONE_BYTE = 0x44;

/** The bytes of a todo or intd file [spec formats 1.5]. */
export function formatTodo(envelope: Envelope, submitter: Submitter): Uint8Array<ArrayBuffer> {
  let text = `u${submitter.uid}\0p${submitter.pid}\0`;
  if (envelope.extraHeader) text += `e${envelope.extraHeader}\0`;
  if (envelope.environmentHeaders) text += `h${envelope.environmentHeaders}\0`;
  text += `F${envelope.sender}\0`;
  const parts = [text];
  for (const recipient of envelope.recipients) parts.push(`T${recipient}\0`);
  return latin1Bytes(parts.join(""));
}

/** Reads a todo file; undefined when it is cut short, has no sender, or has a record of no known kind. */
export function tryParseTodo(bytes: Uint8Array): { envelope: Envelope; submitter: Submitter } | undefined {
  if (bytes.length === 0 || bytes[bytes.length - 1] !== 0) return undefined;
  let sender: string | undefined;
  const recipients: string[] = [];
  let extraHeader = "";
  let environmentHeaders = "";
  let uid = 0;
  let pid = 0;
  for (const record of splitRecords(bytes)) {
    const rest = record.slice(1);
    switch (record[0]) {
      case "u":
        uid = Number.parseInt(rest, 10) || 0;
        break;
      case "p":
        pid = Number.parseInt(rest, 10) || 0;
        break;
      case "F":
        sender = rest;
        break;
      case "T":
        recipients.push(rest);
        break;
      case "e":
        extraHeader += rest;
        break;
      case "h":
        environmentHeaders += rest;
        break;
      default:
        return undefined;
    }
  }
  if (sender === undefined) return undefined;
  const envelope = {
    sender,
    recipients,
    ...(extraHeader && { extraHeader }),
    ...(environmentHeaders && { environmentHeaders }),
  };
  return { envelope, submitter: { uid, pid } };
}

/** NUL-ended records; what follows the last NUL is left out. */
function splitRecords(bytes: Uint8Array): string[] {
  const end = bytes.lastIndexOf(0);
  return end < 0 ? [] : latin1Text(bytes.subarray(0, end)).split("\0");
}
