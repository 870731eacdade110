/**
 * Messages that qmail-queue left in todo/ because no daemon answered: read, then written into info, local and remote once
 * their recipients are rewritten [spec formats 1.3, 1.5]. A crash at any point leaves the todo entry, which is processed again.
 */
import { errorText, Temporary } from "../../core/errors.ts";
import { writeInfoFile } from "./info_file.ts";
import { formatChannel, tryParseFileId, tryParseTodo } from "./layout.ts";
import { HeldMessage, orderTargets } from "./message.ts";
import { removeFile, removeStale, type StoreParts, tryReadFile, writeSynced } from "./parts.ts";
import type { QueueTarget, TodoMessage } from "./store_types.ts";

/** The entries of todo/ that can be read; the others are logged and left. */
export async function* takeTodoEntries(parts: StoreParts): AsyncGenerator<TodoMessage> {
  const { disk, layout, log } = parts;
  for (const parent of layout.parents("todo")) {
    for (const name of await disk.readDirectory(parent)) {
      const fileId = tryParseFileId(name);
      if (fileId === undefined) continue;
      try {
        const bytes = await tryReadFile(disk, `${parent}/${name}`);
        if (!bytes) continue;
        const todo = tryParseTodo(bytes);
        if (!todo) throw new Error("no envelope in it");
        const { sizeBytes, modifiedMs } = await disk.stat(layout.path("mess", fileId));
        yield { fileId, sizeBytes, arrivedMs: Math.floor(modifiedMs), ...todo };
      } catch (error) {
        log.line(`warning: unable to read ${parent}/${name}: ${errorText(error)}; will try again later`);
      }
    }
  }
}

/** Writes info, local and remote of an entry and then removes it, each step durable before the next. */
export async function preprocessTodo(
  parts: StoreParts,
  todo: TodoMessage,
  targets: readonly QueueTarget[],
): Promise<HeldMessage> {
  const { fileId } = todo;
  const message = new HeldMessage({
    id: String(fileId),
    arrivedMs: todo.arrivedMs,
    sizeBytes: todo.sizeBytes,
    sender: todo.envelope.sender,
    extraHeader: todo.envelope.extraHeader ?? "",
    environmentHeaders: todo.envelope.environmentHeaders ?? "",
    submitter: todo.submitter,
    targets: orderTargets(targets),
  });
  try {
    await writeEnvelope(parts, message, fileId);
    await removeEntry(parts, fileId);
  } catch (error) {
    throw new Temporary(`unable to preprocess queue message ${fileId}: ${errorText(error)}`);
  }
  message.messId = fileId;
  message.messReady = message.inFiles = true;
  return message;
}

async function writeEnvelope(parts: StoreParts, message: HeldMessage, fileId: number): Promise<void> {
  const { disk, layout } = parts;
  await removeStale(parts, fileId); // also what an earlier try left
  for (const channel of ["local", "remote"] as const) {
    const recipients = message.ofChannel(channel);
    if (recipients.length === 0) continue;
    await writeSynced(disk, { path: layout.path(channel, fileId), folder: channel }, formatChannel(recipients));
    await disk.syncDirectory(layout.parent(channel, fileId));
  }
  await disk.syncDirectory(layout.parent("bounce", fileId));
  await writeInfoFile(parts, message, fileId);
  await disk.syncDirectory(layout.parent("info", fileId));
}

/** intd, then todo, which is what makes the entry; durable, or a power cut would have it delivered again. */
async function removeEntry(parts: StoreParts, fileId: number): Promise<void> {
  const { disk, layout } = parts;
  await removeFile(disk, layout.path("intd", fileId));
  await removeFile(disk, layout.path("todo", fileId));
  await disk.syncDirectory(layout.parent("todo", fileId));
}
