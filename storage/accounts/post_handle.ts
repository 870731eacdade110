/** Post handles: the site's own program that runs after a command has done its work [spec formats 27] [man vadduser.9]. */
import type { ChildProcess, SpawnOptions } from "../../core/applet.ts";
import type { Paths } from "../../core/paths.ts";

/** The variable, for applets to declare. */
export const POST_HANDLE_ENV = {
  POST_HANDLE: "program to run at the end with the main arguments; default libexec/indimail/NAME when it is there",
} as const;

/** What a post handle needs of a program. */
export interface PostHandleProc {
  readonly name: string;
  readonly paths: Paths;
  readonly env: { get(name: string): string | undefined };
  spawn(options: SpawnOptions): Promise<ChildProcess>;
}

/** The program that is the post handle of a command; undefined where there is none. */
export function postHandleOf(proc: Omit<PostHandleProc, "spawn">): string | undefined {
  const root = proc.paths.root === "/" ? "" : proc.paths.root;
  const program = proc.env.get("POST_HANDLE") || `${root}/usr/libexec/indimail/${proc.name}`;
  return isExecutable(program) ? program : undefined;
}

/**
 * Runs the post handle; its exit status becomes that of the command. 0 where there is none. Without `stdin` it reads what
 * the command reads.
 */
export async function runPostHandle(
  proc: PostHandleProc,
  args: readonly string[],
  options: { readonly stdin?: "null" } = {},
): Promise<number> {
  const program = postHandleOf(proc);
  if (program === undefined) return 0;
  const child = await proc.spawn({ program, args, fds: { 0: options.stdin ?? 0, 1: 1, 2: 2 } });
  const { code, signal } = await child.ended;
  return signal === 0 ? code : 1;
}

function isExecutable(path: string): boolean {
  try {
    const stat = Deno.statSync(path);
    return stat.isFile && ((stat.mode ?? 0) & 0o111) !== 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
