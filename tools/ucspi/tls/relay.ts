/** Moves bytes between a connection and a program until the program ends its output, as translate of the original does. */
import { TimedOut } from "../../../core/errors.ts";
import { LibcError } from "../../../core/libc/libc.ts";
import type { Descriptor } from "../../../core/libc/fd.ts";
import type { ByteReader, ByteWriter } from "../../../core/stream.ts";

const READ_BYTES = 32 * 1024;

/** The peer's side. */
export type RelayConnection = ByteReader & ByteWriter & { closeWrite(): Promise<void> };

/** The program's side. */
export interface RelayEnds {
  readonly toProgram: Descriptor;
  readonly fromProgram: Descriptor;
  /** Silence in both directions that ends it; 0: never. */
  readonly idleMs: number;
}

/**
 * Relays until the program's output ends or the connection is lost. The end of the peer's input is passed on; the other
 * direction goes on then. Throws TimedOut after `idleMs` of silence, and what writing to the connection throws.
 */
export async function relayStreams(connection: RelayConnection, ends: RelayEnds): Promise<void> {
  let lastMs = performance.now();
  const moved = () => lastMs = performance.now();
  const inward = copyInward(connection, ends.toProgram, moved);
  const outward = copy(ends.fromProgram, connection, moved);
  let timer: ReturnType<typeof setInterval> | undefined;
  const silence = new Promise<never>((_, reject) => {
    if (ends.idleMs === 0) return;
    const everyMs = Math.min(1000, ends.idleMs);
    timer = setInterval(() => {
      if (performance.now() - lastMs >= ends.idleMs) {
        reject(new TimedOut(`nothing was said for ${ends.idleMs / 1000} seconds`));
      }
    }, everyMs);
  });
  try {
    await Promise.race([outward, inward.then(() => outward), silence]);
    await sayFarewell(connection, inward);
  } finally {
    clearInterval(timer);
  }
}

/** What the peer says, to the program; once the program reads no more, to nobody. */
async function copyInward(from: ByteReader, to: Descriptor, moved: () => void): Promise<void> {
  try {
    await copy(from, to, moved);
  } catch (error) {
    if (!(error instanceof LibcError)) throw error;
    const buffer = new Uint8Array(READ_BYTES);
    while (await from.read(buffer) !== null) moved();
  }
  to.close();
}

async function copy(from: ByteReader, to: ByteWriter, moved: () => void): Promise<void> {
  const buffer = new Uint8Array(READ_BYTES);
  for (;;) {
    const count = await from.read(buffer);
    moved();
    if (count === null) return;
    await to.write(buffer.subarray(0, count));
    moved();
  }
}

/** How long the peer may take to hear that it is over. */
const FAREWELL_MS = 2000;

/**
 * Tells the peer that it is over and lets it end too: TLS without this word looks cut off, and a socket that is closed
 * with unread bytes resets the connection, by which the peer could lose the last we said. `inward` reads until the peer's
 * end. Never throws.
 */
export async function sayFarewell(connection: RelayConnection, inward: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => timer = setTimeout(resolve, FAREWELL_MS));
  const over = Promise.all([connection.closeWrite(), inward]).then(() => undefined, () => undefined); // it may be gone
  await Promise.race([over, late]);
  clearTimeout(timer);
}
