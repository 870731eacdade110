/**
 * Makes a link to this executable for each program in a folder. From a checkout, where there is no executable, small
 * scripts stand in for the links. What is not ours is never replaced unless forced, a folder never.
 */
import { DENO_RUN_FLAGS, isCompiled } from "../../core/self.ts";

/** How a program is started: by a link to the executable, or by a script that names the program. */
export type Launcher =
  | { readonly kind: "link"; readonly executable: string }
  | { readonly kind: "script"; readonly text: (name: string) => string };

/** What became of each name. */
export interface LinkResult {
  readonly made: readonly string[];
  readonly present: readonly string[];
  /** Names where something stands that is not ours. */
  readonly foreign: readonly string[];
}

/** What is to be linked. */
export interface LinkOptions {
  readonly names: readonly string[];
  readonly launcher: Launcher;
  readonly force: boolean;
}

/** Says in the second line of a script that it is ours. */
const MARK = "# made by indimail link";
/** Names of made links that the report still lists; of a whole installation the number is enough. */
const LISTED_MAX = 20;
/** Bytes of a file that are looked at for the mark. */
const HEAD_BYTES = 200;

/** The launcher of this process: its executable, or `deno run` of the checkout. */
export function ownLauncher(): Launcher {
  if (isCompiled()) return { kind: "link", executable: Deno.execPath() };
  const main = decodeURIComponent(new URL("../../main.ts", import.meta.url).pathname);
  const words = [Deno.execPath(), ...DENO_RUN_FLAGS, main].map(shellQuoted).join(" ");
  return { kind: "script", text: (name) => `#!/bin/sh\n${MARK}\nexec ${words} ${shellQuoted(name)} "$@"\n` };
}

function shellQuoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Makes what is missing in `folder`, which is created; throws what the system throws. */
export function linkPrograms(folder: string, options: LinkOptions): LinkResult {
  const made: string[] = [];
  const present: string[] = [];
  const foreign: string[] = [];
  Deno.mkdirSync(folder, { recursive: true });
  for (const name of options.names) {
    const path = `${folder}/${name}`;
    const standing = whatStands(path, name, options.launcher);
    if (standing === "current" || (standing === "self")) present.push(name);
    else if (standing === "folder" || (standing === "foreign" && !options.force)) foreign.push(name);
    else {
      make(path, name, options.launcher);
      made.push(name);
    }
  }
  return { made, present, foreign };
}

type Standing = "nothing" | "current" | "self" | "ours" | "foreign" | "folder";

/** What stands at the place of a link: `ours` is a link or script of another build, `self` the executable itself. */
function whatStands(path: string, name: string, launcher: Launcher): Standing {
  let info: Deno.FileInfo;
  try {
    info = Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "nothing";
    throw error;
  }
  if (info.isDirectory) return "folder";
  if (info.isSymlink) {
    const target = Deno.readLinkSync(path);
    if (launcher.kind === "link" && target === launcher.executable) return "current";
    return /(?:^|\/)indimail$/.test(target) ? "ours" : "foreign";
  }
  if (launcher.kind === "link" && samePlace(path, launcher.executable)) return "self";
  const head = headOf(path);
  if (!head.startsWith(`#!/bin/sh\n${MARK}\n`)) return "foreign";
  return launcher.kind === "script" && Deno.readTextFileSync(path) === launcher.text(name) ? "current" : "ours";
}

function samePlace(path: string, other: string): boolean {
  return Deno.realPathSync(path) === Deno.realPathSync(other);
}

function headOf(path: string): string {
  using file = Deno.openSync(path);
  const head = new Uint8Array(HEAD_BYTES);
  return new TextDecoder().decode(head.subarray(0, file.readSync(head) ?? 0));
}

/** Puts the link in place in one step: whoever starts the program meanwhile finds the old or the new one. */
function make(path: string, name: string, launcher: Launcher): void {
  const part = `${path}.new${Deno.pid}`;
  if (launcher.kind === "link") Deno.symlinkSync(launcher.executable, part);
  else Deno.writeTextFileSync(part, launcher.text(name), { mode: 0o755 });
  Deno.renameSync(part, path);
}

/** What the operator is told. */
export function linkReport(folder: string, { made, present, foreign }: LinkResult): string {
  const lines = [`${folder}: ${made.length} made, ${present.length} already there`];
  if (made.length > 0 && made.length <= LISTED_MAX) lines.push(`made: ${made.join(" ")}`);
  for (const name of foreign) {
    lines.push(`not replaced: ${folder}/${name} is not a link of ours (--force replaces files)`);
  }
  return `${lines.join("\n")}\n`;
}
