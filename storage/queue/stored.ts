/**
 * Messages that lie in qmail's layout: found at start, read for an attempt, removed when they are finished. Nothing of them
 * stays in memory between; a backlog costs only what its user keeps.
 */
import { errorText } from "../../core/errors.ts";
import { type ChannelRecord, parseChannel, tryParseFileId, tryParseInfo } from "./layout.ts";
import { HeldMessage } from "./message.ts";
import { fileExists, inParallel, removeFile, type StoreParts, tryReadFile } from "./parts.ts";
import type { QueueChannel, QueueTarget, StoredMessage } from "./store_types.ts";

/** Messages removed together: one sync of info folders for all of them. */
const REMOVE_BATCH_MAX = 1024;
/** Age above which what belongs to no message is removed [spec formats 1.3, OSSIFIED]. */
export const OSSIFIED_MS = 129_600_000;

/** The messages that have an info file and no todo entry, and that the journal has let go. */
export async function* scanStored(parts: StoreParts): AsyncGenerator<StoredMessage> {
  const { disk, layout, inUse } = parts;
  const todo = new Set<string>();
  for (const parent of layout.parents("todo")) for (const name of await disk.readDirectory(parent)) todo.add(name);
  for (let number = 0; number < layout.split; number++) {
    const names = await disk.readDirectory(layout.parent("info", number));
    if (names.length === 0) continue;
    const [local, remote] = await Promise.all([
      disk.readDirectory(layout.parent("local", number)),
      disk.readDirectory(layout.parent("remote", number)),
    ]);
    const locals = new Set(local);
    const remotes = new Set(remote);
    for (const name of names) {
      const fileId = tryParseFileId(name);
      if (fileId === undefined || fileId % layout.split !== number || inUse.has(fileId)) continue;
      if (todo.has(name)) continue;
      try {
        const { modifiedMs } = await disk.lstat(layout.path("info", fileId));
        yield { fileId, arrivedMs: Math.floor(modifiedMs), local: locals.has(name), remote: remotes.has(name) };
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error; // finished meanwhile
      }
    }
  }
}

/** Reads a message for an attempt; undefined when it has no info, or cannot be one. */
export async function loadStored(parts: StoreParts, fileId: number): Promise<HeldMessage | undefined> {
  const { disk, layout, log, inUse } = parts;
  if (inUse.has(fileId)) return undefined; // being written out: the journal has it still
  const bytes = await tryReadFile(disk, layout.path("info", fileId));
  if (!bytes) return undefined;
  const info = tryParseInfo(bytes);
  if (!info) {
    log.line(`warning: unable to read ${layout.path("info", fileId)}: no sender in it`);
    return undefined;
  }
  if (!(await fileExists(disk, layout.path("mess", fileId)))) {
    log.line(`warning: ${layout.path("info", fileId)} has no message: ${layout.path("mess", fileId)} is missing`);
    return undefined;
  }
  const { sizeBytes } = await disk.stat(layout.path("mess", fileId));
  const arrivedMs = info.origin?.arrivedMs ?? Math.floor((await disk.stat(layout.path("info", fileId))).modifiedMs);
  const local = info.origin?.localCount === 0 ? [] : await readChannel(parts, fileId, "local");
  const remote = info.origin?.remoteCount === 0 ? [] : await readChannel(parts, fileId, "remote");
  const localCount = info.origin?.localCount ?? local.length;
  const target = (channel: QueueChannel, first: number) => ({ address }: ChannelRecord, at: number): QueueTarget => {
    return { address, original: info.originals.get(first + at) ?? address, channel };
  };
  const message = new HeldMessage({
    id: info.origin?.id ?? String(fileId),
    arrivedMs,
    sizeBytes,
    sender: info.sender,
    extraHeader: info.extraHeader,
    environmentHeaders: info.environmentHeaders,
    submitter: info.origin?.submitter ?? { uid: 0, pid: 0 },
    targets: [...local.map(target("local", 0)), ...remote.map(target("remote", localCount))],
    counts: info.origin,
  });
  [...local, ...remote].forEach(({ done }, at) => {
    const recipient = message.recipients[at]!;
    recipient.done = recipient.marked = done;
  });
  message.messId = fileId;
  message.messReady = message.inFiles = true;
  message.bounceFile = await fileExists(disk, layout.path("bounce", fileId));
  return message;
}

