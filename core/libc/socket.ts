/**
 * Sockets as descriptors, for programs that hand one to another: Deno tells no descriptor of its own connections
 * [spec deno, Sockets]. Waiting is poll(2) on a pool thread, of which a process has 32: one for each listening socket,
 * none for each connection. Hosts are addresses as text, a path with a slash is a Unix socket.
 */
import { formatIp, mappedIp, tryParseIp, unmappedIp } from "../ip_address.ts";
import { checked, cString, ERRNO, errno, libc, LibcError } from "./libc.ts";
import { setNonblocking } from "./poll.ts";

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_ERROR = 4;
const SO_PEERCRED = 17;
const IPPROTO_IP = 0;
const IP_OPTIONS = 4;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const SHUT_WR = 1;
const POLLIN = 1;
const POLLOUT = 4;
const F_SETFD = 2;
const EINPROGRESS = 115;
const ETIMEDOUT = 110;
const EADDRINUSE = 98;
/** sizeof(struct sockaddr_un), the largest address used here. */
const ADDRESS_BYTES = 110;
/** Bytes of a Unix socket's path, without the NUL behind it. */
const UNIX_PATH_BYTES_MAX = 107;

/** One end of a socket: an address and port, or a path with port 0. */
export interface SocketName {
  readonly host: string;
  readonly port: number;
  /** Index of the network interface of a link-local IPv6 address, else 0. */
  readonly scopeId: number;
}

function socketAddress(host: string, port: number, scopeId = 0): Uint8Array<ArrayBuffer> {
  if (host.startsWith("/")) {
    const path = cString(host);
    if (path.length > UNIX_PATH_BYTES_MAX + 1) {
      throw new RangeError(`${host}: longer than ${UNIX_PATH_BYTES_MAX} bytes`);
    }
    const address = new Uint8Array(2 + path.length);
    address[0] = AF_UNIX;
    address.set(path, 2);
    return address;
  }
  const ip = tryParseIp(host);
  if (!ip) throw new RangeError(`${host} is not an address`);
  const address = new Uint8Array(ip.length === 4 ? 16 : 28);
  const view = new DataView(address.buffer);
  view.setUint16(0, ip.length === 4 ? AF_INET : AF_INET6, true);
  view.setUint16(2, port);
  address.set(ip, ip.length === 4 ? 4 : 8);
  if (ip.length === 16) view.setUint32(24, scopeId, true);
  return address;
}

/** Reads a struct sockaddr. An IPv4 peer of an IPv6 socket stays `::ffff:a.b.c.d`. */
function socketNameOf(address: Uint8Array, length: number): SocketName {
  const view = new DataView(address.buffer, address.byteOffset);
  const family = length < 2 ? 0 : view.getUint16(0, true);
  if (family === AF_INET) return { host: formatIp(address.subarray(4, 8)), port: view.getUint16(2), scopeId: 0 };
  if (family === AF_INET6) {
    return { host: formatIp(address.subarray(8, 24)), port: view.getUint16(2), scopeId: view.getUint32(24, true) };
  }
  const path = address.subarray(2, Math.max(2, length));
  const end = path.indexOf(0);
  return { host: new TextDecoder().decode(end < 0 ? path : path.subarray(0, end)), port: 0, scopeId: 0 };
}

function familyOf(host: string): number {
  return host.startsWith("/") ? AF_UNIX : host.includes(":") ? AF_INET6 : AF_INET;
}

function setNumber(fd: number, level: number, option: { readonly name: number; readonly value: number }): number {
  const value = new Uint8Array(new Int32Array([option.value]).buffer);
  return libc().setsockopt(fd, level, option.name, value, 4);
}

/** Where to listen. */
export interface ListenSocket {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly backlog: number;
  /** Name of the network interface of a link-local address. */
  readonly networkInterface?: string | undefined;
}

