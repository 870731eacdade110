/**
 * Calls a program of ours inside the test's process, on an installation of the test: quick enough for thousands of calls,
 * and its arguments may hold what no process can be given (NUL). It starts no other program.
 */
import { APPLETS } from "../../applets.ts";
import type { Proc } from "../../core/applet.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import { exitCodeOf } from "../../core/failure.ts";
import { createLogger } from "../../core/log.ts";
import { parseOptions } from "../../core/options.ts";
import { resolvePaths } from "../../core/paths.ts";
import { findEntry } from "../../core/proc.ts";

/** How a call ended. */
export interface AppletCall {
  readonly code: number;
  readonly stdout: string;
  /** What was thrown; undefined when it ended by itself. */
  readonly error: Error | undefined;
}

/** Calls the program `args[0]` with the rest; `root` is the installation's, standard input is empty unless given. */
export async function callApplet(
  args: readonly [string, ...string[]],
  where: { readonly root: string; readonly env?: Readonly<Record<string, string>>; readonly stdin?: string },
): Promise<AppletCall> {
  const [name, ...rest] = args;
  const applet = (await findEntry(APPLETS, name)?.load())?.applet;
  if (!applet) throw new Error(`there is no program ${name}`);
  const dialect = EXIT_DIALECTS[applet.dialect];
  const env: Readonly<Record<string, string>> = { INDIMAIL_ROOT: where.root, ...where.env };
  let stdin: Uint8Array = new TextEncoder().encode(where.stdin ?? "");
  let stdout = "";
  const write = (bytes: Uint8Array) => {
    stdout += new TextDecoder().decode(bytes);
    return Promise.resolve();
  };
  const never = () => {
    throw new Error("not in this test");
  };
  const log = createLogger(() => Promise.resolve());
  try {
    const parsed = parseOptions(applet, rest);
    const proc: Proc = {
      name,
      options: parsed.options,
      args: parsed.args,
      env: { get: (key) => env[key], all: () => env },
      paths: resolvePaths(where.root, (key) => env[key]),
      stdin: {
        read(into) {
          const count = Math.min(into.length, stdin.length);
          into.set(stdin.subarray(0, count));
          stdin = stdin.subarray(count);
          return Promise.resolve(count === 0 ? null : count);
        },
      },
      stdout: { write },
      stderr: { write: () => Promise.resolve() },
      fd: never,
      log,
      clock: { nowMs: () => Date.now(), sleep: () => Promise.resolve() },
      uid: Deno.uid() ?? 0,
      pid: Deno.pid,
      spawn: never,
      exec: never,
      stopping: new AbortController().signal,
      onSignal: () => undefined,
      applet: () => Promise.resolve(undefined),
      readPassword: () => Promise.resolve(undefined),
    };
    return { code: await applet.run(proc) ?? dialect.ok, stdout, error: undefined };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { code: exitCodeOf(error, dialect), stdout, error };
  } finally {
    await log.flush();
  }
}
