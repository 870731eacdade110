/** Positions of descriptors that processes share: lseek(2) on one that was inherited. */
import { errno, libc, LibcError } from "./libc.ts";

const SEEK_SET = 0;
const ESPIPE = 29;

/** Sets a descriptor to the start of its file; false when it is a pipe, socket or terminal. */
export function seekStart(fd: number): boolean {
  if (libc().lseek(fd, 0n, SEEK_SET) >= 0n) return true;
  const code = errno();
  if (code === ESPIPE) return false;
  throw new LibcError(`seek descriptor ${fd}`, code);
}
