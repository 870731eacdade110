/** Starts real programs for tests of code that takes a Proc's spawn. */
import type { ChildProcess, SpawnOptions } from "../../core/applet.ts";
import { spawnProgram } from "../../core/proc.ts";

/** As a running program's spawn, without programs of our own. */
export function spawnForTests(options: SpawnOptions): Promise<ChildProcess> {
  return Promise.resolve().then(() => spawnProgram(options, { entries: [], origin: { mainUrl: import.meta.url } }));
}
