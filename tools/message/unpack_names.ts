/** Names of files that munpack writes: what a message suggests, made harmless, and free names beside those taken. */
import { fittingName, SUFFIX_MAX, type TargetFolder } from "./target_folder.ts";
import { Temporary } from "../../core/errors.ts";

/** Characters that a shell would take for more than a name, and all that is no letter, mark, number or ASCII. */
// deno-lint-ignore no-control-regex -- control characters are what this is for
const BAD_CHARACTERS = /[!$&*()|'";<>[\]{}?`\\\s\x00-\x1f\x7f]|[^\x21-\x7e\p{L}\p{M}\p{N}]/gu;
/** Folders that a name may lead through. Ours. */
const FOLDERS_MAX = 20;

/**
 * A suggested name without what could do harm: absolute paths lose their folders, `~` and leading `../` go, bad characters
 * become `replacement`, components `.` and `..` become two of them. "" when nothing is left.
 */
export function cleanName(suggested: string, replacement: string): string {
  let name = suggested.startsWith("/") ? suggested.slice(suggested.lastIndexOf("/") + 1) : suggested;
  name = name.replace(/^[~/]+/, "").replace(/^(?:\.\.\/+)+/, "");
  const components = name.split("/").filter((component) => component !== "");
  if (components.length > FOLDERS_MAX) components.splice(0, components.length - FOLDERS_MAX);
  return components.map((component) => {
    if (/^\.\.?$/.test(component)) return component.replaceAll(".", replacement);
    return fittingName(component.replace(BAD_CHARACTERS, replacement));
  }).join("/");
}

/** The name of the file that describes another: its extension replaced. */
export function descriptionName(name: string): string {
  const slash = name.lastIndexOf("/");
  const dot = name.lastIndexOf(".");
  return `${dot > slash + 1 ? name.slice(0, dot) : name}.desc`;
}

/** Gives out names that are free; one count for all, as the original has it. */
export class NameGiver {
  readonly #folder: TargetFolder;
  readonly #overwrite: boolean;
  #suffix = 0;

  constructor(folder: TargetFolder, options: { readonly overwrite: boolean }) {
    this.#folder = folder;
    this.#overwrite = options.overwrite;
  }

  /** The name itself, or with `.1`, `.2` and so on; `part1` and so on for "". */
  freeName(name: string): string {
    if (name !== "" && (this.#overwrite || !this.#folder.has(name))) return name;
    while (this.#suffix < SUFFIX_MAX) {
      const tried = name === "" ? `part${++this.#suffix}` : `${name}.${++this.#suffix}`;
      if (!this.#folder.has(tried)) return tried;
    }
    throw new Temporary(`unable to find a free name for ${name}`);
  }
}
