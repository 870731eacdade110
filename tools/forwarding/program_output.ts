/**
 * Messages that a program writes: they are queued as they come, and only when the program has ended with 0 does
 * qmail-queue get to know that they are whole.
 */
import type { Proc } from "../../core/applet.ts";
import { Permanent } from "../../core/errors.ts";
import type { QueuedMessage } from "../../core/queue_program.ts";
import type { ByteReader } from "../../core/stream.ts";
import { endCode, type Started, throwIfTemporary } from "./child_program.ts";
import { COMMAND_EXIT } from "./command_exits.ts";
import { queueMail } from "./queue_mail.ts";

/** The program does not want its output to be sent: not an error. */
class NotWanted extends Permanent {}

const NOTHING: ByteReader = { read: () => Promise.resolve(null) };

/**
 * What the program writes on its standard output, as `edit` makes it. Throws at the end, and so keeps the message from
 * being queued, when the program has not ended with 0.
 */
export async function* programOutput(
  started: Started,
  edit: (output: ByteReader) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const output = "child" in started ? started.child.readers.get(1) : undefined;
  yield* edit(output ?? NOTHING);
  const code = await endCode(started);
  throwIfTemporary(code);
  if (code !== COMMAND_EXIT.done) throw new NotWanted("the program does not forward the message");
}

/** Queues a message made of programOutput; undefined when the program did not want that. Throws as queueMail. */
export async function queueUnlessRefused(
  proc: Pick<Proc, "env" | "paths" | "uid" | "spawn">,
  started: Started,
  message: QueuedMessage,
): Promise<number | undefined> {
  if (!("child" in started) && started.code !== COMMAND_EXIT.temporary) return undefined;
  try {
    return await queueMail(proc, message);
  } catch (error) {
    if (error instanceof NotWanted) return undefined;
    throw error;
  } finally {
    if ("child" in started) started.child.readers.get(1)?.close();
  }
}
