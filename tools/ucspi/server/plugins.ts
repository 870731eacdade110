/**
 * What tcpserver calls shared objects: /usr/lib/indimail/plugins/qmail_smtpd.so is our qmail-smtpd, run inside the server.
 * PLUGIN0, PLUGIN1 … name those that are loaded in advance.
 */
import type { Proc } from "../../../core/applet.ts";
import { Temporary } from "../../../core/errors.ts";

/** Numbers of PLUGINn that are looked at. */
const PLUGINS_MAX = 100;

/** The program that a shared object stands for; undefined when the text names none. */
function pluginName(text: string): string | undefined {
  return /^(?:.*\/)?([^/]+)\.so$/.exec(text)?.[1]?.replaceAll("_", "-");
}

/** The command line with shared objects replaced by the programs that they stand for. Throws Temporary for unknown ones. */
export async function withoutPlugins(proc: Pick<Proc, "applet">, argv: readonly string[]): Promise<string[]> {
  return await Promise.all(argv.map(async (word, at) => {
    const name = pluginName(word);
    if (name === undefined) return word;
    const applet = await proc.applet(name);
    if (applet?.hosted) return name;
    if (at === 0) throw new Temporary(`${word}: there is no program ${name} that runs inside of tcpserver`);
    return word;
  }));
}

/** Loads what PLUGINn name and goes to PLUGINn_dir. Throws Temporary for unknown ones. */
export async function preloadPlugins(proc: Proc, env: Readonly<Record<string, string>>): Promise<void> {
  for (let number = 0; number < PLUGINS_MAX; number++) {
    const path = env[`PLUGIN${number}`];
    if (path === undefined) return;
    await withoutPlugins(proc, [path]);
    const folder = env[`PLUGIN${number}_dir`];
    if (folder !== undefined) Deno.chdir(folder);
  }
}
