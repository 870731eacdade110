/**
 * The terminal: reading a password without echo from /dev/tty, whatever standard input is. A signal that ends or stops the
 * program meanwhile finds the echo as it was.
 */
import { latin1Bytes } from "../bytes.ts";
import { Permanent } from "../errors.ts";
import { checked, libc, LibcError } from "./libc.ts";
import { closeFd, type Descriptor, descriptor, OPEN, openFd } from "./fd.ts";

const ECHO = 0o10;
const TERMIOS_BYTES = 60;
const LFLAG_OFFSET = 12;
const TCSANOW = 0;
const TCSAFLUSH = 2;
/** Signals that end the program where nobody handles them, by number. */
const ENDING = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const;
const SIGSTOP = 19;
/** Longest password read from a terminal, in bytes; a terminal's own line is not longer. */
export const PASSWORD_BYTES_MAX = 4096;

/**
 * Shows `prompt` and reads a line without echo; undefined when the process has no terminal. Throws Permanent when the input
 * ends instead of a line (^D).
 */
export async function readLineWithoutEcho(prompt: string): Promise<string | undefined> {
  let fd: number;
  try {
    fd = openFd("/dev/tty", OPEN.readWrite | OPEN.closeOnExec);
  } catch (error) {
    if (error instanceof LibcError) return undefined;
    throw error;
  }
  try {
    return await readSilently(fd, prompt);
  } finally {
    closeFd(fd);
  }
}

async function readSilently(fd: number, prompt: string): Promise<string> {
  const terminal = descriptor(fd);
  const settings = new Uint8Array(TERMIOS_BYTES);
  checked(libc().tcgetattr(fd, settings), "tcgetattr");
  const silent = settings.slice();
  const view = new DataView(silent.buffer);
  view.setUint32(LFLAG_OFFSET, view.getUint32(LFLAG_OFFSET, true) & ~ECHO, true);
  const restore = () => libc().tcsetattr(fd, TCSANOW, settings);
  const unwatch = watchSignals({
    restore,
    resume() {
      libc().tcsetattr(fd, TCSANOW, silent);
      terminal.write(latin1Bytes(prompt)).catch(restore);
    },
  });
  try {
    checked(libc().tcsetattr(fd, TCSAFLUSH, silent), "tcsetattr"); // what was typed before the prompt is no password
    await terminal.write(latin1Bytes(prompt));
    return await readLine(terminal);
  } finally {
    restore();
    unwatch();
  }
}

async function readLine(terminal: Descriptor): Promise<string> {
  const line = new Uint8Array(PASSWORD_BYTES_MAX);
  const count = await terminal.read(line);
  await terminal.write(latin1Bytes("\n"));
  if (count === null) throw new Permanent("no password was typed");
  const text = new TextDecoder().decode(line.subarray(0, count)).replace(/\r?\n$/, "");
  line.fill(0);
  return text;
}

/** Has a signal do what it does by default, but with the echo as it was; the result ends the watch. */
function watchSignals(terminal: { restore(): void; resume(): void }): () => void {
  const handlers = new Map<Deno.Signal, () => void>();
  for (const signal of ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"] as const) {
    handlers.set(signal, () => {
      terminal.restore();
      libc().signal(ENDING[signal], null);
      libc().kill(Deno.pid, ENDING[signal]);
    });
  }
  handlers.set("SIGTSTP", () => {
    terminal.restore();
    libc().kill(Deno.pid, SIGSTOP);
    terminal.resume(); // once it is continued
  });
  for (const [signal, handler] of handlers) Deno.addSignalListener(signal, handler);
  return () => {
    for (const [signal, handler] of handlers) Deno.removeSignalListener(signal, handler);
  };
}
