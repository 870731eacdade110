/**
 * Standard input and output as the connection of a session, for imapd and pop3d when they are started for one client that
 * somebody else has accepted. Time limits are kept here, since a descriptor has none.
 */
import { TimedOut } from "../../core/errors.ts";
import type { ByteReader, ByteWriter } from "../../core/stream.ts";
import type { ImapWire } from "../../mail/imap/session_types.ts";

/** A session's connection over two descriptors. TLS is not possible on it: it belongs to who accepted the client. */
export class StdioWire implements ImapWire {
  readonly tls = undefined;
  readonly startTls = undefined;
  readonly #input: ByteReader;
  readonly #output: ByteWriter;
  #timeoutMs = 0;
  #closed = false;
  #close: (() => void) | undefined;

  constructor(input: ByteReader, output: ByteWriter) {
    this.#input = input;
    this.#output = output;
  }

  async read(into: Uint8Array): Promise<number | null> {
    if (this.#closed) return null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const interrupted = new Promise<null>((resolve, reject) => {
      this.#close = () => resolve(null);
      if (this.#timeoutMs > 0) timer = setTimeout(() => reject(new TimedOut("no input")), this.#timeoutMs);
    });
    try {
      return await Promise.race([this.#input.read(into), interrupted]);
    } finally {
      clearTimeout(timer);
      this.#close = undefined;
    }
  }

  /** A descriptor cannot be asked: the read waits instead. */
  readable(): Promise<void> {
    return Promise.resolve();
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#output.write(bytes);
  }

  setTimeout(timeoutMs: number): void {
    this.#timeoutMs = timeoutMs;
  }

  /** Ends a read that waits; the descriptors stay open until the program ends. */
  close(): void {
    this.#closed = true;
    this.#close?.();
  }
}
