/**
 * qmail-queue without a daemon: a message goes through pid/, mess/ and intd/ into todo/, exactly as the original writes
 * them, synced with the folders that name them; then lock/trigger is pulled [spec formats 1.1, 1.3].
 */
import { errorText } from "../../core/errors.ts";
import type { Logger } from "../../core/log.ts";
import type { Disk, DiskFile } from "../disk.ts";
import { formatTodo, QUEUE_FOLDERS, QueueLayout } from "./layout.ts";
import { isDiskFull, pidPath, removeFile, type StoreParts } from "./parts.ts";
import type { Envelope, Submission, SubmissionClient, SubmissionResult, Submitter } from "./submission.ts";

/** qmail-queue's exit code for the step that failed [spec formats 1.7]. */
const STEP_CODE = {
  pid: 70,
  linkMess: 67,
  unlinkPid: 83,
  write: 53,
  sync: 64,
  intd: 65,
  linkTodo: 66,
  syncFolder: 69,
  envelope: 79,
} as const;

type Step = keyof typeof STEP_CODE;

/** What a submission into the files needs. */
export interface QueueFileSubmissionOptions {
  readonly disk: Disk;
  /** The folder of one queue, made before by a daemon or `queue-fix`. */
  readonly directory: string;
  readonly split?: number;
  readonly bigTodo?: boolean;
  readonly pid: number;
  readonly clock: { nowMs(): number };
  readonly log: Logger;
}

/** A client that writes todo entries; nothing of it fails by throwing but `write`. */
export function queueFileSubmission(options: QueueFileSubmissionOptions): SubmissionClient {
  const layout = new QueueLayout(options.directory, options);
  const parts: StoreParts = { ...options, layout, inUse: new Set() };
  return {
    open: (submitter) => Promise.resolve(new FileSubmission(parts, submitter)),
    close: () => undefined,
  };
}

class StepFailed extends Error {
  readonly code: number;

  constructor(step: Step, cause: unknown) {
    super(`${step}: ${errorText(cause)}`, { cause });
    this.code = isDiskFull(cause) ? STEP_CODE.write : STEP_CODE[step];
  }
}

class FileSubmission implements Submission {
  readonly #parts: StoreParts;
  readonly #submitter: Submitter;
  #file: DiskFile | undefined;
  #fileId: number | undefined;
  #failure: StepFailed | undefined;
  /** The todo entry exists: from here on the message may be delivered, whatever is answered, and nothing is removed. */
  #linked = false;

  constructor(parts: StoreParts, submitter: Submitter) {
    this.#parts = parts;
    this.#submitter = submitter;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#failure) return; // told by commit
    await this.#attempt(async () => {
      const file = this.#file ?? await this.#create();
      await step("write", () => file.append(bytes));
    });
  }

  async commit(envelope: Envelope): Promise<SubmissionResult> {
    await this.#attempt(async () => {
      if (this.#failure) return;
      const file = this.#file ?? await this.#create();
      await this.#enqueue(file, envelope);
    });
    if (this.#failure) {
      this.abort();
      return { kind: "refused", code: this.#failure.code, text: `cannot write to the queue: ${this.#failure.message}` };
    }
    this.#file?.close();
    this.#file = undefined;
    await pullTrigger(this.#parts);
    return { kind: "accepted", id: String(this.#fileId) };
  }

  abort(): void {
    this.#file?.close();
    this.#file = undefined;
    const fileId = this.#fileId;
    this.#fileId = undefined;
    if (fileId === undefined || this.#linked) return;
    const { disk, layout, log } = this.#parts;
    const remove = async () => {
      await removeFile(disk, layout.path("intd", fileId));
      await removeFile(disk, layout.path("mess", fileId));
    };
    remove().catch((error: unknown) => log.line(`warning: unable to remove message ${fileId}: ${errorText(error)}`));
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#failure = error instanceof StepFailed ? error : new StepFailed("write", error);
    }
  }

  async #create(): Promise<DiskFile> {
    const { disk, layout } = this.#parts;
    const path = pidPath(this.#parts);
    const options = { write: true, createNew: true, mode: QUEUE_FOLDERS.mess.fileMode };
    const file = await step("pid", () => disk.open(path, options));
    try {
      const fileId = await step("pid", async () => (await file.stat()).inode);
      await step("linkMess", () => disk.link(path, layout.path("mess", fileId)));
      this.#fileId = fileId;
      await step("unlinkPid", () => disk.unlink(path));
    } catch (error) {
      file.close();
      await disk.unlink(path).catch(() => undefined); // the daemon's cleanup finds it in 36 hours
      throw error;
    }
    return this.#file = file;
  }

  async #enqueue(file: DiskFile, envelope: Envelope): Promise<void> {
    const { disk, layout } = this.#parts;
    const fileId = this.#fileId!;
    const { sender, recipients, extraHeader = "", environmentHeaders = "" } = envelope;
    if ([sender, extraHeader, environmentHeaders, ...recipients].some((text) => text.includes("\0"))) {
      throw new StepFailed("envelope", new Error("NUL byte in the envelope"));
    }
    await step("sync", () => file.sync({ metadata: true }));
    await step("syncFolder", () => disk.syncDirectory(layout.parent("mess", fileId)));
    const intd = layout.path("intd", fileId);
    await step("intd", async () => {
      const opened = await disk.open(intd, { write: true, createNew: true, mode: QUEUE_FOLDERS.intd.fileMode });
      try {
        await opened.append(formatTodo(envelope, this.#submitter));
        await opened.sync({ metadata: true });
      } finally {
        opened.close();
      }
    });
    await step("linkTodo", () => disk.link(intd, layout.path("todo", fileId)));
    this.#linked = true;
    await step("syncFolder", () => disk.syncDirectory(layout.parent("todo", fileId)));
  }
}

async function step<T>(name: Step, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new StepFailed(name, error);
  }
}

/** Wakes the daemon, if one listens: one NUL byte into lock/trigger. Opened for reading too, which never blocks. */
async function pullTrigger(parts: StoreParts): Promise<void> {
  try {
    const trigger = await parts.disk.open(`${parts.layout.folder("lock")}/trigger`, { read: true, write: true });
    try {
      await trigger.append(new Uint8Array(1));
    } finally {
      trigger.close();
    }
  } catch {
    return; // no daemon: its next start finds the entry
  }
}
