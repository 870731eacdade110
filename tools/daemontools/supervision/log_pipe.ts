/**
 * The pipe between a service and its log: a FIFO in the state folder of the log. The service gets it opened for reading
 * and writing, so it has a reader even while no supervisor lives; what is in it waits there for the next one, and nobody
 * gets SIGPIPE [decision 0051].
 */
import { errorText, Temporary } from "../../../core/errors.ts";
import { ERRNO, LibcError } from "../../../core/libc/libc.ts";
import { closeFd, OPEN, openFd } from "../../../core/libc/fd.ts";
import { makeFifo } from "../../../core/libc/files.ts";

/** See above. */
export class LogPipe {
  /** Reads without waiting; never at its end. */
  readonly fd: number;
  #closed = false;

  /** Throws Temporary. */
  constructor(folder: string) {
    const path = `${folder}/pipe`;
    try {
      Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
      try {
        makeFifo(path, 0o600);
      } catch (error) {
        if (!(error instanceof LibcError && error.errno === ERRNO.exist)) throw error;
      }
      this.fd = openFd(path, OPEN.readWrite | OPEN.nonblocking | OPEN.closeOnExec);
    } catch (error) {
      throw new Temporary(errorText(error));
    }
  }

  /** An end for the service; close it once the service has it. Throws LibcError. */
  openForService(): number {
    return openFd(`/proc/self/fd/${this.fd}`, OPEN.readWrite | OPEN.closeOnExec);
  }

  /** An end for a process that keeps the log; it meets the end of the stream when all others are closed. */
  openForLog(): number {
    return openFd(`/proc/self/fd/${this.fd}`, OPEN.read | OPEN.closeOnExec);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeFd(this.fd);
  }
}
