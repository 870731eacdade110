/** Runs another program of ours inside this process, on the installation that is being made. */
import type { Proc } from "../../core/applet.ts";
import { Temporary } from "../../core/errors.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import { parseOptions } from "../../core/options.ts";
import type { Paths } from "../../core/paths.ts";

/** Most text of a program that is kept to show it. */
const OUTPUT_BYTES_MAX = 64 * 1024;

/** Which program, and for which installation. */
export interface AppletRun {
  readonly name: string;
  readonly args: readonly string[];
  readonly paths: Paths;
}

/** What the program wrote on standard output. Throws what it throws, or Temporary when it ends with another code than ok. */
export async function runApplet(proc: Proc, run: AppletRun): Promise<string> {
  const applet = await proc.applet(run.name);
  if (!applet) throw new Temporary(`this executable has no program ${run.name}`);
  const { options, args } = parseOptions(applet, run.args);
  const env = { ...proc.env.all(), INDIMAIL_ROOT: run.paths.root };
  const decoder = new TextDecoder();
  let output = "";
  const write = (bytes: Uint8Array) => {
    if (output.length < OUTPUT_BYTES_MAX) output += decoder.decode(bytes, { stream: true });
    return Promise.resolve();
  };
  const code = await applet.run({
    ...proc,
    name: run.name,
    options,
    args,
    paths: run.paths,
    env: { get: (name) => Object.entries(env).find(([key]) => key === name)?.[1], all: () => env },
    stdin: { read: () => Promise.resolve(null) },
    stdout: { write },
    stderr: { write },
  });
  const ok = EXIT_DIALECTS[applet.dialect].ok;
  if ((code ?? ok) !== ok) throw new Temporary(`${run.name} ${run.args[0] ?? ""} failed: ${output.trim()}`);
  return output;
}
