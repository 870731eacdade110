/**
 * Hundreds of descriptors waited for by one pool thread (of which a process has 32): epoll(7). A handler is called in the
 * event loop when its descriptor can be read; pidfds of children, FIFOs, pipes and inotify all come this way. Also what
 * is needed around it: pidfds, inotify events, reads that do not wait.
 */
import { checked, cString, ERRNO, errno, libc, LibcError } from "./libc.ts";
import { closeFd, openPipe } from "./fd.ts";

const EPOLL_CLOEXEC = 0o2000000;
const CTL_ADD = 1;
const CTL_DEL = 2;
const CTL_MOD = 3;
const EPOLLIN = 1;
const EPOLLONESHOT = 1 << 30;
/** struct epoll_event is packed on x86-64 only. */
const EVENT_BYTES = Deno.build.arch === "x86_64" ? 12 : 16;
const TOKEN_AT = Deno.build.arch === "x86_64" ? 4 : 8;
/** Events taken from the kernel at a time. */
const EVENTS_MAX = 256;
/** pidfd_open has the same number on every processor. */
const SYS_PIDFD_OPEN = 434n;
const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;

interface Watched {
  readonly fd: number;
  readonly once: boolean;
  readonly handler: () => void;
}

/** Waits for many descriptors. */
export class Poller {
  readonly #epoll: number;
  readonly #wake: { readonly reading: number; readonly writing: number };
  readonly #failed: ((error: unknown) => void) | undefined;
  readonly #watched = new Map<number, Watched>();
  readonly #ended: Promise<void>;
  #lastToken = 0;
  #closed = false;

