/** The socket of the local syslog daemon: Unix datagrams, which Deno sends only from a socket with a path of its own. */
import { checked, cString, libc } from "./libc.ts";
import { closeFd } from "./fd.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
/** Longest path of a Unix socket, with its NUL. */
const PATH_BYTES_MAX = 108;

/** A datagram socket connected to that path, closed at exec; each write is a message. Throws LibcError. */
export function connectLogSocket(path: string): number {
  const name = cString(path);
  if (name.length > PATH_BYTES_MAX) throw new RangeError(`${path}: too long for a socket`);
  const address = new Uint8Array(2 + name.length);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(name, 2);
  const fd = checked(libc().socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
  try {
    checked(libc().connect(fd, address, address.length), `connect ${path}`);
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}
