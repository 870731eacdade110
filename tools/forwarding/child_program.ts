/** Programs that are run with the message, and what their ends mean. */
import type { ChildProcess, Proc, SpawnOptions } from "../../core/applet.ts";
import { errorText, Permanent, Temporary } from "../../core/errors.ts";
import { findProgram } from "../../core/self.ts";
import { COMMAND_EXIT } from "./command_exits.ts";

/** A program that runs; or a code, as if it had ended with it: it is not there, or cannot be run. */
export type Started = { readonly child: ChildProcess } | { readonly code: number };

/** The code that stands for a program that does not exist. */
const MISSING = 2;

/** Why a program did not start. Throws `error` when that is not its fault. */
function failureCode(program: string, path: string | undefined, error: unknown): number {
  const file = findProgram(program, path);
  if (file === undefined) return MISSING;
  try {
    const stat = Deno.statSync(file);
    if (!stat.isFile || ((stat.mode ?? 0) & 0o111) === 0) return COMMAND_EXIT.permanent;
  } catch (failure) {
    if (failure instanceof Deno.errors.NotFound) return MISSING;
    if (errorText(failure).includes("ot a directory")) return MISSING;
  }
  throw error;
}

/** Starts a program with the message as its standard input, unless `fds` say otherwise. Throws Temporary. */
export async function startProgram(
  proc: Pick<Proc, "spawn" | "env">,
  [program = "", ...args]: readonly string[],
  options: Pick<SpawnOptions, "fds" | "env" | "cwd"> = {},
): Promise<Started> {
  const env = options.env ?? proc.env.all();
  try {
    return { child: await proc.spawn({ program, args, fds: { 0: 0, 1: 1, 2: 2 }, ...options, env }) };
  } catch (error) {
    return { code: failureCode(program, env.PATH, error) };
  }
}

/** The exit code of a program. Throws Temporary when a signal ended it. */
export async function endCode(started: Started): Promise<number> {
  if (!("child" in started)) return started.code;
  const { code, signal } = await started.child.ended;
  if (signal !== 0) throw new Temporary(`the program was killed by signal ${signal}`);
  return code;
}

/** Runs a program with the message. */
export async function runProgram(proc: Pick<Proc, "spawn" | "env">, command: readonly string[]): Promise<number> {
  return await endCode(await startProgram(proc, command));
}

/** Throws Temporary for 111. */
export function throwIfTemporary(code: number): void {
  if (code === COMMAND_EXIT.temporary) throw new Temporary("the program asks to try again later");
}

/**
 * Whether the program asks for what condredirect and condtomaildir do: it ended with 0, or, reversed, with anything
 * else. Throws Temporary for 111 and Permanent for 100.
 */
export async function isWanted(
  proc: Pick<Proc, "spawn" | "env">,
  command: readonly string[],
  options: { readonly reversed: boolean },
): Promise<boolean> {
  const code = await runProgram(proc, command);
  throwIfTemporary(code);
  if (code === COMMAND_EXIT.permanent) throw new Permanent("the program refuses the message");
  return (code === COMMAND_EXIT.done) !== options.reversed;
}
