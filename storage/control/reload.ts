/**
 * Telling a running `indimail serve` that control files have changed: SIGHUP to it, which it hands on to all its roles. Who
 * runs the daemons otherwise (supervise, systemd) sends HUP as the original's commands do.
 */
import type { Paths } from "../../core/paths.ts";
import { FileLock } from "../locks/file_lock.ts";

/** Signals the running serve of this installation; false when there is none, or it is another account's. */
export function reloadServers(paths: Paths): boolean {
  try {
    const state: unknown = JSON.parse(Deno.readTextFileSync(`${paths.run}/serve.json`));
    const pid: unknown = typeof state === "object" && state !== null && "pid" in state ? state.pid : undefined;
    if (typeof pid !== "number" || !Number.isInteger(pid) || pid <= 1) return false;
    // serve holds this lock as long as it runs: without it the number may be another process's by now
    const lock = FileLock.try(`${paths.run}/serve.lock`);
    lock?.release();
    if (lock) return false;
    Deno.kill(pid, "SIGHUP");
    return true;
  } catch (error) {
    const harmless = error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied ||
      error instanceof SyntaxError;
    if (harmless) return false;
    throw error;
  }
}
