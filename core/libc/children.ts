/**
 * Many children and their pipes waited for by one Poller, in place of a pool thread for each (a process has 32 of those):
 * for servers that keep hundreds of processes.
 */
import type { ProcessEnd } from "../applet.ts";
import { ERRNO, errno, libc, LibcError } from "./libc.ts";
import { closeFd, type Descriptor } from "./fd.ts";
import { type Poller, setNonblocking, tryOpenProcess, tryReadFd } from "./poll.ts";
import { startedChildren } from "./process.ts";

const WNOHANG = 1;
/** Pause before a pipe that was full is tried again. */
const FULL_PAUSE_MS = 10;

/** How a child ended, without waiting; undefined while it runs. One that is not ours counts as ended with 111. */
export function tryWait(pid: number): ProcessEnd | undefined {
  const status = new Int32Array(1);
  const result = libc().waitpid(pid, new Uint8Array(status.buffer), WNOHANG);
  if (result === 0) return undefined;
  startedChildren.delete(pid);
  if (result < 0) return { code: 111, signal: 0 };
  return { code: (status[0]! >> 8) & 255, signal: status[0]! & 127 };
}

/** Resolves when the child has ended; nothing else may wait for it. Throws LibcError when descriptors are short. */
export function childEnd(poller: Poller, pid: number): Promise<ProcessEnd> {
  const fd = tryOpenProcess(pid);
  if (fd === undefined) return Promise.resolve(tryWait(pid) ?? { code: 111, signal: 0 });
  return new Promise((resolve) => {
    const token = poller.watch(fd, () => {
      const end = tryWait(pid);
      if (end === undefined) return;
      poller.unwatch(token);
      closeFd(fd);
      resolve(end);
    });
  });
}

/** One end of a pipe; reads wait in the poller, one at a time. */
export function polledPipe(poller: Poller, fd: number): Descriptor {
  return new PolledPipe(poller, fd);
}

class PolledPipe implements Descriptor {
  readonly #poller: Poller;
  readonly #fd: number;
  #token: number | undefined;
  #wake: (() => void) | undefined;
  #closed = false;

  constructor(poller: Poller, fd: number) {
    this.#poller = poller;
    this.#fd = fd;
    setNonblocking(fd, "nonblocking");
  }

  async read(into: Uint8Array): Promise<number | null> {
    if (!(into.buffer instanceof ArrayBuffer)) throw new TypeError("shared memory cannot be read into");
    const buffer = new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
    while (!this.#closed) {
      const count = tryReadFd(this.#fd, buffer);
      if (count !== undefined) return count === 0 ? null : count;
      await this.#readable();
    }
    return null;
  }

  #readable(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (this.#token !== undefined) this.#poller.rearm(this.#token);
      else this.#token = this.#poller.watch(this.#fd, () => this.#wake?.(), { once: true });
    });
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (!(bytes.buffer instanceof ArrayBuffer)) throw new TypeError("shared memory cannot be written from");
    const buffer = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let done = 0; done < buffer.length;) {
      if (this.#closed) throw new LibcError(`write descriptor ${this.#fd}`, EBADF);
      const part = buffer.subarray(done);
      const count = Number(libc().write(this.#fd, part, BigInt(part.length)));
      if (count >= 0) {
        done += count;
        continue;
      }
      const code = errno();
      if (code !== ERRNO.again && code !== ERRNO.intr) throw new LibcError(`write descriptor ${this.#fd}`, code);
      await new Promise((resolve) => setTimeout(resolve, FULL_PAUSE_MS));
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#token !== undefined) this.#poller.unwatch(this.#token);
    closeFd(this.#fd);
    this.#wake?.();
  }
}

const EBADF = 9;
