/** A file named on the command line, or standard input for `-` and nothing. */
import type { Proc } from "../../core/applet.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import type { ByteReader } from "../../core/stream.ts";

/** Opens it. A FIFO is opened for writing too: it has no end while this reads it. Throws Temporary naming the file. */
export function openInputFile(proc: Pick<Proc, "stdin">, path: string | undefined): ByteReader & { close(): void } {
  if (path === undefined || path === "-") return { read: (into) => proc.stdin.read(into), close: () => {} };
  try {
    return Deno.openSync(path, { read: true, write: Deno.statSync(path).isFifo === true });
  } catch (error) {
    throw new Temporary(`unable to open ${path}: ${errorText(error)}`);
  }
}
