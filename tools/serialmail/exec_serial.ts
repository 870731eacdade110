/** How maildirsmtp and its kin become maildirserial with a client. */
import type { Proc } from "../../core/applet.ts";
import { Permanent } from "../../core/errors.ts";
import { controlLine } from "./bounce_message.ts";

/** How long a message is tried where control/queuelifetime does not say: two weeks, in seconds. */
export const LIFETIME_SECONDS = 1_209_600;

/** Becomes maildirserial for this Maildir and prefix. Throws Permanent when control/queuelifetime is no number. */
export function execSerial(
  proc: Pick<Proc, "exec" | "paths">,
  maildir: readonly [dir: string, prefix: string],
  client: readonly string[],
): never {
  const lifetime = controlLine(proc.paths.control, "queuelifetime") ?? String(LIFETIME_SECONDS);
  if (!/^\d{1,15}$/.test(lifetime)) {
    throw new Permanent(`control/queuelifetime is not a number of seconds: ${lifetime}`);
  }
  return proc.exec("maildirserial", ["-b", "-t", lifetime, "--", ...maildir, ...client]);
}
