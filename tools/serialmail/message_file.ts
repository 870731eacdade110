/**
 * A file of a Maildir whose first two lines are its envelope, Return-Path and Delivered-To, as qmail-local writes them.
 * Text is latin1.
 */
import { latin1Text } from "../../core/bytes.ts";
import { parsePath } from "../../mail/smtp/path.ts";

/** Bytes within which the two lines must end. */
const ENVELOPE_BYTES_MAX = 16 * 1024;
const CHUNK_BYTES = 128 * 1024;

/** What the first two lines say. */
export interface FileEnvelope {
  readonly sender: string;
  readonly recipient: string;
  /** The two lines, with their ends. */
  readonly returnPathLine: string;
  readonly deliveredToLine: string;
  /** Where the message itself begins. */
  readonly bodyAt: number;
}

const ENVELOPE = /^(Return-Path: <([^\n\0]*)>\n)(Delivered-To: ([^\n\0]*)\n)/;

/** Reads the envelope of the beginning of a file; undefined when it has none. */
export function parseFileEnvelope(text: string): FileEnvelope | undefined {
  const [, returnPathLine, path, deliveredToLine, recipient] = ENVELOPE.exec(text) ?? [];
  if (returnPathLine === undefined || path === undefined || deliveredToLine === undefined) return undefined;
  const parsed = parsePath(`<${path}>`);
  const sender = "address" in parsed ? parsed.address : path;
  const bodyAt = returnPathLine.length + deliveredToLine.length;
  return { sender, recipient: recipient ?? "", returnPathLine, deliveredToLine, bodyAt };
}

/** An open message. */
export interface MessageFile {
  readonly envelope: FileEnvelope;
  /** Bytes of the message itself. */
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  /** The message itself; throws when the file is shorter now. Each chunk is valid until the next. */
  chunks(): AsyncGenerator<Uint8Array>;
  close(): void;
}

/** Opens a message; undefined when the file has no envelope. Throws Deno.errors. */
export function openMessage(path: string): MessageFile | undefined {
  const file = Deno.openSync(path);
  try {
    const head = new Uint8Array(ENVELOPE_BYTES_MAX);
    let used = 0;
    for (
      let count = file.readSync(head);
      count !== null && used + count < head.length;
      count = file.readSync(head.subarray(used))
    ) {
      used += count;
    }
    const envelope = parseFileEnvelope(latin1Text(head.subarray(0, used)));
    if (envelope) return messageOf(file, envelope);
  } catch (error) {
    file.close();
    throw error;
  }
  file.close();
  return undefined;
}

function messageOf(file: Deno.FsFile, envelope: FileEnvelope): MessageFile {
  const stat = file.statSync();
  const sizeBytes = stat.size - envelope.bodyAt;
  return {
    envelope,
    sizeBytes,
    modifiedMs: stat.mtime?.getTime() ?? 0,
    async *chunks() {
      await file.seek(envelope.bodyAt, Deno.SeekMode.Start);
      const buffer = new Uint8Array(CHUNK_BYTES);
      for (let left = sizeBytes; left > 0;) {
        const count = await file.read(buffer.subarray(0, Math.min(left, buffer.length)));
        if (count === null) throw new Error("the file is shorter than it was");
        left -= count;
        yield buffer.subarray(0, count);
      }
    },
    close: () => file.close(),
  };
}
