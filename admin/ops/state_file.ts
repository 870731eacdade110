/**
 * run/serve.json: what `serve` runs, for `status` and `doctor`, which are other processes. Ours, version 1. Written whole
 * and renamed; the lock run/serve.lock says whether it is true.
 */
import { Denied } from "../../core/errors.ts";
import type { ServiceStatus } from "../../core/supervisor.ts";
import type { Paths } from "../../core/paths.ts";

/** A service in the state file. */
export interface ServiceState extends ServiceStatus {
  /** Its last line about its fences (core/fence.ts), when it has them. */
  readonly fence?: string | undefined;
}

/** The whole file. */
export interface ServeState {
  readonly version: 1;
  readonly pid: number;
  readonly startedMs: number;
  readonly listens: readonly string[];
  readonly services: readonly ServiceState[];
}

/** The state file's path. */
export function statePath(paths: Paths): string {
  return `${paths.run}/serve.json`;
}

/** The lock's path. */
export function lockPath(paths: Paths): string {
  return `${paths.run}/serve.lock`;
}

/** Writes the state in one piece. */
export function writeState(paths: Paths, state: ServeState): void {
  const temporary = `${statePath(paths)}.new`;
  Deno.writeTextFileSync(temporary, `${JSON.stringify(state)}\n`, { mode: 0o644 });
  Deno.renameSync(temporary, statePath(paths));
}

function isState(value: unknown): value is ServeState {
  return typeof value === "object" && value !== null && "version" in value && value.version === 1 &&
    "services" in value && Array.isArray(value.services);
}

/**
 * The state of the `serve` that runs or ran last; undefined when none ever did or it stopped cleanly. Throws Denied where
 * this user may not read it.
 */
export function tryReadState(paths: Paths): ServeState | undefined {
  try {
    const value: unknown = JSON.parse(Deno.readTextFileSync(statePath(paths)));
    return isState(value) ? value : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new Denied(`${statePath(paths)} is not for this user to read: run it as root or as the server's user`);
    }
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
