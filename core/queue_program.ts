/**
 * Hands a message to qmail-queue, or to whatever QMAILQUEUE names, as a program: message on its descriptor 0, envelope on
 * 1, its own words (exit code 88) from 2 [man qmail-queue.8]. Exit codes mean what mail/queue_exits.ts says.
 */
import type { Proc } from "./applet.ts";
import { latin1Bytes, latin1Text } from "./bytes.ts";

/** Bytes of a program's own words that are kept. */
const WORDS_BYTES_MAX = 4096;
/** The code that says: it wrote why. */
const CUSTOM = 88;
/** What is reported when the program did not read everything, whatever it says. */
const WRITE_ERROR = 53;
const CRASHED = 123;

/** What is queued. Addresses are latin1. */
export interface QueuedMessage {
  readonly sender: string;
  readonly recipients: readonly string[];
  /** The message, LF-ended lines. What it throws keeps the program from accepting. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** How the program ended. */
export interface QueueProgramEnd {
  /** 0: it has the message. */
  readonly code: number;
  /** Its own words, with code 88. */
  readonly text: string;
  readonly pid: number;
}

/** The envelope for descriptor 1. Throws RangeError for an address with NUL, which would end it early. */
export function envelopeBytes(sender: string, recipients: readonly string[]): Uint8Array {
  for (const address of [sender, ...recipients]) if (address.includes("\0")) throw new RangeError("NUL in an address");
  return latin1Bytes(`F${sender}\0${recipients.map((recipient) => `T${recipient}\0`).join("")}\0`);
}

/** Runs the program. Throws Temporary when it cannot be started; the message is queued only when the code is 0. */
export async function queueByProgram(
  proc: Pick<Proc, "spawn">,
  message: QueuedMessage,
  options: { readonly program: string | undefined; readonly env: Readonly<Record<string, string>> },
): Promise<QueueProgramEnd> {
  const envelope = envelopeBytes(message.sender, message.recipients);
  const fds = { 0: "pipe-in", 1: "pipe-in", 2: "pipe-out" } as const;
  const child = await proc.spawn({ program: options.program || "qmail-queue", args: [], env: options.env, fds });
  const words = readWords(child.readers.get(2)!);
  let failure: { readonly error: unknown; readonly reading: boolean } | undefined;
  const body = child.writers.get(0)!;
  let reading = true;
  try {
    for await (const chunk of message.chunks()) {
      reading = false;
      await body.write(chunk);
      reading = true;
    }
    body.close();
    reading = false;
    await child.writers.get(1)!.write(envelope);
  } catch (error) {
    failure = { error, reading };
  } finally {
    if (failure?.reading) child.kill("SIGKILL"); // before its input ends: it must not take half a message for a whole one
    body.close();
    child.writers.get(1)!.close();
  }
  const { code, signal } = await child.ended;
  const text = await words;
  if (failure?.reading) throw failure.error;
  if (signal !== 0) return { code: CRASHED, text: "", pid: child.pid };
  if (failure && code === 0) return { code: WRITE_ERROR, text: "", pid: child.pid };
  return { code, text: code === CUSTOM ? text : "", pid: child.pid };
}

async function readWords(reader: { read(into: Uint8Array): Promise<number | null>; close(): void }): Promise<string> {
  const buffer = new Uint8Array(WORDS_BYTES_MAX);
  let text = "";
  for (let count = await reader.read(buffer); count !== null; count = await reader.read(buffer)) {
    if (text.length < WORDS_BYTES_MAX) text += latin1Text(buffer.subarray(0, count));
  }
  reader.close();
  return text;
}
