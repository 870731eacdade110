/** inotify: prints what happens in folders [man inotify.1]. */
import { defineApplet } from "../../../core/applet.ts";
import { errorText, Temporary, Usage } from "../../../core/errors.ts";
import {
  INOTIFY,
  inotifyAdd,
  type InotifyEvent,
  openInotify,
  parseInotifyEvents,
  Poller,
  tryReadFd,
} from "../../../core/libc/poll.ts";

const READ_BYTES = 64 * 1024;
/** Times out after this without DATA_TIMEOUT, and never sooner than that with a positive -d [man inotify.1]. */
const TIMEOUT_SECONDS = 1800;
const SECONDS_MAX = 1_000_000;
const MASK = INOTIFY.create | INOTIFY.open | INOTIFY.closeWrite | INOTIFY.delete | INOTIFY.moveSelf |
  INOTIFY.movedFrom | INOTIFY.movedTo;

/** The program. */
export const applet = defineApplet({
  names: ["inotify"],
  section: 1,
  summary: "print what happens in folders",
  role: "tool",
  dialect: "chain",
  options: {
    ignoreInput: { flag: "n", help: "do not read standard input; otherwise its end ends the program" },
    timeout: { flag: "d", value: "seconds", default: "1800", help: "how long a wait for events lasts before the next" },
  },
  operands: [{ name: "path", help: "a folder or file", repeat: true }],
  description:
    `inotify prints a line for each event: file or dir, the path, and created, deleted, opened, closed (after writing), renamed,
oldname renamed, newname renamed. The two lines of a renaming carry the same number in brackets. What comes on standard input
is copied to standard error, and its end is the end of inotify: as under tcpserver, when the peer has gone.`,
  env: { DATA_TIMEOUT: "seconds, in place of -d" },
  exits: { "0": "standard input has ended", "100": "wrong usage", "111": "a path cannot be watched" },
  seeAlso: ["inotify(7)", "tcpserver(1)"],
  source: ["[man inotify.1]"],
  async run(proc) {
    const timeout = proc.options.timeout ?? proc.env.get("DATA_TIMEOUT") ?? String(TIMEOUT_SECONDS);
    if (!/^-?\d{1,9}$/.test(timeout) || Math.abs(Number(timeout)) > SECONDS_MAX) {
      throw new Usage(`${timeout} is not a number of seconds`);
    }
    const fd = openInotify();
    const names = new Map<number, string>();
    for (const path of proc.args) {
      try {
        names.set(inotifyAdd(fd, path, MASK), path);
      } catch (error) {
        throw new Temporary(errorText(error));
      }
    }
    const poller = new Poller();
    const buffer = new Uint8Array(READ_BYTES);
    let written = Promise.resolve();
    poller.watch(fd, () => {
      const count = tryReadFd(fd, buffer) ?? 0;
      const lines = parseInotifyEvents(buffer.subarray(0, count)).map((event) => eventLine(event, names)).join("");
      const bytes = new TextEncoder().encode(lines);
      if (bytes.length > 0) written = written.then(() => proc.stdout.write(bytes));
    });
    if (proc.options.ignoreInput) {
      await new Promise<void>((resolve) => proc.stopping.addEventListener("abort", () => resolve()));
    } else await copyInput((into) => proc.stdin.read(into), (bytes) => proc.stderr.write(bytes));
    await written;
    await poller.close();
  },
});

async function copyInput(
  read: (into: Uint8Array) => Promise<number | null>,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const buffer = new Uint8Array(READ_BYTES);
  for (;;) {
    const count = await read(buffer);
    if (count === null) break;
    await write(buffer.subarray(0, count));
  }
  await write(new TextEncoder().encode("shutting down\n"));
}

/** The line of an event; empty for one of a watched file itself, which has no name. */
export function eventLine(event: InotifyEvent, names: ReadonlyMap<number, string>): string {
  if (event.name === "") return "";
  const { mask, cookie } = event;
  const kind = (mask & INOTIFY.isDirectory) !== 0 ? "dir " : "file";
  const what = (mask & INOTIFY.create) !== 0
    ? "created"
    : (mask & INOTIFY.delete) !== 0
    ? "deleted"
    : (mask & INOTIFY.open) !== 0
    ? "opened"
    : (mask & INOTIFY.closeWrite) !== 0
    ? "closed"
    : (mask & INOTIFY.moveSelf) !== 0
    ? `renamed [${cookie}]`
    : (mask & INOTIFY.movedFrom) !== 0
    ? `oldname renamed[${cookie}]`
    : (mask & INOTIFY.movedTo) !== 0
    ? `newname renamed[${cookie}]`
    : "unknown event";
  return `${kind} ${names.get(event.watch) ?? ""}/${event.name} ${what}\n`;
}