  /**
   * `failed` hears what a handler throws; without it that is a surprise that ends the process. Throws LibcError when there
   * are too many open files.
   */
  constructor(failed?: (error: unknown) => void) {
    this.#failed = failed;
    this.#epoll = checked(libc().epoll_create1(EPOLL_CLOEXEC), "epoll_create");
    this.#wake = openPipe();
    this.watch(this.#wake.reading, () => undefined);
    this.#ended = this.#run();
  }

  /**
   * Calls `handler` whenever the descriptor can be read (a pidfd: when its process has ended), until `unwatch` of the
   * token that is given back. With `once` it is called one time after this and after each `rearm`. Throws LibcError.
   */
  watch(fd: number, handler: () => void, options: { readonly once?: boolean } = {}): number {
    const token = ++this.#lastToken;
    const watched = { fd, handler, once: options.once ?? false };
    checked(libc().epoll_ctl(this.#epoll, CTL_ADD, fd, event(token, watched)), "epoll_ctl");
    this.#watched.set(token, watched);
    return token;
  }

  /** The handler of a `once` watch is to be called again. */
  rearm(token: number): void {
    const watched = this.#watched.get(token);
    if (watched) checked(libc().epoll_ctl(this.#epoll, CTL_MOD, watched.fd, event(token, watched)), "epoll_ctl");
  }

  /** Ends a watch; before its descriptor is closed. Safe to call twice. */
  unwatch(token: number): void {
    const watched = this.#watched.get(token);
    if (!watched || this.#closed) return;
    this.#watched.delete(token);
    libc().epoll_ctl(this.#epoll, CTL_DEL, watched.fd, event(token, watched));
  }

  async #run(): Promise<void> {
    const events = new Uint8Array(EVENT_BYTES * EVENTS_MAX);
    const view = new DataView(events.buffer);
    while (!this.#closed) {
      const count = await libc().epoll_wait_async(this.#epoll, events, EVENTS_MAX, -1); // negative: EINTR
      for (let at = 0; at < count && !this.#closed; at++) {
        this.#call(view.getUint32(at * EVENT_BYTES + TOKEN_AT, true));
      }
    }
  }

  #call(token: number): void {
    try {
      this.#watched.get(token)?.handler();
    } catch (error) {
      if (!this.#failed) throw error;
      this.#failed(error);
    }
  }

  /** Ends all watches; their descriptors stay open. */
  async close(): Promise<void> {
    if (this.#closed) return await this.#ended;
    this.#closed = true;
    libc().write(this.#wake.writing, new Uint8Array(1), 1n);
    await this.#ended;
    for (const fd of [this.#epoll, this.#wake.reading, this.#wake.writing]) closeFd(fd);
  }
}

function event(token: number, { once }: Watched): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(EVENT_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, EPOLLIN | (once ? EPOLLONESHOT : 0), true);
  view.setUint32(TOKEN_AT, token, true);
  return bytes;
}

/** A descriptor that can be read when that process has ended; undefined when there is no such process. Closed at exec. */
export function tryOpenProcess(pid: number): number | undefined {
  const fd = Number(libc().syscall(SYS_PIDFD_OPEN, BigInt(pid), 0n, 0n, 0n, 0n, 0n));
  if (fd >= 0) return fd;
  const code = errno();
  if (code === 3 || code === 22) return undefined; // ESRCH; EINVAL for a pid that cannot be one
  throw new LibcError(`pidfd of process ${pid}`, code);
}

/** Reads what is there: the count of bytes, 0 at the end, undefined when nothing is there now. Throws LibcError. */
export function tryReadFd(fd: number, into: Uint8Array<ArrayBuffer>): number | undefined {
  const count = Number(libc().read(fd, into, BigInt(into.length)));
  if (count >= 0) return count;
  const code = errno();
  if (code === ERRNO.again || code === ERRNO.intr) return undefined;
  throw new LibcError(`read descriptor ${fd}`, code);
}

const SPLICE_F_NONBLOCK = 2;

/** Reads what is in a pipe and leaves it there, by a pipe of its own, which is empty between the calls (tee(2)). */
export class PipePeeker {
  readonly #scratch = openPipe();

  /** The count of bytes; undefined when nothing is there now, 0 when nobody writes any more. Throws LibcError. */
  tryPeek(fd: number, into: Uint8Array<ArrayBuffer>): number | undefined {
    const { writing, reading } = this.#scratch;
    const count = Number(libc().tee(fd, writing, BigInt(into.length), SPLICE_F_NONBLOCK));
    if (count > 0) return tryReadFd(reading, into.subarray(0, count));
    if (count === 0) return 0;
    const code = errno();
    if (code === ERRNO.again || code === ERRNO.intr) return undefined;
    throw new LibcError(`tee of descriptor ${fd}`, code);
  }
}

/** Writes without waiting: the count of bytes taken, undefined when none are now. Throws LibcError. */
export function tryWriteFd(fd: number, bytes: Uint8Array<ArrayBuffer>): number | undefined {
  const count = Number(libc().write(fd, bytes, BigInt(bytes.length)));
  if (count >= 0) return count;
  const code = errno();
  if (code === ERRNO.again || code === ERRNO.intr) return undefined;
  throw new LibcError(`write descriptor ${fd}`, code);
}

/** Makes reads and writes of the open file not wait, or wait again. It is one flag for all who share that open file. */
export function setNonblocking(fd: number, how: "nonblocking" | "blocking"): void {
  const flags = checked(libc().fcntl_number(fd, F_GETFL, 0n), "fcntl");
  const wanted = how === "nonblocking" ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  if (wanted !== flags) checked(libc().fcntl_number(fd, F_SETFL, BigInt(wanted)), "fcntl");
}

/** What happened in a watched folder, as bits [man inotify.7]. */
export const INOTIFY = {
  closeWrite: 0x8,
  open: 0x20,
  movedFrom: 0x40,
  movedTo: 0x80,
  create: 0x100,
  delete: 0x200,
  deleteSelf: 0x400,
  moveSelf: 0x800,
  overflow: 0x4000,
  isDirectory: 0x40000000,
} as const;

/** One event of inotify. */
export interface InotifyEvent {
  /** The number that `inotifyAdd` gave. */
  readonly watch: number;
  readonly mask: number;
  readonly cookie: number;
  /** Name in the folder; empty for the watched file itself. */
  readonly name: string;
}

/** An inotify descriptor, not blocking, closed at exec. Throws LibcError. */
export function openInotify(): number {
  return checked(libc().inotify_init1(0o2000000 | O_NONBLOCK), "inotify_init");
}

/** Watches a path for the events of `mask`; the number that its events carry. Throws LibcError. */
export function inotifyAdd(fd: number, path: string, mask: number): number {
  return checked(libc().inotify_add_watch(fd, cString(path), mask), `inotify ${path}`);
}

/** The events in what was read from an inotify descriptor. */
export function parseInotifyEvents(bytes: Uint8Array): InotifyEvent[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const events: InotifyEvent[] = [];
  for (let at = 0; at + 16 <= bytes.length;) {
    const length = view.getUint32(at + 12, true);
    const name = bytes.subarray(at + 16, at + 16 + length);
    const end = name.indexOf(0);
    events.push({
      watch: view.getInt32(at, true),
      mask: view.getUint32(at + 4, true),
      cookie: view.getUint32(at + 8, true),
      name: new TextDecoder().decode(end < 0 ? name : name.subarray(0, end)),
    });
    at += 16 + length;
  }
  return events;
}
