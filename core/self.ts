/**
 * How to start a program of ours again: the compiled binary under another argv[0], or `deno run` of main.ts with the
 * program's name as first argument. And how a program's name becomes a file, as execvp(3) does.
 */
import { errorText } from "./errors.ts";

/** A command that runs one of our programs; the program's own arguments follow `args`. */
export interface SelfCommand {
  readonly program: string;
  readonly argv0: string;
  readonly args: readonly string[];
}

/** What main.ts tells of itself. */
export interface SelfOrigin {
  /** import.meta.url of main.ts. */
  readonly mainUrl: string;
}

/** Flags of `deno run` that a program of ours needs; `deno task` and the supervisor use the same. */
export const DENO_RUN_FLAGS = [
  "run",
  "-A",
  "--no-prompt",
  "--unstable-net",
  "--unstable-worker-options",
] as const;

/** True in the executable made by `deno compile`. */
export function isCompiled(): boolean {
  return Deno.build.standalone;
}

/** The command that runs our program `name`. */
export function selfCommand(origin: SelfOrigin, name: string): SelfCommand {
  const program = Deno.execPath();
  if (isCompiled()) return { program, argv0: name, args: [] };
  const main = decodeURIComponent(new URL(origin.mainUrl).pathname);
  return { program, argv0: "deno", args: [...DENO_RUN_FLAGS, main, name] };
}

/** The folder of main.ts when not compiled: the checkout. */
export function sourceFolder(origin: SelfOrigin): string {
  return decodeURIComponent(new URL(".", origin.mainUrl).pathname).replace(/\/$/, "");
}

/** Where commands are looked for when PATH is not set, as execvp(3) does. */
const DEFAULT_PATH = "/bin:/usr/bin";
/** Most folders of PATH that are looked into. */
const PATH_FOLDERS_MAX = 1000;

/** The file that a shell would run for `program`; undefined when there is none. Names with a slash are their own file. */
export function findProgram(program: string, path: string | undefined): string | undefined {
  if (program === "") return undefined;
  if (program.includes("/")) return program;
  for (const folder of (path ?? DEFAULT_PATH).split(":").slice(0, PATH_FOLDERS_MAX)) {
    const file = `${folder || "."}/${program}`;
    if (isExecutable(file)) return file;
  }
  return undefined;
}

function isExecutable(file: string): boolean {
  try {
    const stat = Deno.statSync(file);
    return stat.isFile && ((stat.mode ?? 0) & 0o111) !== 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return false;
    if (errorText(error).includes("ot a directory")) return false;
    throw error;
  }
}
