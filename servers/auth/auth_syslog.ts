/**
 * Lines for the host's syslog, facility authpriv: a program that PAM runs has nobody who reads its standard error [man
 * pam-multi.8]. Where no syslog listens nothing is written.
 */
import { closeFd } from "../../core/libc/fd.ts";
import { LibcError } from "../../core/libc/libc.ts";
import { setNonblocking, tryWriteFd } from "../../core/libc/poll.ts";
import { connectLogSocket } from "../../core/libc/syslog.ts";

/** LOG_AUTHPRIV [man syslog.3]. */
const FACILITY = 10;
/** Levels used. */
const LEVEL = { err: 3, warning: 4, info: 6 } as const;
const SYSLOG_SOCKET = "/dev/log";
/** Longest line; the rest is cut off. */
const CHARACTERS_MAX = 1000;

/** Writes a line; `socket` is another place for tests. */
export function authSyslog(level: keyof typeof LEVEL, text: string, socket = SYSLOG_SOCKET): void {
  const line = text.slice(0, CHARACTERS_MAX).replaceAll(/\p{Cc}/gu, " ");
  const bytes = new TextEncoder().encode(`<${FACILITY * 8 + LEVEL[level]}>pam-multi[${Deno.pid}]: ${line}`);
  let fd: number | undefined;
  try {
    fd = connectLogSocket(socket);
    setNonblocking(fd, "nonblocking");
    tryWriteFd(fd, bytes);
  } catch (error) {
    if (!(error instanceof LibcError)) throw error; // no syslog on this host, or a full one: logins go on
  } finally {
    if (fd !== undefined) closeFd(fd);
  }
}