async function readChannel(parts: StoreParts, fileId: number, channel: QueueChannel): Promise<ChannelRecord[]> {
  const bytes = await tryReadFile(parts.disk, parts.layout.path(channel, fileId));
  return bytes ? parseChannel(bytes) : [];
}

/** Removes the files of finished messages, in batches; never rejects. */
export class Remover {
  readonly #parts: StoreParts;
  #waiting: { fileId: number; resolve: () => void }[] = [];
  #running: Promise<void> | undefined;

  constructor(parts: StoreParts) {
    this.#parts = parts;
  }

  /** Resolves when the files are gone, or when what is left can only be found again by a scan. */
  remove(fileId: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ fileId, resolve });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing is being removed. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // what comes in the same turn joins the batch
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, REMOVE_BATCH_MAX);
      await this.#removeAll(batch.map(({ fileId }) => fileId));
      for (const { resolve } of batch) resolve();
    }
    this.#running = undefined;
  }

  /** local, remote, bounce, info; then, when it is durable that info is gone, mess [spec formats 1.3]. */
  async #removeAll(fileIds: readonly number[]): Promise<void> {
    const { disk, layout, inUse } = this.#parts;
    const parents = new Map<string, number[]>();
    const failures = await inParallel(fileIds, async (fileId) => {
      for (const folder of ["local", "remote", "bounce"] as const) await removeFile(disk, layout.path(folder, fileId));
      if (!(await removeFile(disk, layout.path("info", fileId)))) return;
      const parent = layout.parent("info", fileId);
      parents.set(parent, [...(parents.get(parent) ?? []), fileId]);
    });
    // A number is given again once its mess file is gone: an info that came back would then be another message's.
    for (const [parent, error] of await inParallel([...parents.keys()], (path) => disk.syncDirectory(path))) {
      for (const fileId of parents.get(parent) ?? []) failures.set(fileId, error);
    }
    const gone = fileIds.filter((fileId) => !failures.has(fileId));
    const left = await inParallel(gone, async (fileId) => {
      inUse.delete(fileId);
      await removeFile(disk, layout.path("mess", fileId));
    });
    for (const [fileId, error] of [...failures, ...left]) {
      this.#parts.log.line(`warning: unable to remove message ${fileId}: ${errorText(error)}; will try again later`);
    }
  }
}

/** Removes what belongs to no message and is older than OSSIFIED: in pid/, and mess with intd; the count of files. */
export async function cleanupStored(parts: StoreParts): Promise<number> {
  const { disk, layout, inUse } = parts;
  const before = parts.clock.nowMs() - OSSIFIED_MS;
  let removed = 0;
  const removeOld = async (path: string): Promise<void> => {
    try {
      if ((await disk.lstat(path)).modifiedMs > before) return;
      if (await removeFile(disk, path)) removed++;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  };
  for (const name of await disk.readDirectory(layout.folder("pid"))) await removeOld(`${layout.folder("pid")}/${name}`);
  // intd first: a new message with that number could not be made while it is there.
  for (const folder of ["intd", "mess"] as const) {
    for (const parent of layout.parents(folder)) {
      for (const name of await disk.readDirectory(parent)) {
        const fileId = tryParseFileId(name);
        if (fileId === undefined || inUse.has(fileId)) continue;
        if (await fileExists(disk, layout.path("info", fileId))) continue;
        if (await fileExists(disk, layout.path("todo", fileId))) continue;
        if (!inUse.has(fileId)) await removeOld(`${parent}/${name}`);
      }
    }
  }
  return removed;
}
