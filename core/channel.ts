/**
 * Framed messages over a Unix socket between our own daemons: many requests in flight on one connection, one write a
 * tick. A frame is u32le payload length, u8 type, u32le id, payload. The meaning of types is the protocol's
 * (storage/queue/submission.ts, storage/queue/delivery_channel.ts, storage/accounts/lookup_protocol.ts).
 */
import { Temporary } from "./errors.ts";

/** One frame. `payload` is a view that is valid only until the handler returns; copy what is kept. */
export interface Frame {
  readonly type: number;
  readonly id: number;
  readonly payload: Uint8Array;
}

/** Largest payload of a frame; a longer one ends the connection. */
export const FRAME_PAYLOAD_BYTES_MAX = 1024 * 1024;
const HEADER_BYTES = 9;
const READ_BUFFER_BYTES = 256 * 1024;
/** Bytes waiting to be written above which `drained` makes a sender wait. */
const WRITE_HIGH_WATER_BYTES = 256 * 1024;
/** The first buffer for frames to be written. */
const WRITE_BUFFER_BYTES_MIN = 4 * 1024;
/** A buffer that has grown beyond this is not kept. */
const WRITE_BUFFER_KEPT_BYTES = 512 * 1024;
const NOTHING = new Uint8Array(0);

/** What a channel needs of a socket. */
export interface FrameSocket {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  /** Tells the peer that nothing more comes. Deno's close alone does not while a read is pending. */
  closeWrite?(): Promise<void>;
  close(): void;
}

/** Frames both ways over one socket. */
export class FrameChannel {
  readonly #socket: FrameSocket;
  #output: Uint8Array<ArrayBuffer> = NOTHING;
  #spare: Uint8Array<ArrayBuffer> = NOTHING;
  /** Bytes of frames in `#output`. */
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;
  #closed = false;
  #wakeReader: (() => void) | undefined;

  constructor(socket: FrameSocket) {
    this.#socket = socket;
  }