/** A listening socket, not blocking; `::` takes IPv4 peers too. Throws LibcError. */
export function listenSocket(options: ListenSocket): number {
  const { host } = options;
  const fd = checked(
    libc().socket(familyOf(host), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
    "create a socket",
  );
  try {
    setNumber(fd, SOL_SOCKET, { name: SO_REUSEADDR, value: 1 });
    if (familyOf(host) === AF_INET6) setNumber(fd, IPPROTO_IPV6, { name: IPV6_V6ONLY, value: 0 });
    const scope = options.networkInterface === undefined ? 0 : interfaceIndex(options.networkInterface);
    const address = socketAddress(host, options.port, scope);
    checked(libc().bind(fd, address, address.length), "bind");
    checked(libc().listen(fd, options.backlog), "listen");
    return fd;
  } catch (error) {
    libc().close(fd);
    throw error;
  }
}

/** True when another socket listens on that port of the address. Nothing listens there meanwhile. Throws LibcError. */
export function isPortTaken(host: string, port: number): boolean {
  const fd = checked(libc().socket(familyOf(host), SOCK_STREAM | SOCK_CLOEXEC, 0), "create a socket");
  try {
    setNumber(fd, SOL_SOCKET, { name: SO_REUSEADDR, value: 1 });
    if (familyOf(host) === AF_INET6) setNumber(fd, IPPROTO_IPV6, { name: IPV6_V6ONLY, value: 0 });
    const address = socketAddress(host, port, 0);
    return libc().bind(fd, address, address.length) < 0 && errno() === EADDRINUSE;
  } finally {
    libc().close(fd);
  }
}

/** The number of a network interface. Throws LibcError when there is none of that name. */
export function interfaceIndex(name: string): number {
  const index = libc().if_nametoindex(cString(name));
  if (index === 0) throw new LibcError(`network interface ${name}`, errno());
  return index;
}

/** Waits (on a pool thread) until the descriptor can be read, or accepts a connection. */
export async function waitReadable(fd: number): Promise<void> {
  await pollFor(fd, { events: POLLIN, timeoutMs: -1 });
}

async function pollFor(fd: number, wait: { readonly events: number; readonly timeoutMs: number }): Promise<boolean> {
  const request = new Uint8Array(8);
  const view = new DataView(request.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(4, wait.events, true);
  return await libc().poll_async(request, 1n, wait.timeoutMs) > 0;
}

/** A new connection, blocking, closed at exec; undefined when none waits. Throws LibcError (out of descriptors). */
export function acceptSocket(listening: number): { readonly fd: number; readonly remote: SocketName } | undefined {
  const address = new Uint8Array(ADDRESS_BYTES);
  const length = new Uint32Array([ADDRESS_BYTES]);
  const fd = libc().accept4(listening, address, new Uint8Array(length.buffer), SOCK_CLOEXEC);
  if (fd >= 0) return { fd, remote: socketNameOf(address, length[0]!) };
  const code = errno();
  if (code === EMFILE || code === ENFILE || code === ENOBUFS || code === ENOMEM) throw new LibcError("accept", code);
  return undefined; // nobody waits, or the peer went away first
}

/** Who is at the other end of a Unix socket, as the kernel saw it at connect; undefined for any other socket. */
export function peerUser(fd: number): { readonly pid: number; readonly uid: number; readonly gid: number } | undefined {
  const user = new Int32Array(3); // struct ucred: pid, uid, gid
  const length = new Uint32Array([12]);
  const [into, size] = [new Uint8Array(user.buffer), new Uint8Array(length.buffer)];
  if (libc().getsockopt(fd, SOL_SOCKET, SO_PEERCRED, into, size) < 0 || user[1] === -1) return undefined;
  return { pid: user[0]!, uid: user[1]! >>> 0, gid: user[2]! >>> 0 };
}

/** Waits (on a pool thread) until bytes can be written; false after the limit. */
export async function waitWritable(fd: number, timeoutMs: number): Promise<boolean> {
  return await pollFor(fd, { events: POLLOUT, timeoutMs });
}

const ENOMEM = 12;
const ENFILE = 23;
const EMFILE = 24;
const ENOBUFS = 105;

/** Our end; undefined when the descriptor is no socket. */
export function localName(fd: number): SocketName | undefined {
  return nameBy(libc().getsockname, fd);
}

/** The peer's end; undefined when the descriptor is no connected socket. */
export function peerName(fd: number): SocketName | undefined {
  return nameBy(libc().getpeername, fd);
}

function nameBy(
  call: (fd: number, address: Uint8Array<ArrayBuffer>, length: Uint8Array<ArrayBuffer>) => number,
  fd: number,
): SocketName | undefined {
  const address = new Uint8Array(ADDRESS_BYTES);
  const length = new Uint32Array([ADDRESS_BYTES]);
  if (call(fd, address, new Uint8Array(length.buffer)) < 0) return undefined;
  return socketNameOf(address, length[0]!);
}

/** True when the socket speaks TCP over IPv4 or IPv6. */
export function isInternetName(name: SocketName): boolean {
  return tryParseIp(name.host) !== undefined;
}

/** What a connection is to be. */
export interface ConnectSocket {
  readonly host: string;
  readonly port: number;
  readonly scopeId?: number;
  readonly localHost?: string | undefined;
  readonly localPort?: number | undefined;
  readonly timeoutMs: number;
}

/** Connects, waiting on a pool thread; the descriptor blocks afterwards. Throws LibcError; ETIMEDOUT after the limit. */
export async function connectSocket(options: ConnectSocket): Promise<number> {
  const { host, port } = options;
  const family = familyOf(host);
  const what = family === AF_UNIX ? `connect to ${host}` : `connect to ${host} port ${port}`;
  const fd = checked(libc().socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "create a socket");
  try {
    if (options.localHost !== undefined || options.localPort !== undefined) bindLocal(fd, family, options);
    const address = socketAddress(host, port, options.scopeId);
    if (libc().connect(fd, address, address.length) < 0) {
      const code = errno();
      if (code !== EINPROGRESS && code !== ERRNO.again) throw new LibcError(what, code);
      const ready = await pollFor(fd, { events: POLLOUT, timeoutMs: options.timeoutMs });
      const failure = ready ? socketError(fd) : ETIMEDOUT;
      if (failure !== 0) throw new LibcError(what, failure);
    }
    setNonblocking(fd, "blocking");
    return fd;
  } catch (error) {
    libc().close(fd);
    throw error;
  }
}

function bindLocal(fd: number, family: number, options: ConnectSocket): void {
  const any = family === AF_INET6 ? "::" : "0.0.0.0";
  const ip = tryParseIp(options.localHost ?? any);
  if (!ip) throw new RangeError(`${options.localHost} is not an address`);
  const bytes = family === AF_INET6 ? mappedIp(ip) : unmappedIp(ip);
  const address = socketAddress(formatIp(bytes), options.localPort ?? 0);
  if (options.localPort) setNumber(fd, SOL_SOCKET, { name: SO_REUSEADDR, value: 1 });
  checked(libc().bind(fd, address, address.length), "bind socket");
}

function socketError(fd: number): number {
  const value = new Int32Array(1);
  const length = new Uint32Array([4]);
  const result = libc().getsockopt(
    fd,
    SOL_SOCKET,
    SO_ERROR,
    new Uint8Array(value.buffer),
    new Uint8Array(length.buffer),
  );
  return result < 0 ? errno() : value[0]!;
}

/** Whether an error says that the time was not enough. */
export function isConnectTimeout(error: unknown): boolean {
  return error instanceof LibcError && error.errno === ETIMEDOUT;
}

/** Sends small packets at once. */
export function setNoDelay(fd: number): void {
  setNumber(fd, IPPROTO_TCP, { name: TCP_NODELAY, value: 1 });
}

/** Drops the IP options of a connection, so that no source route is followed back. */
export function dropIpOptions(fd: number): void {
  libc().setsockopt(fd, IPPROTO_IP, IP_OPTIONS, new Uint8Array(0), 0);
}

/** Tells the peer that nothing more comes. */
export function shutdownWrite(fd: number): void {
  libc().shutdown(fd, SHUT_WR);
}

const F_GETFD = 1;
const F_DUPFD_CLOEXEC = 1030;
const FD_CLOEXEC = 1;
/** What is moved out of the way gets a number from here on. */
const SPARE_FD_MIN = 64;

/**
 * Makes `target` another number of `fd` that outlives exec. What was open at `target` (the runtime's own, perhaps) is put
 * back by calling the result, for an exec that failed.
 */
export function placeFd(fd: number, target: number): () => void {
  const flags = libc().fcntl_number(target, F_GETFD, 0n);
  if (fd === target) {
    checked(libc().fcntl_number(fd, F_SETFD, 0n), "fcntl");
    return () => void libc().fcntl_number(fd, F_SETFD, BigInt(FD_CLOEXEC));
  }
  const spare = flags < 0 ? -1 : libc().fcntl_number(target, F_DUPFD_CLOEXEC, BigInt(SPARE_FD_MIN));
  checked(libc().dup2(fd, target), `descriptor ${target}`);
  return () => {
    if (spare < 0) return void libc().close(target);
    libc().dup2(spare, target);
    libc().fcntl_number(target, F_SETFD, BigInt(flags));
    libc().close(spare);
  };
}

const O_RDWR = 2;

/**
 * Lets go of standard input and output: whoever waits for their end shall not wait for this process. The runtime has other
 * numbers for the same pipes, found by what they lead to; a pipe that is standard error too stays.
 */
export function forgetStdio(): void {
  const open = openLinks();
  const nothing = checked(libc().open(cString("/dev/null"), O_RDWR | SOCK_CLOEXEC, 0), "open /dev/null");
  for (const standard of [0, 1]) {
    const link = open.get(standard);
    const isStream = link !== undefined && /^(pipe|socket):/.test(link) && link !== open.get(2);
    for (const [fd, other] of open) {
      if (fd === standard || (isStream && other === link)) checked(libc().dup2(nothing, fd), `descriptor ${fd}`);
    }
  }
  libc().close(nothing);
}

/** What the descriptors of this process lead to. */
function openLinks(): Map<number, string> {
  const links = new Map<number, string>();
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      links.set(Number(name), Deno.readLinkSync(`/proc/self/fd/${name}`));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // the one by which the folder was read
    }
  }
  return links;
}
