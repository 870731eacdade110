/** .svscan.pid: the pid as four bytes in the processor's order, newline, in decimal, newline [man svscan.9]. */
import { errorText, Temporary } from "../../../core/errors.ts";
import { runningName } from "./process_mark.ts";

/** Attempts against others who take it at the same time. */
const ATTEMPTS_MAX = 10;

/** The pid in a file's bytes; undefined when it is damaged. */
export function parsePidFile(bytes: Uint8Array): number | undefined {
  return bytes.length < 4 ? undefined : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
}

/** The file's bytes. */
export function formatPidFile(pid: number): Uint8Array {
  const decimal = new TextEncoder().encode(`    \n${pid}\n`);
  new DataView(decimal.buffer).setUint32(0, pid, true);
  return decimal;
}

/** The pid of the svscan that has the file; undefined when there is none. */
export function svscanOf(path: string): number | undefined {
  try {
    const pid = parsePidFile(Deno.readFileSync(path));
    return pid !== undefined && runningName(pid) === "svscan" ? pid : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Makes the file for this process. Throws Temporary when another svscan has it. */
export function takePidFile(path: string, pid: number): void {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    try {
      Deno.writeFileSync(path, formatPidFile(pid), { createNew: true, mode: 0o644 });
      return;
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) {
        throw new Temporary(`unable to write ${path}: ${errorText(error)}`);
      }
    }
    const other = svscanOf(path);
    if (other !== undefined && other !== pid) throw new Temporary(`svscan already runs with pid ${other} (${path})`);
    removePidFile(path);
  }
  throw new Temporary(`unable to take ${path}`);
}

/** Removes the file; it may be gone already. */
export function removePidFile(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