  /** True after close or a broken connection. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Sends a frame whose payload is `parts` in a row; they are copied. What one tick sends leaves in one write. */
  send(type: number, id: number, ...parts: Uint8Array[]): void {
    this.put(type, id, ...parts);
    if (!this.#closed) this.#writing ??= this.#drain();
  }

  /** Like `send`, but leaves with the next frame that is sent: for frames that mean nothing without it. */
  put(type: number, id: number, ...parts: Uint8Array[]): void {
    if (this.#closed) return;
    let length = 0;
    for (const part of parts) length += part.length;
    if (length > FRAME_PAYLOAD_BYTES_MAX) throw new RangeError(`frame of ${length} bytes`);
    let at = this.#waitingBytes;
    this.#waitingBytes += HEADER_BYTES + length;
    if (this.#waitingBytes > this.#output.length) this.#output = grown(this.#output, this.#waitingBytes, at);
    const output = this.#output;
    writeU32(output, at, length);
    output[at + 4] = type;
    writeU32(output, at + 5, id);
    at += HEADER_BYTES;
    for (const part of parts) {
      output.set(part, at);
      at += part.length;
    }
    if (this.#waitingBytes > WRITE_HIGH_WATER_BYTES) this.#writing ??= this.#drain();
  }

  /** Resolves at once unless much is waiting to be written: then when it is written. */
  async drained(): Promise<void> {
    while (this.#waitingBytes > WRITE_HIGH_WATER_BYTES && this.#writing) await this.#writing;
  }

  /** Resolves when all frames sent so far are written (or the connection is gone). */
  async flushed(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  /** Writes from one buffer while the other takes new frames. */
  async #drain(): Promise<void> {
    await Promise.resolve();
    try {
      while (this.#waitingBytes > 0) {
        const output = this.#output;
        const bytes = output.subarray(0, this.#waitingBytes);
        this.#output = this.#spare;
        this.#spare = NOTHING;
        this.#waitingBytes = 0;
        for (let at = 0; at < bytes.length;) at += await this.#socket.write(at === 0 ? bytes : bytes.subarray(at));
        if (output.length <= WRITE_BUFFER_KEPT_BYTES) this.#spare = output;
      }
    } catch {
      this.close(); // the reader's loop ends as well and tells the owner
    }
    this.#writing = undefined;
  }

  /** Calls `handle` for each frame until the connection ends; never throws for a lost peer. */
  async receive(handle: (frame: Frame) => void | Promise<void>): Promise<void> {
    let buffer = new Uint8Array(READ_BUFFER_BYTES);
    let start = 0;
    let end = 0;
    while (!this.#closed) {
      while (end - start >= HEADER_BYTES) {
        const view = new DataView(buffer.buffer, start);
        const length = view.getUint32(0, true);
        if (length > FRAME_PAYLOAD_BYTES_MAX) return this.close();
        const total = HEADER_BYTES + length;
        if (end - start < total) {
          if (total > buffer.length) buffer = grown(buffer, total);
          break;
        }
        const payload = buffer.subarray(start + HEADER_BYTES, start + total);
        const handled = handle({ type: view.getUint8(4), id: view.getUint32(5, true), payload });
        if (handled) await handled;
        start += total;
      }
      if (start === end) start = end = 0;
      else if (start > 0 && buffer.length - end < buffer.length / 2) {
        buffer.copyWithin(0, start, end);
        end -= start;
        start = 0;
      }
      const count = await this.#read(buffer.subarray(end));
      if (count === null) return this.close();
      end += count;
    }
  }

  /** One read, which `close` ends as well: a pending read of Deno's outlives the close of its socket. */
  #read(into: Uint8Array): Promise<number | null> {
    return new Promise((resolve) => {
      this.#wakeReader = () => resolve(null);
      this.#socket.read(into).then(resolve, () => resolve(null));
    });
  }

  /** Closes the connection; frames not yet written are lost. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#output = this.#spare = NOTHING;
    this.#waitingBytes = 0;
    this.#wakeReader?.();
    this.#socket.closeWrite?.().catch(() => {}); // the peer may be gone already
    try {
      this.#socket.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }
}

/** A larger buffer with the first `keptBytes` of this one. */
function grown(buffer: Uint8Array, bytes: number, keptBytes = buffer.length): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.max(bytes, buffer.length * 2, WRITE_BUFFER_BYTES_MIN));
  larger.set(keptBytes < buffer.length ? buffer.subarray(0, keptBytes) : buffer);
  return larger;
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/** Connects to a daemon's Unix socket; throws Temporary naming the path when nothing answers there. */
export async function connectChannel(path: string): Promise<FrameChannel> {
  try {
    return new FrameChannel(await Deno.connect({ transport: "unix", path }));
  } catch (error) {
    throw new Temporary(`nothing answers on ${path}: is the server running? (${(error as Error).message})`);
  }
}

/** A daemon's listening socket. */
export interface ChannelListener {
  /** Stops listening and removes the socket; open channels stay. */
  close(): void;
}

/** Pause after an accept that failed for want of descriptors, milliseconds. */
const ACCEPT_PAUSE_MS = 50;

/**
 * Listens on a Unix socket and calls `serve` for each connection. A stale socket file of a killed daemon is removed
 * first: whoever calls this holds the lock that says it is the only one. Throws Temporary naming the path.
 */
export function listenChannels(
  path: string,
  options: { readonly mode: number },
  serve: (channel: FrameChannel) => void,
): ChannelListener {
  let listener: Deno.UnixListener;
  try {
    removeSocket(path);
    listener = Deno.listen({ transport: "unix", path });
    Deno.chmodSync(path, options.mode);
  } catch (error) {
    throw new Temporary(`cannot listen on ${path}: ${(error as Error).message}`);
  }
  let open = true;
  const accept = async () => {
    while (open) {
      try {
        serve(new FrameChannel(await listener.accept()));
      } catch (error) {
        if (error instanceof Deno.errors.BadResource || !open) return;
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
      }
    }
  };
  void accept();
  return {
    close() {
      if (!open) return;
      open = false;
      listener.close();
      removeSocket(path);
    },
  };
}

function removeSocket(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
