/** The scripts of svscan itself: INITCMD and .svscan/shutdown, run by sh. */
import { errorText } from "../../../core/errors.ts";
import { sendSignal, spawnProcess } from "../../../core/libc/process.ts";
import { watchProcess } from "./process_job.ts";
import type { ServiceWorld } from "./service.ts";

const EXECUTABLE_BITS = 0o111;
const SIGTERM = 15;

/** True when the file is there and executable. */
export function hasExecutable(path: string): boolean {
  try {
    const stat = Deno.statSync(path);
    return stat.isFile && ((stat.mode ?? 0) & EXECUTABLE_BITS) !== 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
}

/** Where and how a command is run. */
export interface ShellPlace {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly world: ServiceWorld;
  /** Ends it by TERM. */
  readonly enough?: AbortSignal;
}

/** Runs a command by sh; resolves when it has ended, which a warning tells when it failed. */
export function runShell(command: string, { cwd, env, world, enough }: ShellPlace): Promise<void> {
  return new Promise((resolve) => {
    try {
      const pid = spawnProcess({
        program: "/bin/sh",
        argv: ["/bin/sh", "-c", command],
        env,
        cwd,
        fds: { 0: 0, 1: 1, 2: 2 },
      });
      const kill = () => sendSignal(pid, SIGTERM);
      enough?.addEventListener("abort", kill);
      watchProcess(world.poller, pid, {
        isChild: true,
        ended(end) {
          enough?.removeEventListener("abort", kill);
          if (end && (end.code !== 0 || end.signal !== 0)) {
            world.warn(`${command} ended with ${end.code || end.signal}`);
          }
          resolve();
        },
      });
    } catch (error) {
      world.warn(`${command}: ${errorText(error)}`);
      resolve();
    }
  });
}
