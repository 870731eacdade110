/** The folder variables of a service, a file for each variable, as minisvc edits it: see envdir(8). */
import { Permanent, Usage } from "../../../core/errors.ts";
import { pathExists } from "../../../core/path_exists.ts";

/** Where all variables are kept in one file, name=value, to be restored from. */
export const SAVED = ".variables";

/** True for a name that can be a file and a variable. */
export function isVariableName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);
}

/** A variable that is to be unset is an empty file. */
export type Variable = readonly [name: string, value: string | undefined];

/** Lines name=value; comments and blank lines count for nothing, an empty value unsets. Throws Usage naming the line. */
export function parseVariables(text: string): Variable[] {
  return text.split("\n").flatMap((line, at): Variable[] => {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) return [];
    const equals = trimmed.indexOf("=");
    const name = equals < 0 ? trimmed : trimmed.slice(0, equals);
    if (!isVariableName(name)) throw new Usage(`line ${at + 1}: ${name} is no name of a variable`);
    const value = equals < 0 ? "" : trimmed.slice(equals + 1).replace(/^"(.*)"$/, "$1");
    return [[name, value === "" ? undefined : value]];
  });
}

/** The reverse of parseVariables. */
export function formatVariables(variables: readonly Variable[]): string {
  return variables.map(([name, value]) => `${name}=${value ?? ""}\n`).join("");
}

/** See above. */
export class VariableFiles {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  #path(name: string): string {
    if (!isVariableName(name)) throw new Usage(`${name} is no name of a variable`);
    return `${this.folder}/${name}`;
  }

  has(name: string): boolean {
    return pathExists(this.#path(name));
  }

  /** Sets, or unsets with undefined. */
  write([name, value]: Variable): void {
    if (value?.includes("\n")) throw new Usage(`the value of ${name} holds a newline`);
    Deno.mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    Deno.writeTextFileSync(this.#path(name), value === undefined ? "" : `${value}\n`, { mode: 0o600 });
  }

  remove(name: string): void {
    if (!this.has(name)) throw new Permanent(`${this.folder}: there is no variable ${name}`);
    Deno.removeSync(this.#path(name));
  }

  /** All of them, by name. */
  all(): Variable[] {
    if (!pathExists(this.folder)) throw new Permanent(`${this.folder}: there is no such folder`);
    const names = [...Deno.readDirSync(this.folder)].filter(({ name, isDirectory }) =>
      !isDirectory && isVariableName(name)
    )
      .map(({ name }) => name).sort();
    return names.map((name) => {
      const value = Deno.readTextFileSync(`${this.folder}/${name}`).split("\n", 1)[0] ?? "";
      return [name, value === "" ? undefined : value];
    });
  }

  /** Makes the folder hold those variables and no others; files that begin with a dot stay. */
  restore(variables: readonly Variable[]): void {
    const wanted = new Set(variables.map(([name]) => name));
    for (const [name] of this.all()) if (!wanted.has(name)) this.remove(name);
    for (const variable of variables) this.write(variable);
  }
}
