/** The socket of the local syslog daemon: a datagram for each message, connected again when the daemon was restarted. */
import { utf8Bytes } from "../../core/bytes.ts";
import { closeFd, descriptor } from "../../core/libc/fd.ts";
import { connectLogSocket } from "../../core/libc/syslog.ts";

/** See above. */
export class SyslogSocket {
  readonly #path: string;
  #fd: number | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Sends a message; what was thrown when that failed. Waits while the daemon's queue is full. */
  async send(message: string): Promise<unknown> {
    const bytes = utf8Bytes(message);
    if (this.#fd !== undefined && await this.#try(bytes) === undefined) return undefined;
    this[Symbol.dispose]();
    return await this.#try(bytes);
  }

  async #try(bytes: Uint8Array): Promise<unknown> {
    try {
      this.#fd ??= connectLogSocket(this.#path);
      await descriptor(this.#fd).write(bytes);
      return undefined;
    } catch (error) {
      return error;
    }
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeFd(this.#fd);
    this.#fd = undefined;
  }
}
