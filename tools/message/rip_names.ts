/** Names of files that ripmime writes: what a part says, without folders; free names beside those taken. */
import { utf8Bytes } from "../../core/bytes.ts";
import { Temporary } from "../../core/errors.ts";
import type { RenameMethod, RipOptions } from "./rip_options.ts";
import { fittingName, SUFFIX_MAX, type TargetFolder } from "./target_folder.ts";

// deno-lint-ignore no-control-regex -- control characters are what this is for
const CONTROLS = /[\x00-\x1f\x7f]/g;

/** The file name that a part's name stands for: without quotes, folders and what a `?` begins; "" when nothing is left. */
export function plainName(written: string, options: { readonly paranoid: boolean }): string {
  let name = written.length > 2 && written.startsWith('"') && written.endsWith('"') ? written.slice(1, -1) : written;
  name = name.slice(name.lastIndexOf("/") + 1);
  const backslash = name.lastIndexOf("\\");
  if (backslash >= 0) name = backslash === name.length - 1 ? name.slice(0, -1) : name.slice(backslash + 1);
  const question = name.indexOf("?");
  if (question === 0) name = `-${name.slice(1)}`;
  else if (question > 0 && name[question - 1] !== "=") name = name.slice(0, question);
  name = name.replace(CONTROLS, "").replaceAll("\\", "_");
  if (name === "." || name === "..") return name.replaceAll(".", "_");
  if (options.paranoid) name = name.replace(/[^A-Za-z0-9.]/gu, (character) => "_".repeat(utf8Bytes(character).length));
  return fittingName(name);
}

/** Names whose last number is remembered. Ours. */
const NUMBERS_MAX = 10_000;

function renamed(name: string, count: number, method: RenameMethod): string {
  if (method === "prefix") return `${count}_${name}`;
  const dot = name.lastIndexOf(".");
  return method === "infix" && dot >= 0 ? `${name.slice(0, dot)}_${count}${name.slice(dot)}` : `${name}_${count}`;
}

/** Gives names to files, nameless ones by number. */
export class RipNames {
  readonly #folder: TargetFolder;
  readonly #options: RipOptions;
  #count = 0;
  readonly #nameless = new Set<string>();
  /** The last number given to a name that was taken, so that many parts of one name need not try them all. */
  readonly #numbers = new Map<string, number>();

  constructor(folder: TargetFolder, options: RipOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  /** The name for a file that is called so, or is of that type. */
  nameFor(written: string, type: string): string {
    const plain = plainName(written, this.#options);
    const { prefix, prefixGiven, nameByType, overwrite } = this.#options;
    const base = plain !== ""
      ? plain
      : nameByType
      ? `${prefixGiven ? prefix : ""}${plainName(type.replaceAll("/", "-"), { paranoid: false })}${this.#count++}`
      : `${prefix}${this.#count++}`;
    const name = overwrite ? base : this.#uniqueName(base);
    if (plain === "") this.#nameless.add(name);
    return name;
  }

  /** A free name: the name itself, or changed by the method until none is there. */
  #uniqueName(name: string): string {
    if (!this.#folder.has(name)) return name;
    if (this.#numbers.size >= NUMBERS_MAX) this.#numbers.clear();
    for (let number = (this.#numbers.get(name) ?? 0) + 1; number <= SUFFIX_MAX; number++) {
      const tried = renamed(name, number, this.#options.renameMethod);
      if (this.#folder.has(tried)) continue;
      this.#numbers.set(name, number);
      return tried;
    }
    throw new Temporary(`unable to find a free name for ${name}`);
  }

  /** The files that had no name, the last first. */
  get nameless(): readonly string[] {
    return [...this.#nameless].reverse();
  }

  /** Whether a file had no name. */
  isNameless(name: string): boolean {
    return this.#nameless.has(name);
  }

  forgetNameless(): void {
    this.#nameless.clear();
  }
}
