/** qmail-logfifo: copies what programs write to a FIFO to standard output, for multilog [man indimail-services.9]. */
import { defineApplet } from "../../../core/applet.ts";
import { errorText, Temporary } from "../../../core/errors.ts";
import { closeFd, descriptor, OPEN, openFd } from "../../../core/libc/fd.ts";
import { makeFifo } from "../../../core/libc/files.ts";

const READ_BYTES = 64 * 1024;
/** Anybody may write a line; only the service reads. */
const FIFO_MODE = 0o622;
const LF = 10;

export const applet = defineApplet({
  names: ["qmail-logfifo"],
  section: 8,
  summary: "log what programs write to a FIFO",
  role: "tool",
  dialect: "daemon",
  options: {},
  operands: [{ name: "fifo", optional: true, help: "the FIFO; logfifo in the installation's run folder when absent" }],
  description:
    `qmail-logfifo copies lines that programs write to a FIFO to its standard output, under supervise to multilog. It makes the
FIFO when there is none, so that everybody may write to it, and goes on when no writer is left. Filters that know no other
log, as those of LOGFILTER, write there.

A write of at most 4096 bytes arrives in one piece.`,
  files: { "/run/indimail/logfifo": "the FIFO by default" },
  examples: [{ command: "qmail-logfifo | multilog t ./main", help: "a log for filters" }],
  exits: { "0": "TERM", "111": "the FIFO cannot be made or opened" },
  seeAlso: ["multilog(8)", "qcat(1)", "zspam(1)"],
  source: ["[man indimail-services.9]", "[spec formats 16]"],
  async run(proc) {
    const path = proc.args[0] ?? `${proc.paths.run}/logfifo`;
    const fd = openFifo(path);
    const reader = descriptor(fd);
    const buffer = new Uint8Array(READ_BYTES);
    const stopped = Promise.withResolvers<null>();
    if (proc.stopping.aborted) stopped.resolve(null);
    proc.stopping.addEventListener("abort", () => stopped.resolve(null), { once: true });
    let endsLine = true;
    for (;;) {
      // the read that waits when TERM comes ends with a line of our own
      const count = await Promise.race([reader.read(buffer), stopped.promise]);
      if (count === null) break;
      endsLine = buffer[count - 1] === LF;
      await proc.stdout.write(buffer.subarray(0, count));
    }
    if (!endsLine) await proc.stdout.write(new Uint8Array([LF]));
    await wake(path);
    closeFd(fd);
  },
});

/** Opens for reading and writing: there is always a writer, so the end never comes. Throws Temporary. */
function openFifo(path: string): number {
  try {
    const found = tryStat(path);
    if (found && !found.isFifo) throw new Temporary("that is no FIFO");
    if (!found) {
      makeFifo(path, FIFO_MODE);
      Deno.chmodSync(path, FIFO_MODE); // whatever the umask is
    }
    return openFd(path, OPEN.readWrite | OPEN.closeOnExec);
  } catch (error) {
    throw new Temporary(`unable to read from ${path}: ${errorText(error)}`);
  }
}

function tryStat(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Ends the read that waits on a thread of the pool. */
async function wake(path: string): Promise<void> {
  const file = await Deno.open(path, { write: true });
  await file.write(new Uint8Array([LF]));
  file.close();
}
