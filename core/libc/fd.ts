/**
 * Descriptors as numbers: those that a program inherits beyond 0 to 2 (checkpassword's 3, qmail-queue's 1 as input),
 * pipes to children, locks. Reading waits in poll(2) on a pool thread, so the event loop stays free.
 */
import type { ByteReader, ByteWriter } from "../stream.ts";
import { checked, cString, ERRNO, errno, libc, LibcError } from "./libc.ts";

const POLLIN = 1;
const POLLOUT = 4;
const O_CLOEXEC = 0o2000000;
const F_GETFL = 3;
const F_SETFL = 4;
const F_SETLK = 6;
const O_NONBLOCK = 0o4000;
const LOCK_EX = 2;
const LOCK_EX_NB = 2 | 4;
const LOCK_SH_NB = 1 | 4;

/** A descriptor to read from and write to. */
export type Descriptor = ByteReader & ByteWriter & { close(): void };

/** open(2) flags that callers use. */
export const OPEN = {
  read: 0,
  write: 1,
  readWrite: 2,
  create: 0o100,
  append: 0o2000,
  nonblocking: O_NONBLOCK,
  closeOnExec: O_CLOEXEC,
} as const;

/** open(2); the number of the new descriptor. */
export function openFd(path: string, flags: number): number {
  return checked(libc().open(cString(path), flags, 0o600), `open ${path}`);
}

/** pwrite(2) of all bytes at an offset, in one call. Throws LibcError. */
export function writeFdAt(fd: number, bytes: Uint8Array, at: number): void {
  checked(libc().pwrite(fd, ownBuffer(bytes), BigInt(bytes.length), BigInt(at)), `write descriptor ${fd}`);
}

/** close(2); a descriptor that is not open is no error. */
export function closeFd(fd: number): void {
  libc().close(fd);
}

/** A pipe: reading end, writing end, both closed at exec. */
export function openPipe(): { readonly reading: number; readonly writing: number } {
  const pair = new Int32Array(2);
  checked(libc().pipe2(new Uint8Array(pair.buffer), O_CLOEXEC), "pipe");
  return { reading: pair[0]!, writing: pair[1]! };
}

async function waitFor(fd: number, events: number): Promise<void> {
  const request = new Uint8Array(8);
  const view = new DataView(request.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(4, events, true);
  if (libc().poll(request, 1n, 0) !== 0) return;
  await libc().poll_async(request, 1n, -1);
}

/** Resolves when the descriptor can be read, or is at its end; takes nothing from it. */
export function untilReadable(fd: number): Promise<void> {
  return waitFor(fd, POLLIN);
}

class RawDescriptor implements Descriptor {
  readonly #fd: number;
  #closed = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  async read(into: Uint8Array): Promise<number | null> {
    const buffer = ownBuffer(into);
    for (;;) {
      await waitFor(this.#fd, POLLIN);
      const count = Number(libc().read(this.#fd, buffer, BigInt(buffer.length)));
      if (count > 0) return count;
      if (count === 0) return null;
      const code = errno();
      if (code !== ERRNO.again && code !== ERRNO.intr) throw new LibcError(`read descriptor ${this.#fd}`, code);
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    const buffer = ownBuffer(bytes);
    for (let done = 0; done < buffer.length;) {
      await waitFor(this.#fd, POLLOUT);
      const part = buffer.subarray(done);
      const count = Number(libc().write(this.#fd, part, BigInt(part.length)));
      if (count >= 0) done += count;
      else {
        const code = errno();
        if (code !== ERRNO.again && code !== ERRNO.intr) throw new LibcError(`write descriptor ${this.#fd}`, code);
      }
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeFd(this.#fd);
  }
}

/** The same bytes as a view that FFI takes: it must not be of shared memory. */
function ownBuffer(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  if (bytes.buffer instanceof ArrayBuffer) return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  throw new TypeError("shared memory cannot be read into");
}

/** A reader and writer of a descriptor. A pipe's writing end blocks only for what the pipe does not hold. */
export function descriptor(fd: number): Descriptor {
  return new RawDescriptor(fd);
}

/** The writing end of a pipe: not blocking, so that a full pipe waits on a pool thread and not in the event loop. */
export function pipeWriter(fd: number): Descriptor {
  const flags = checked(libc().fcntl_number(fd, F_GETFL, 0n), "fcntl");
  checked(libc().fcntl_number(fd, F_SETFL, BigInt(flags | O_NONBLOCK)), "fcntl");
  return new RawDescriptor(fd);
}

/** flock(2) without waiting; false when another holds it. */
export function tryFlock(fd: number, kind: "exclusive" | "shared" = "exclusive"): boolean {
  if (libc().flock(fd, kind === "exclusive" ? LOCK_EX_NB : LOCK_SH_NB) === 0) return true;
  const code = errno();
  if (code === ERRNO.again) return false;
  throw new LibcError("flock", code);
}

/** flock(2), waiting with the whole process: for programs that have nothing else to do. */
export function waitForFlock(fd: number): void {
  while (libc().flock(fd, LOCK_EX) !== 0) {
    const code = errno();
    if (code !== ERRNO.intr) throw new LibcError("flock", code);
  }
}

/** fcntl(2) lock of a whole file for writing, without waiting; false when another process holds it. */
export function tryFcntlLock(fd: number): boolean {
  const lock = new Uint8Array(32); // struct flock: l_type, l_whence, then l_start, l_len, l_pid
  new DataView(lock.buffer).setInt16(0, 1, true); // F_WRLCK
  if (libc().fcntl_buffer(fd, F_SETLK, lock) >= 0) return true;
  const code = errno();
  if (code === ERRNO.again || code === ERRNO.acces) return false;
  throw new LibcError("fcntl lock", code);
}

/** Opens (and makes) a file and takes its flock(2) without waiting: the descriptor, undefined when another holds it. */
export function tryLockFile(path: string): number | undefined {
  const fd = openFd(path, OPEN.readWrite | OPEN.create | OPEN.closeOnExec);
  if (tryFlock(fd)) return fd;
  closeFd(fd);
  return undefined;
}

const F_GETFD = 1;
const FD_CLOEXEC = 1;

/**
 * True when the descriptor came from whoever started this process. What the runtime or we opened closes at exec, so a
 * program may look whether its caller gave it a 3, 4 or 5 before it writes there.
 */
export function isInheritedFd(fd: number): boolean {
  const flags = libc().fcntl_number(fd, F_GETFD, 0n);
  return flags >= 0 && (flags & FD_CLOEXEC) === 0;
}
