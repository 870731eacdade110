/**
 * A message's file in network form: whole when small, in converted pieces when large, so that nothing large is ever in
 * memory. Small files are read synchronously: 10 µs where the asynchronous way costs 100.
 */
import { type ImapMessage, MESSAGE_WHOLE_BYTES_MAX } from "../../mail/imap/backend.ts";
import { sizeOfName } from "../maildir/names.ts";
import { countBareLf, headerEnd, toCrlf } from "./crlf.ts";

/** Bytes of a large message read at a time. */
const PIECE_BYTES = 64 * 1024;
/** Bytes read at first when only the header is wanted. */
const HEADER_READ_BYTES = 8 * 1024;
/** Bytes of a header that are looked at: what is longer is cut. */
const HEADER_BYTES_MAX = 1024 * 1024;

let buffer = new Uint8Array(PIECE_BYTES);

/** A small file whole, in a buffer that the next call uses again; undefined when it is large. Throws NotFound. */
export function tryReadSmall(path: string): Uint8Array | undefined {
  const file = Deno.openSync(path);
  try {
    for (let length = 0; length < buffer.length;) {
      const count = file.readSync(length === 0 ? buffer : buffer.subarray(length));
      if (count === null) return buffer.subarray(0, length);
      length += count;
      // the size that the name says saves the read that finds the end
      if (length < buffer.length && length === sizeOfName(path)) return buffer.subarray(0, length);
    }
    return undefined;
  } finally {
    file.close();
  }
}

/** Calls `take` with the pieces of a file, synchronously; each is valid until the next. Throws NotFound. */
export function readPieces(path: string, take: (bytes: Uint8Array) => void): void {
  const file = Deno.openSync(path);
  try {
    for (;;) {
      const count = file.readSync(buffer);
      if (count === null) return;
      take(buffer.subarray(0, count));
    }
  } finally {
    file.close();
  }
}

/** Bytes of a file with CRLF line ends. Throws NotFound. */
export function networkSize(path: string): number {
  let size = 0;
  let before = 0;
  readPieces(path, (bytes) => {
    size += bytes.length + countBareLf(bytes, before);
    before = bytes[bytes.length - 1]!;
  });
  return size;
}

/** The header of a file with its empty line, CRLF line ends; all of it when there is no body. Throws NotFound. */
export function readHeader(path: string): Uint8Array {
  const file = Deno.openSync(path);
  try {
    let length = 0;
    for (;;) {
      const wanted = length === 0 ? HEADER_READ_BYTES : Math.min(buffer.length - length, HEADER_BYTES_MAX);
      const count = wanted > 0 ? file.readSync(buffer.subarray(length, length + wanted)) : null;
      length += count ?? 0;
      const end = headerEnd(buffer.subarray(0, length));
      if (end >= 0 && end <= length) return toCrlf(buffer.slice(0, end));
      if (count === null && wanted > 0) return toCrlf(buffer.slice(0, length));
      if (length >= HEADER_BYTES_MAX) return toCrlf(buffer.slice(0, HEADER_BYTES_MAX));
      if (length === buffer.length) {
        const larger = new Uint8Array(buffer.length * 2);
        larger.set(buffer);
        buffer = larger;
      }
    }
  } finally {
    file.close();
  }
}

/** Where reading in pieces got to: an offset in network form and the place in the file that is it. */
export interface Checkpoint {
  readonly uid: number;
  readonly networkAt: number;
  readonly fileAt: number;
  /** The byte before. */
  readonly before: number;
}

/** What a large message needs of its view. */
export interface LargeMessageOptions {
  readonly uid: number;
  /** Bytes in network form, where known. */
  readonly sizeBytes: number | undefined;
  readonly checkpoint: Checkpoint | undefined;
  readonly keep: (checkpoint: Checkpoint) => void;
}

/** Opens a message's file. Throws NotFound. */
export async function openMessage(path: string, options: LargeMessageOptions): Promise<ImapMessage> {
  const small = tryReadSmall(path);
  if (small) return new SmallMessage(small.slice());
  const file = Deno.openSync(path);
  let large = false;
  try {
    const { size } = file.statSync();
    if (size <= MESSAGE_WHOLE_BYTES_MAX) {
      const bytes = new Uint8Array(size);
      let length = 0;
      while (length < size) {
        const count = file.readSync(bytes.subarray(length));
        if (count === null) break;
        length += count;
      }
      return wholeMessage(toCrlf(bytes.subarray(0, length)));
    }
    large = true;
    return await LargeMessage.open(file, options);
  } finally {
    if (!large) file.close();
  }
}

function wholeMessage(whole: Uint8Array): ImapMessage {
  return {
    sizeBytes: whole.length,
    ...(whole.length <= MESSAGE_WHOLE_BYTES_MAX ? { whole } : {}),
    async *pieces(from, to) {
      if (from < to) yield await Promise.resolve(whole.subarray(from, to));
    },
    close() {},
  };
}

/** A message whose bytes are here, converted when that is asked for. */
class SmallMessage implements ImapMessage {
  readonly stored: Uint8Array;
  #whole: Uint8Array | undefined;

  constructor(stored: Uint8Array) {
    this.stored = stored;
  }

  get whole(): Uint8Array {
    return this.#whole ??= toCrlf(this.stored);
  }

  get sizeBytes(): number {
    return this.#whole?.length ?? this.stored.length + countBareLf(this.stored, 0);
  }

  async *pieces(from: number, to: number): AsyncIterable<Uint8Array> {
    if (from < to) yield await Promise.resolve(this.whole.subarray(from, to));
  }

  close(): void {}
}

class LargeMessage implements ImapMessage {
  readonly sizeBytes: number;
  readonly #file: Deno.FsFile;
  readonly #options: LargeMessageOptions;
  #closed = false;

  private constructor(file: Deno.FsFile, sizeBytes: number, options: LargeMessageOptions) {
    this.#file = file;
    this.sizeBytes = sizeBytes;
    this.#options = options;
  }

  static async open(file: Deno.FsFile, options: LargeMessageOptions): Promise<LargeMessage> {
    try {
      return new LargeMessage(file, options.sizeBytes ?? await countFile(file), options);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  async *pieces(from: number, to: number): AsyncIterable<Uint8Array> {
    const { uid, checkpoint, keep } = this.#options;
    const start = checkpoint && checkpoint.uid === uid && checkpoint.networkAt <= from
      ? checkpoint
      : { uid, networkAt: 0, fileAt: 0, before: 0 };
    let { networkAt, fileAt, before } = start;
    await this.#file.seek(fileAt, Deno.SeekMode.Start);
    const piece = new Uint8Array(PIECE_BYTES);
    while (networkAt < to && !this.#closed) {
      const count = await this.#file.read(piece);
      if (count === null) return;
      const bytes = piece.subarray(0, count);
      const converted = toCrlf(bytes, before);
      const end = networkAt + converted.length;
      // A piece that goes beyond `to` is read again next time: the place before it is what is kept.
      keep({ uid, networkAt, fileAt, before });
      if (end > from) {
        yield converted.subarray(Math.max(0, from - networkAt), Math.min(converted.length, to - networkAt));
      }
      before = bytes[count - 1]!;
      networkAt = end;
      fileAt += count;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#file.close();
  }
}

async function countFile(file: Deno.FsFile): Promise<number> {
  const piece = new Uint8Array(PIECE_BYTES * 4);
  let size = 0;
  let before = 0;
  for (;;) {
    const count = await file.read(piece);
    if (count === null) return size;
    const bytes = piece.subarray(0, count);
    size += count + countBareLf(bytes, before);
    before = bytes[count - 1]!;
  }
}
