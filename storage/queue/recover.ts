/**
 * What a start does with the journal that it finds: each message in it that still needs something is written out in qmail's
 * layout, synced, before anything new is accepted [decision 0032]. A message whose writing out a crash caught after its
 * info file was made is recognised by the id in it, so that it is not there twice.
 */
import { errorText, Temporary } from "../../core/errors.ts";
import { type ReplayedRecord, replaySegment } from "./journal/replay.ts";
import {
  formatJournalId,
  type JournalKey,
  keyNumber,
  parseDone,
  parseKey,
  parseMessage,
  parseMessageHead,
} from "./journal/payload.ts";
import { RECORD_KIND } from "./journal/record.ts";
import type { Segment } from "./journal/segment.ts";
import { tryParseFileId, tryParseInfo } from "./layout.ts";
import { HeldMessage } from "./message.ts";
import { type StoreParts, tryReadFile } from "./parts.ts";
import { adoptFiles, WRITE_OUT_BATCH_MAX, writeOutBatch } from "./write_out.ts";

/** A message of the journal that is not known to have ended. */
interface Unfinished extends JournalKey {
  readonly segment: Segment;
  readonly payloadAt: number;
  readonly bodyAt: number;
  readonly recipientCount: number;
  readonly arrivedMs: number;
  readonly sizeBytes: number;
  readonly messId: number | undefined;
  readonly done: Set<number>;
  bounce: string;
}

/** Writes out what the segments hold; the count of messages. Throws Temporary when that cannot be done now. */
export async function recoverJournal(parts: StoreParts, segments: readonly Segment[]): Promise<number> {
  const unfinished = await readUnfinished(parts, segments);
  if (unfinished.length === 0) return 0;
  // The large ones are protected from the start: their mess files are not to be taken for leftovers.
  for (const entry of unfinished) if (entry.messId !== undefined && !isDone(entry)) parts.inUse.add(entry.messId);
  const written = await findWritten(parts, unfinished);
  const needed = unfinished.filter((entry) => !isDone(entry) || written.has(formatJournalId(entry)));
  for (let at = 0; at < needed.length; at += WRITE_OUT_BATCH_MAX) {
    await recoverBatch(parts, needed.slice(at, at + WRITE_OUT_BATCH_MAX), written);
  }
  if (needed.length > 0) parts.log.line(`info: ${needed.length} messages written out from the queue journal`);
  return needed.length;
}

async function readUnfinished(parts: StoreParts, segments: readonly Segment[]): Promise<Unfinished[]> {
  const newest = segments.findLast((segment) => segment.header)?.header;
  if (!newest || newest.closed) return [];
  const found = new Map<number, Unfinished>();
  for (const segment of segments) {
    if (!segment.header || segment.header.generation < newest.base) continue;
    const holes = await replaySegment(parts.disk, segment, (record) => noteRecord(found, record, segment));
    for (const { from, to, cutOff } of holes) {
      const what = cutOff ? "warning: unfinished group" : "alert: damage";
      parts.log.line(`${what} in queue journal ${segment.path} from ${from} to ${to}; skipped`);
    }
  }
  return [...found.values()];
}

function noteRecord(found: Map<number, Unfinished>, record: ReplayedRecord, segment: Segment): void {
  const { payload } = record;
  const { generation } = segment.header!;
  if (record.kind === RECORD_KIND.message || record.kind === RECORD_KIND.large) {
    const key = { generation, sequence: record.sequence };
    const { fileId: messId, ...head } = parseMessageHead(payload);
    const { payloadPosition: payloadAt } = record;
    found.set(keyNumber(key), { ...key, ...head, segment, payloadAt, messId, done: new Set(), bounce: "" });
    return;
  }
  const key = keyNumber(parseKey(payload));
  const message = found.get(key);
  if (!message) return;
  if (record.kind === RECORD_KIND.done) {
    const { recipients, bounceText } = parseDone(payload);
    for (const recipient of recipients) message.done.add(recipient);
    message.bounce += bounceText;
  }
  if (record.kind === RECORD_KIND.gone) found.delete(key);
}

/** Nothing to deliver and no bounce due: only files of an unfinished writing out can still need it. */
function isDone(entry: Unfinished): boolean {
  return entry.done.size >= entry.recipientCount && entry.bounce === "";
}

/** Which of them have an info file already: journal id to file id. Their info has the arrival as its time. */
async function findWritten(parts: StoreParts, unfinished: readonly Unfinished[]): Promise<Map<string, number>> {
  const { disk, layout } = parts;
  const times = new Set(unfinished.map(({ arrivedMs }) => Math.floor(arrivedMs / 1000)));
  const written = new Map<string, number>();
  for (const parent of layout.parents("info")) {
    for (const name of await disk.readDirectory(parent)) {
      const fileId = tryParseFileId(name);
      if (fileId === undefined) continue;
      const path = `${parent}/${name}`;
      if (!times.has(Math.floor((await disk.lstat(path)).modifiedMs / 1000))) continue;
      const origin = tryParseInfo(await tryReadFile(disk, path) ?? new Uint8Array(0))?.origin;
      if (origin) written.set(origin.id, fileId);
    }
  }
  return written;
}

async function recoverBatch(
  parts: StoreParts,
  batch: readonly Unfinished[],
  written: ReadonlyMap<string, number>,
): Promise<void> {
  const toWrite: HeldMessage[] = [];
  const bodies = new Map<HeldMessage, Unfinished>();
  for (const entry of batch) {
    const message = await readMessage(entry);
    const fileId = written.get(message.id);
    if (fileId !== undefined) {
      message.messId = fileId;
      message.messReady = true;
      await adoptFiles(parts, message);
    } else if (await isWhole(parts, message)) {
      bodies.set(message, entry);
      toWrite.push(message);
    }
  }
  const failed = await writeOutBatch(parts, toWrite, async (message) => {
    const { segment, payloadAt, bodyAt, sizeBytes } = bodies.get(message)!;
    return await segment.read(payloadAt + bodyAt, sizeBytes);
  });
  for (const error of failed.values()) {
    throw new Temporary(`cannot write out the queue journal in ${parts.layout.directory}: ${errorText(error)}`);
  }
}

async function readMessage(entry: Unfinished): Promise<HeldMessage> {
  const { fileId: _, ...init } = parseMessage(await entry.segment.read(entry.payloadAt, entry.bodyAt));
  const message = new HeldMessage({ ...init, id: formatJournalId(entry) });
  for (const number of entry.done) {
    const recipient = message.recipients[number];
    if (recipient) recipient.done = true;
  }
  message.bounce = entry.bounce;
  message.messId = entry.messId;
  message.messReady = entry.messId !== undefined;
  return message;
}

/** A large message must have the mess file that it was accepted with; a loss is reported, and there is nothing to deliver. */
async function isWhole(parts: StoreParts, message: HeldMessage): Promise<boolean> {
  if (message.messId === undefined) return true;
  const path = parts.layout.path("mess", message.messId);
  try {
    const { sizeBytes } = await parts.disk.stat(path);
    if (sizeBytes === message.sizeBytes) return true;
    parts.log.line(`alert: message ${message.id} is lost: ${path} has ${sizeBytes} of ${message.sizeBytes} bytes`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    parts.log.line(`alert: message ${message.id} is lost: ${path} is missing`);
  }
  parts.inUse.delete(message.messId);
  return false;
}
