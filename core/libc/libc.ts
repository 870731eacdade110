/**
 * The C library: the table of functions that the other libc_*.ts files call, opened at the first call, so that a
 * program that needs none of them does not pay for it (and may have lost the permission). Only libc*.ts open libraries.
 * glibc on Linux, x86-64 and aarch64. What each function costs and which thread it binds: [man libc.7] of its own name.
 */

const SYMBOLS = {
  __errno_location: { parameters: [], result: "pointer" },
  strerror: { parameters: ["i32"], result: "pointer" },
  // processes
  getppid: { parameters: [], result: "i32" },
  setsid: { parameters: [], result: "i32" },
  setpgid: { parameters: ["i32", "i32"], result: "i32" },
  kill: { parameters: ["i32", "i32"], result: "i32" },
  execve: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  signal: { parameters: ["i32", "pointer"], result: "pointer" },
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  waitpid_async: { name: "waitpid", parameters: ["i32", "buffer", "i32"], result: "i32", nonblocking: true },
  posix_spawn: { parameters: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer"], result: "i32" },
  posix_spawn_file_actions_init: { parameters: ["buffer"], result: "i32" },
  posix_spawn_file_actions_adddup2: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  posix_spawn_file_actions_addopen: { parameters: ["buffer", "i32", "buffer", "i32", "u32"], result: "i32" },
  posix_spawn_file_actions_addclose: { parameters: ["buffer", "i32"], result: "i32" },
  posix_spawn_file_actions_addchdir_np: { parameters: ["buffer", "buffer"], result: "i32" },
  posix_spawn_file_actions_addclosefrom_np: { parameters: ["buffer", "i32"], result: "i32" },
  posix_spawn_file_actions_destroy: { parameters: ["buffer"], result: "i32" },
  posix_spawnattr_init: { parameters: ["buffer"], result: "i32" },
  posix_spawnattr_setflags: { parameters: ["buffer", "i16"], result: "i32" },
  posix_spawnattr_setsigdefault: { parameters: ["buffer", "buffer"], result: "i32" },
  posix_spawnattr_setsigmask: { parameters: ["buffer", "buffer"], result: "i32" },
  posix_spawnattr_destroy: { parameters: ["buffer"], result: "i32" },
  sigemptyset: { parameters: ["buffer"], result: "i32" },
  sigfillset: { parameters: ["buffer"], result: "i32" },
  // descriptors
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "i64" },
  write: { parameters: ["i32", "buffer", "usize"], result: "i64" },
  pwrite: { parameters: ["i32", "buffer", "usize", "i64"], result: "i64" },
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32" },
  poll_async: { name: "poll", parameters: ["buffer", "u64", "i32"], result: "i32", nonblocking: true },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait_async: {
    name: "epoll_wait",
    parameters: ["i32", "buffer", "i32", "i32"],
    result: "i32",
    nonblocking: true,
  },
  inotify_init1: { parameters: ["i32"], result: "i32" },
  inotify_add_watch: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  tee: { parameters: ["i32", "i32", "usize", "u32"], result: "i64" },
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  fcntl_number: { name: "fcntl", parameters: ["i32", "i32", "i64"], result: "i32" },
  fcntl_buffer: { name: "fcntl", parameters: ["i32", "i32", "buffer"], result: "i32" },
  flock: { parameters: ["i32", "i32"], result: "i32" },
  isatty: { parameters: ["i32"], result: "i32" },
  tcgetattr: { parameters: ["i32", "buffer"], result: "i32" },
  tcsetattr: { parameters: ["i32", "i32", "buffer"], result: "i32" },
  // files
  mkfifo: { parameters: ["buffer", "u32"], result: "i32" },
  umask: { parameters: ["u32"], result: "u32" },
  statvfs: { parameters: ["buffer", "buffer"], result: "i32" },
  syncfs_async: { name: "syncfs", parameters: ["i32"], result: "i32", nonblocking: true },
  // sockets
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  accept4: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  dup2: { parameters: ["i32", "i32"], result: "i32" },
  if_nametoindex: { parameters: ["buffer"], result: "u32" },
  // limits
  prlimit: { parameters: ["i32", "i32", "buffer", "buffer"], result: "i32" },
  // accounts
  getgrouplist: { parameters: ["buffer", "u32", "buffer", "buffer"], result: "i32" },
  getpwnam: { parameters: ["buffer"], result: "pointer" },
  getpwuid: { parameters: ["u32"], result: "pointer" },
  getspnam: { parameters: ["buffer"], result: "pointer" },
  getgrnam: { parameters: ["buffer"], result: "pointer" },
  getgrgid: { parameters: ["u32"], result: "pointer" },
  getgroups: { parameters: ["i32", "buffer"], result: "i32" },
  setgroups: { parameters: ["usize", "buffer"], result: "i32" },
  setgid: { parameters: ["u32"], result: "i32" },
  setuid: { parameters: ["u32"], result: "i32" },
  // memory
  malloc_trim: { parameters: ["usize"], result: "i32" },
  // time
  localtime_r: { parameters: ["buffer", "buffer"], result: "pointer" },
  // the kernel
  prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
  syscall: { parameters: ["i64", "i64", "i64", "i64", "i64", "i64", "i64"], result: "i64" },
} as const;

