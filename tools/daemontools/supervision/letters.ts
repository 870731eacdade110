/** Letters into the control FIFO of a supervisor, and whether one reads there; never waits for one that is not there. */
import { latin1Bytes } from "../../../core/bytes.ts";
import { ERRNO, LibcError } from "../../../core/libc/libc.ts";
import { closeFd, OPEN, openFd } from "../../../core/libc/fd.ts";
import { tryWriteFd } from "../../../core/libc/poll.ts";

/** Nobody has the FIFO open for reading. */
const ENXIO = 6;

/** The FIFO, open for writing; undefined when nobody reads it. Throws LibcError. */
function tryOpenWriter(path: string): number | undefined {
  try {
    return openFd(path, OPEN.write | OPEN.nonblocking | OPEN.closeOnExec);
  } catch (error) {
    if (error instanceof LibcError && (error.errno === ENXIO || error.errno === ERRNO.noent)) return undefined;
    throw error;
  }
}

/** True when somebody reads the FIFO. Throws LibcError when it cannot be told. */
export function hasReader(path: string): boolean {
  const fd = tryOpenWriter(path);
  if (fd !== undefined) closeFd(fd);
  return fd !== undefined;
}

/** Writes letters of svc; false when no supervisor reads them. Throws LibcError. */
export function sendLetters(path: string, letters: string): boolean {
  const fd = tryOpenWriter(path);
  if (fd === undefined) return false;
  try {
    return tryWriteFd(fd, latin1Bytes(letters)) === letters.length;
  } finally {
    closeFd(fd);
  }
}
