/**
 * Appends a message to an mbox, locked, and takes back what was written when it fails [man qmail-local.9, mbox.5].
 */
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { Temporary } from "../../core/errors.ts";
import type { Disk } from "../disk.ts";

/** How long another program may hold the lock. */
const LOCK_WAIT_MS = 30_000;

/** One message for an mbox. */
export interface MboxMessage {
  readonly disk: Disk;
  readonly path: string;
  /** `From sender date` LF. */
  readonly fromLine: string;
  /** Lines in front of the message, LF-ended. */
  readonly head: Uint8Array;
  /** The message, LF line ends. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Appends and syncs. Throws Temporary; the mbox then has its old size. */
export async function appendToMbox(message: MboxMessage): Promise<void> {
  const { disk, path } = message;
  using lock = await lockFile(path);
  const file = await disk.open(path, { append: true, create: true, mode: 0o600 });
  const { sizeBytes } = await file.stat();
  try {
    const quoter = new FromQuoter();
    await file.append(latin1Bytes(message.fromLine));
    await file.append(quoter.quote(message.head));
    for await (const chunk of message.body) await file.append(quoter.quote(chunk));
    await file.append(quoter.end());
    await file.sync({ metadata: true });
  } catch (error) {
    await file.truncate(sizeBytes).catch(() => undefined); // what failed before is what counts
    throw new Temporary(`cannot append to ${path}: ${(error as Error).message} (#4.3.0)`);
  } finally {
    file.close();
    lock.release();
  }
}

/** Holds flock(2) on the file, as the original does. */
async function lockFile(path: string): Promise<Disposable & { release(): void }> {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { append: true, create: true, mode: 0o600 });
  } catch (error) {
    throw new Temporary(`cannot open ${path}: ${(error as Error).message} (#4.2.1)`);
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"late">((resolve) => timer = setTimeout(() => resolve("late"), LOCK_WAIT_MS));
  const locking = file.lock(true).then(() => "locked" as const);
  const first = await Promise.race([locking, late]);
  clearTimeout(timer);
  if (first === "late") {
    locking.finally(() => file.close()).catch(() => undefined); // the file was only opened for its lock
    throw new Temporary(`${path} is locked by another program (#4.2.1)`);
  }
  let held = true;
  const release = () => {
    if (!held) return;
    held = false;
    file.unlockSync();
    file.close();
  };
  return { release, [Symbol.dispose]: release };
}

/** Puts `>` before lines that begin with `>*From `, across chunks. */
export class FromQuoter {
  /** True when the last byte given was a line end (or nothing was given). */
  atLineStart = true;
  /** A line's beginning that may yet become `>*From `. */
  #pending = "";

  /** The quoted form of these bytes; a little may be kept until the next call or `end`. */
  quote(bytes: Uint8Array): Uint8Array {
    const startsLine = this.atLineStart || this.#pending !== "";
    const text = (startsLine ? "\n" : "") + this.#pending + latin1Text(bytes);
    const lineAt = text.lastIndexOf("\n") + 1;
    const held = lineAt > 0 && /^>*(?:F(?:r(?:om?)?)?)?$/.test(text.slice(lineAt)) ? text.slice(lineAt) : "";
    this.#pending = held;
    this.atLineStart = text.endsWith("\n");
    const quoted = text.slice(0, text.length - held.length).replace(/\n(>*From )/g, "\n>$1");
    return latin1Bytes(startsLine ? quoted.slice(1) : quoted);
  }

  /** What was kept, and the blank line that ends a message. */
  end(): Uint8Array {
    return latin1Bytes(this.#pending + (this.atLineStart ? "\n" : "\n\n"));
  }
}
