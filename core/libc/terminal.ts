/** The terminal: reading a password without echo from /dev/tty, whatever standard input is. */
import { latin1Bytes } from "../bytes.ts";
import { checked, libc, LibcError } from "./libc.ts";
import { closeFd, descriptor, OPEN, openFd } from "./fd.ts";

const ECHO = 0o10;
const TERMIOS_BYTES = 60;
const LFLAG_OFFSET = 12;
const TCSAFLUSH = 2;
/** Longest password read from a terminal, in bytes; a terminal's own line is not longer. */
export const PASSWORD_BYTES_MAX = 4096;

/** Shows `prompt` and reads a line without echo; undefined when the process has no terminal or the line ended early. */
export async function readLineWithoutEcho(prompt: string): Promise<string | undefined> {
  let fd: number;
  try {
    fd = openFd("/dev/tty", OPEN.readWrite | OPEN.closeOnExec);
  } catch (error) {
    if (error instanceof LibcError) return undefined;
    throw error;
  }
  const terminal = descriptor(fd);
  const settings = new Uint8Array(TERMIOS_BYTES);
  try {
    checked(libc().tcgetattr(fd, settings), "tcgetattr");
    const silent = settings.slice();
    const view = new DataView(silent.buffer);
    view.setUint32(LFLAG_OFFSET, view.getUint32(LFLAG_OFFSET, true) & ~ECHO, true);
    await terminal.write(latin1Bytes(prompt));
    checked(libc().tcsetattr(fd, TCSAFLUSH, silent), "tcsetattr");
    const line = new Uint8Array(PASSWORD_BYTES_MAX);
    const count = await terminal.read(line);
    await terminal.write(latin1Bytes("\n"));
    if (count === null) return undefined;
    return new TextDecoder().decode(line.subarray(0, count)).replace(/\r?\n$/, "");
  } finally {
    libc().tcsetattr(fd, TCSAFLUSH, settings);
    closeFd(fd);
  }
}
