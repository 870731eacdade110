/** Writes the info file of a message, the one that makes it a message of the layout: whole or not there [spec formats 1.6]. */
import { formatInfo } from "./layout.ts";
import type { HeldMessage } from "./message.ts";
import { pidPath, removeFile, type StoreParts, writeSynced } from "./parts.ts";

/** Synced, with the arrival as its modification time, and put in place by a rename; the name is not durable yet. */
export async function writeInfoFile(parts: StoreParts, message: HeldMessage, fileId: number): Promise<void> {
  const { disk, layout } = parts;
  const { sender, extraHeader, environmentHeaders, id, arrivedMs, submitter, localCount, remoteCount } = message;
  const originals = new Map<number, string>();
  for (const { number, original, address } of message.recipients) {
    if (original !== address) originals.set(number, original);
  }
  const origin = { id, arrivedMs, submitter, localCount, remoteCount };
  const info = formatInfo({ sender, extraHeader, environmentHeaders, origin, originals });
  const path = pidPath(parts);
  try {
    await writeSynced(disk, { path, folder: "info", modifiedMs: arrivedMs }, info);
    await disk.rename(path, layout.path("info", fileId));
  } catch (error) {
    await removeFile(disk, path).catch(() => undefined); // cleanup finds it in 36 hours
    throw error;
  }
}
