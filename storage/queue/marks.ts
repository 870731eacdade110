/**
 * The small changes in a written message's files: the D byte of a recipient that is done, in place, and text appended to
 * the bounce [spec formats 1.6].
 */
import { DONE_BYTE, QUEUE_FOLDERS } from "./layout.ts";
import type { HeldMessage, HeldRecipient } from "./message.ts";
import { fileExists, type StoreParts } from "./parts.ts";

const MARK = Uint8Array.of(DONE_BYTE);

/** Which recipients, and whether the marks must be durable when it resolves. */
export interface MarkOptions {
  readonly recipients: readonly HeldRecipient[];
  readonly sync: boolean;
}

/** Writes the D byte of recipients of a message whose files are there. */
export async function markRecipients(parts: StoreParts, message: HeldMessage, options: MarkOptions): Promise<void> {
  const { disk, layout } = parts;
  for (const channel of ["local", "remote"] as const) {
    const wanted = new Set(options.recipients.filter((recipient) => recipient.channel === channel));
    if (wanted.size === 0) continue;
    const file = await disk.open(layout.path(channel, message.messId!), { write: true });
    try {
      let at = 0;
      for (const recipient of message.ofChannel(channel)) {
        if (wanted.has(recipient)) await file.writeAt(MARK, at);
        at += recipient.address.length + 2; // letter and NUL
      }
      if (options.sync) await file.sync();
    } finally {
      file.close();
    }
    for (const recipient of wanted) recipient.marked = true;
  }
}

/** Appends to the bounce file, synced; makes it when it is missing. */
export async function appendBounceFile(parts: StoreParts, fileId: number, text: string): Promise<void> {
  const { disk, layout } = parts;
  const path = layout.path("bounce", fileId);
  const isNew = !(await fileExists(disk, path));
  const file = await disk.open(path, { append: true, create: true, mode: QUEUE_FOLDERS.bounce.fileMode });
  try {
    await file.append(new TextEncoder().encode(text));
    await file.sync({ metadata: true });
  } finally {
    file.close();
  }
  if (isNew) await disk.syncDirectory(layout.parent("bounce", fileId));
}