/** The functions, as Deno declares them. */
export type Libc = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** Each function is opened when first used: Deno compiles a fast call for it, 0.2 ms each. */
const functions: Libc = Object.create(null);
for (const [name, declaration] of Object.entries(SYMBOLS)) {
  Object.defineProperty(functions, name, {
    configurable: true,
    enumerable: true,
    get() {
      const value = Deno.dlopen("libc.so.6", { [name]: declaration }).symbols[name];
      Object.defineProperty(functions, name, { value, enumerable: true });
      return value;
    },
  });
}

/** The C library. Calling a function throws Deno.errors.NotCapable where the role has no FFI. */
export function libc(): Libc {
  return functions;
}

/**
 * Opens those functions now: before the permission is given up, or at the top of a test file, where the sanitizer would
 * take a library opened inside a test for a leak. Without names: all of them (10 ms).
 */
export function preloadLibc(names: readonly (keyof Libc)[] = Object.keys(SYMBOLS).filter(isName)): void {
  for (const name of names) if (typeof functions[name] !== "function") throw new Error(`libc has no ${name}`);
}

function isName(name: string): name is keyof Libc {
  return name in SYMBOLS;
}

/** Error numbers that callers tell apart. */
export const ERRNO = { perm: 1, noent: 2, intr: 4, again: 11, acces: 13, exist: 17, nosys: 38, opnotsupp: 95 } as const;

/** A failed call: which one, and why. */
export class LibcError extends Error {
  override name = "LibcError";
  readonly errno: number;

  constructor(call: string, errno: number) {
    super(`${call}: ${errnoText(errno)}`);
    this.errno = errno;
  }
}

/** errno of this thread's last failed call; not that of an asynchronous one, which ran on another thread. */
export function errno(): number {
  const location = libc().__errno_location();
  return location ? new Deno.UnsafePointerView(location).getInt32() : 0;
}

/** What an error number means, as strerror(3) says. */
export function errnoText(code: number): string {
  const text = libc().strerror(code);
  return text ? new Deno.UnsafePointerView(text).getCString() : `error ${code}`;
}

/** Throws LibcError of errno when `result` is negative, else gives it back. `call` names what failed, with its file. */
export function checked(result: number | bigint, call: string): number {
  if (result < 0) throw new LibcError(call, errno());
  return Number(result);
}

const encoder = new TextEncoder();

/** A C string, bytes that are no text as escapedText (environment.ts) writes them; throws RangeError for a NUL. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) throw new RangeError("text with a NUL byte for the C library");
  if (!/[\udc80-\udcff]/u.test(text)) return encoder.encode(`${text}\0`);
  const bytes: number[] = [];
  for (const character of `${text}\0`) {
    const code = character.charCodeAt(0);
    if (character.length === 1 && code >= 0xdc80 && code <= 0xdcff) bytes.push(code & 0xff);
    else bytes.push(...encoder.encode(character));
  }
  return Uint8Array.from(bytes);
}

/** The address of a buffer's bytes; the buffer must stay referenced while it is used. */
export function addressOf(buffer: Uint8Array<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer));
}

/** A NULL-ended array of C strings. `kept` must stay referenced during the call. */
export function cStrings(texts: readonly string[]): { array: Uint8Array<ArrayBuffer>; kept: readonly Uint8Array[] } {
  const kept = texts.map(cString);
  const array = new BigUint64Array(texts.length + 1);
  kept.forEach((bytes, at) => array[at] = addressOf(bytes));
  return { array: new Uint8Array(array.buffer), kept };
}

/** System call numbers that differ between processors. */
export const SYSCALL = Deno.build.arch === "aarch64"
  ? { capset: 91n, setgroups: 159n, setresuid: 147n, setresgid: 149n, seccomp: 277n, execve: 221, execveat: 281 }
  : { capset: 126n, setgroups: 116n, setresuid: 117n, setresgid: 119n, seccomp: 317n, execve: 59, execveat: 322 };
