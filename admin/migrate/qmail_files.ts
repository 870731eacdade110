/** The files of an installation of qmail as they are: control files, users/assign, ~alias. Only reads. */
import { latin1Text } from "../../core/bytes.ts";
import { Temporary } from "../../core/errors.ts";
import { pathExists } from "../../core/path_exists.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { type Assignment, parseAssign } from "../../storage/users/assign.ts";

/** What qmail has. */
export interface QmailFiles {
  readonly folder: string;
  readonly control: ControlFiles;
  readonly assignments: readonly Assignment[];
  /** Domains that mail is accepted for: rcpthosts and morercpthosts. */
  readonly accepted: ReadonlySet<string>;
}

/** Reads the files below a folder; undefined when there is no control folder. Throws Permanent naming file and line. */
export function readQmail(folder: string): QmailFiles | undefined {
  if (!pathExists(`${folder}/control`)) return undefined;
  const control = new ControlFiles(`${folder}/control`);
  const hosts = ["rcpthosts", "morercpthosts"].flatMap((name) => control.lines(name) ?? []);
  const assign = `${folder}/users/assign`;
  return {
    folder,
    control,
    assignments: pathExists(assign) ? parseAssign(readText(assign), assign) : [],
    accepted: new Set(hosts.map((host) => host.toLowerCase())),
  };
}

/** The text of a file, one character a byte. Throws Temporary. */
export function readText(path: string): string {
  try {
    return latin1Text(Deno.readFileSync(path));
  } catch (error) {
    throw new Temporary(`cannot read ${path}: ${(error as Error).message}`);
  }
}

/** Names in a folder, sorted; none when it is not there. Throws Temporary. */
export function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return [];
    throw new Temporary(`cannot read ${folder}: ${(error as Error).message}`);
  }
}
