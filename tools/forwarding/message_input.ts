/** The message on standard input: in pieces, its header, and from its beginning again. */
import { concatBytes, latin1Bytes } from "../../core/bytes.ts";
import { errorText, Permanent, Temporary } from "../../core/errors.ts";
import { seekStart } from "../../core/libc/seek.ts";
import type { ByteReader } from "../../core/stream.ts";
import { Header, headerEnd } from "../../mail/header/header.ts";

const READ_BYTES = 128 * 1024;
/** Bytes of a header above which it is refused. Ours; real ones have some kilobytes. */
const HEADER_BYTES_MAX = 16 * 1024 * 1024;

async function readPart(reader: ByteReader, into: Uint8Array): Promise<number | null> {
  try {
    return await reader.read(into);
  } catch (error) {
    throw new Temporary(`unable to read the message: ${errorText(error)}`);
  }
}

/** `head`, then what the reader has. Each chunk is valid until the next. Throws Temporary when it cannot be read. */
export async function* messageChunks(reader: ByteReader, head = ""): AsyncGenerator<Uint8Array> {
  if (head !== "") yield latin1Bytes(head);
  const buffer = new Uint8Array(READ_BYTES);
  for (let count = await readPart(reader, buffer); count !== null; count = await readPart(reader, buffer)) {
    yield buffer.subarray(0, count);
  }
}

/** Goes back to the first byte of standard input. Throws Temporary where there is no going back. */
export function rewindMessage(): void {
  try {
    if (seekStart(0)) return;
  } catch (error) {
    throw new Temporary(`unable to rewind the message: ${errorText(error)}`);
  }
  throw new Temporary("unable to rewind the message: standard input must be a file, as qmail-local gives it");
}

/** A message's header, and what was read beyond it. */
export interface MessageStart {
  readonly header: Header;
  readonly rest: Uint8Array;
}

/** Reads up to the empty line, or to the end of the input. */
export async function readHeader(reader: ByteReader): Promise<MessageStart> {
  const buffer = new Uint8Array(READ_BYTES);
  let bytes: Uint8Array = new Uint8Array(0);
  for (;;) {
    const count = await readPart(reader, buffer);
    if (count === null) break;
    bytes = concatBytes(bytes, buffer.subarray(0, count));
    if (headerEnd(bytes) < bytes.length) break;
    if (bytes.length > HEADER_BYTES_MAX) throw new Permanent(`the header is longer than ${HEADER_BYTES_MAX} bytes`);
  }
  const end = headerEnd(bytes);
  return { header: new Header(bytes.subarray(0, end)), rest: bytes.subarray(end) };
}
