/**
 * Programs that stand between another program and its input and output (fixcrio, recordio): this process becomes the
 * program, so that its pid and its end are the program's, and a helper of ours moves the bytes as its child.
 */
import type { Proc } from "../../core/applet.ts";
import { Permanent, Temporary } from "../../core/errors.ts";
import { closeFd, openPipe } from "../../core/libc/fd.ts";
import { placeFd } from "../../core/libc/socket.ts";
import { findProgram } from "../../core/self.ts";

/** Descriptors of the helper: where it writes what the program reads, and reads what it writes. */
export const TO_PROGRAM = 3;
/** See above. */
export const FROM_PROGRAM = 4;

/** The option by which a program starts itself as the helper. */
export const HELPER_OPTION = {
  long: "relay",
  value: "pid",
  help: "how the program starts its helper: move bytes between 0, 1 and the pipes 3, 4 of that process",
} as const;

/** Starts the helper and becomes the program. Throws Temporary when the program is not there. */
export async function standBetween(proc: Proc, argv: readonly string[]): Promise<never> {
  const [program = "", ...args] = argv;
  const known = await proc.applet(program) ?? findProgram(program, proc.env.get("PATH"));
  if (known === undefined) throw new Temporary(`unable to run ${program}: not found in PATH`);
  const [input, output] = [openPipe(), openPipe()];
  const fds = { 0: 0, 1: 1, 2: 2, [TO_PROGRAM]: input.writing, [FROM_PROGRAM]: output.reading };
  await proc.spawn({ program: proc.name, args: ["--relay", String(proc.pid)], fds, unwaited: true });
  closeFd(input.writing);
  closeFd(output.reading);
  placeFd(input.reading, 0);
  placeFd(output.writing, 1);
  return proc.exec(program, args);
}

/** The pid given to the helper. Throws Permanent. */
export function relayPid(text: string): number {
  const pid = Number(text);
  if (!Number.isInteger(pid) || pid < 1) throw new Permanent(`option --relay: ${text} is no pid`);
  return pid;
}
