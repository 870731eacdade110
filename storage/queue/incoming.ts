/**
 * A message on its way into the queue: in memory while it is small and memory has room, else straight into its mess file
 * [decision 0032]. How it is made durable in the end is the store's.
 */
import type { DiskFile } from "../disk.ts";
import type { BodyMemory } from "./body_memory.ts";
import { createMessFile, diskRefusal, removeFile, STORE_REFUSAL, type StoreParts } from "./parts.ts";
import { type CommitRequest, type Incoming, type QueuedMessage, QueueRefusal } from "./store_types.ts";

/** Largest message that goes into the journal as a whole [decision 0032]. */
export const INLINE_BYTES_MAX = 256 * 1024;
/** The first buffer of a message. */
const BUFFER_BYTES_MIN = 8 * 1024;

/** A message whose bytes are all here. */
export interface ReceivedMessage {
  readonly sizeBytes: number;
  /** Set for one in memory; `reservedBytes` are counted for it. */
  readonly bytes: Uint8Array | undefined;
  readonly reservedBytes: number;
  /** Set for one in a mess file, synced with its name. */
  readonly messId: number | undefined;
}

/** How an incoming message works with its store. */
export interface IncomingOptions {
  readonly parts: StoreParts;
  readonly memory: BodyMemory;
  /** Larger ones go to a mess file. */
  readonly inlineBytesMax: number;
  /** Makes it durable; takes over what the message holds, also when it throws. */
  readonly accept: (message: ReceivedMessage, request: CommitRequest) => Promise<QueuedMessage>;
}

/** See `Incoming`. */
export class IncomingMessage implements Incoming {
  readonly #options: IncomingOptions;
  #buffer: Uint8Array = new Uint8Array(0);
  #sizeBytes = 0;
  #file: DiskFile | undefined;
  #messId: number | undefined;
  #ended = false;

  constructor(options: IncomingOptions) {
    this.#options = options;
  }

  async write(bytes: Uint8Array, options: { readonly owned?: boolean } = {}): Promise<void> {
    this.#mustBeOpen();
    if (bytes.length === 0) return;
    const size = this.#sizeBytes + bytes.length;
    const adopted = options.owned && this.#buffer.length === 0 && !this.#file && this.#adopt(bytes);
    if (!adopted && !this.#file && size <= this.#options.inlineBytesMax && this.#grow(size)) {
      this.#buffer.set(bytes, this.#sizeBytes);
    } else if (!adopted) {
      try {
        const file = this.#file ?? await this.#spill();
        await file.append(bytes);
      } catch (error) {
        throw diskRefusal(error, "cannot write message");
      }
    }
    this.#sizeBytes = size;
  }

  async commit(request: CommitRequest): Promise<QueuedMessage> {
    this.#mustBeOpen();
    if (this.#file) await this.#syncFile(this.#file);
    this.#ended = true;
    const messId = this.#messId;
    const received: ReceivedMessage = {
      sizeBytes: this.#sizeBytes,
      bytes: messId === undefined ? this.#buffer.subarray(0, this.#sizeBytes) : undefined,
      reservedBytes: this.#buffer.length,
      messId,
    };
    this.#buffer = new Uint8Array(0);
    this.#messId = undefined;
    return await this.#options.accept(received, request);
  }

  abort(): void {
    this.#ended = true;
    this.#options.memory.release(this.#buffer.length);
    this.#buffer = new Uint8Array(0);
    this.#file?.close();
    this.#file = undefined;
    const messId = this.#messId;
    this.#messId = undefined;
    if (messId !== undefined) discardMess(this.#options.parts, messId);
  }

  #mustBeOpen(): void {
    if (this.#ended) throw new QueueRefusal(STORE_REFUSAL.bug, "message has ended already");
  }

  /** Takes a part as the buffer; false when it is too long or memory has no room. */
  #adopt(bytes: Uint8Array): boolean {
    if (bytes.length > this.#options.inlineBytesMax || !this.#options.memory.tryReserve(bytes.length)) return false;
    this.#buffer = bytes;
    return true;
  }

  /** Makes the buffer hold so many bytes; false when memory has no room. */
  #grow(sizeBytes: number): boolean {
    if (sizeBytes <= this.#buffer.length) return true;
    const wanted = Math.max(BUFFER_BYTES_MIN, 2 ** Math.ceil(Math.log2(sizeBytes)));
    const length = Math.max(sizeBytes, Math.min(wanted, this.#options.inlineBytesMax));
    if (!this.#options.memory.tryReserve(length - this.#buffer.length)) return false;
    const buffer = new Uint8Array(length);
    buffer.set(this.#buffer.subarray(0, this.#sizeBytes));
    this.#buffer = buffer;
    return true;
  }

  /** Moves what is in memory to a mess file. */
  async #spill(): Promise<DiskFile> {
    const { file, fileId } = await createMessFile(this.#options.parts);
    if (this.#ended) { // aborted meanwhile
      file.close();
      discardMess(this.#options.parts, fileId);
      throw new QueueRefusal(STORE_REFUSAL.bug, "message has ended already");
    }
    this.#file = file;
    this.#messId = fileId;
    if (this.#sizeBytes > 0) await file.append(this.#buffer.subarray(0, this.#sizeBytes));
    this.#options.memory.release(this.#buffer.length);
    this.#buffer = new Uint8Array(0);
    return file;
  }

  async #syncFile(file: DiskFile): Promise<void> {
    const { disk, layout } = this.#options.parts;
    try {
      await file.sync({ metadata: true });
      await disk.syncDirectory(layout.parent("mess", this.#messId!));
    } catch (error) {
      this.abort();
      throw diskRefusal(error, "cannot sync message");
    }
    file.close();
    this.#file = undefined;
  }
}

/** Removes a mess file that became no message; what cannot be removed is left to `cleanup`. */
export function discardMess(parts: StoreParts, fileId: number): void {
  parts.inUse.delete(fileId);
  removeFile(parts.disk, parts.layout.path("mess", fileId)).catch((error: unknown) => {
    parts.log.line(`warning: unable to remove mess file ${fileId}: ${String(error)}`);
  });
}
