/**
 * Finds the programs: every file of core, admin, servers and tools that exports `applet`, loaded. A file that cannot be
 * loaded is reported and skipped, so that one broken file does not stop the others.
 */
import { type Applet, type AppletEntry } from "../../core/applet.ts";
import { errorText } from "../../core/errors.ts";
import { walkFiles } from "../lib/walk.ts";

/** A program and where it stands. */
export interface Program {
  /** Path below the root of the checkout: servers/smtp/qmail_smtpd.ts. */
  readonly file: string;
  /** The folder: servers/smtp. */
  readonly room: string;
  readonly applet: Applet;
}

/** What was found. */
export interface Programs {
  readonly programs: readonly Program[];
  /** Files that could not be loaded, with the reason. */
  readonly broken: readonly { readonly file: string; readonly reason: string }[];
  /** Declarations that are wrong: two programs of one name, a file that is not named after its program. */
  readonly mistakes: readonly string[];
}

const ROOMS = ["core", "admin", "servers", "tools"];
const DECLARES_APPLET = /^export const applet\b/m;

/** All programs below `root`, ordered by name. */
export async function findPrograms(root: string): Promise<Programs> {
  const programs: Program[] = [];
  const broken: { file: string; reason: string }[] = [];
  for (const file of walkFiles(root, ROOMS)) {
    if (!file.endsWith(".ts") || file.endsWith("_test.ts")) continue;
    if (!DECLARES_APPLET.test(Deno.readTextFileSync(`${root}/${file}`))) continue;
    try {
      const { applet }: Awaited<ReturnType<AppletEntry["load"]>> = await import(`file://${root}/${file}`);
      programs.push({ file, room: file.slice(0, file.lastIndexOf("/")), applet });
    } catch (error) {
      broken.push({ file, reason: errorText(error).split("\n", 1).join() });
    }
  }
  programs.sort((a, b) => compareText(a.applet.names[0], b.applet.names[0]));
  return { programs, broken, mistakes: findMistakes(programs) };
}

/** Order by code units, the same on every machine. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function findMistakes(programs: readonly Program[]): string[] {
  const mistakes: string[] = [];
  const owners = new Map<string, string>();
  for (const { file, applet } of programs) {
    for (const name of applet.names) {
      const owner = owners.get(name);
      if (owner !== undefined) mistakes.push(`${file}: the name ${name} belongs to ${owner}`);
      owners.set(name, file);
    }
    const expected = `${applet.names[0].replace(/[-.@+]/g, "_")}.ts`;
    if (!file.endsWith(`/${expected}`)) mistakes.push(`${file}: the file of ${applet.names[0]} is called ${expected}`);
  }
  return mistakes;
}
