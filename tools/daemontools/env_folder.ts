/** Variables in the files of a folder, with `.envdir` and `.envfile` [man envdir.8]. */
import { escapedText } from "../../core/environment.ts";
import { errorText, Temporary } from "../../core/errors.ts";

/** Longest value; the kernel takes no longer string (MAX_ARG_STRLEN). */
const VALUE_BYTES_MAX = 131_072;
/** Longest .envdir and .envfile. */
const LIST_BYTES_MAX = 1_048_576;
/** Folders that a chain of .envdir may name. */
const FOLDERS_MAX = 1000;
const LF = 10;

/** How folders are read. */
export interface EnvFolderOptions {
  /** Files that may not be read are left out. */
  readonly ignoreUnreadable: boolean;
  warn(text: string): void;
}

/** Reads folders, each once. */
export class EnvFolder {
  readonly #options: EnvFolderOptions;
  readonly #seen = new Set<string>();
  readonly #changes = new Map<string, string | undefined>();

  constructor(options: EnvFolderOptions) {
    this.#options = options;
  }

  /** What the folder says: values by name, undefined for a variable to be removed. Throws Temporary naming the file. */
  read(folder: string): ReadonlyMap<string, string | undefined> {
    this.#readFolder(folder);
    return this.#changes;
  }

  #readFolder(folder: string): void {
    const stat = this.#try(`unable to read the folder ${folder}`, () => Deno.statSync(folder || "."));
    if (!stat) return;
    const place = `${stat.dev}:${stat.ino}`;
    if (this.#seen.has(place)) return;
    if (this.#seen.size >= FOLDERS_MAX) throw new Temporary(`more than ${FOLDERS_MAX} folders by way of .envdir`);
    this.#seen.add(place);
    const names = this.#try(`unable to read the folder ${folder}`, () => [...Deno.readDirSync(folder)])
      ?.map(({ name }) => name).sort() ?? [];
    if (names.includes(".envdir")) this.#readChain(folder);
    if (names.includes(".envfile")) this.#readEnvFile(`${folder}/.envfile`);
    for (const name of names) {
      if (name.startsWith(".")) continue;
      if (name.includes("=")) this.#options.warn(`${folder}/${name} is left out: the name of a variable holds no =`);
      else this.#readVariable(name, `${folder}/${name}`);
    }
  }

  /** .envdir, a folder or a list of folders, which are relative to where it is. */
  #readChain(folder: string): void {
    const path = `${folder}/.envdir`;
    const stat = this.#try(`unable to read ${path}`, () => Deno.statSync(path));
    if (stat?.isDirectory) return this.#readFolder(path);
    for (const line of this.#lines(path)) {
      const name = line.trim();
      if (name !== "") this.#readFolder(name.startsWith("/") ? name : `${folder}/${name}`);
    }
  }

  #readEnvFile(path: string): void {
    for (const line of this.#lines(path)) {
      const text = line.trimStart();
      if (text === "" || text.startsWith("#")) continue;
      const equals = text.indexOf("=");
      if (equals < 0) this.#changes.set(text.trimEnd(), undefined);
      else if (equals > 0) this.#changes.set(text.slice(0, equals), withNewlines(text.slice(equals + 1)));
    }
  }

  #readVariable(name: string, path: string): void {
    const text = this.#text(path, { of: "line", bytesMax: VALUE_BYTES_MAX, absent: "" });
    if (text === undefined) return;
    const value = withNewlines((text.split("\n", 1)[0] ?? "").replace(/[ \t]+$/, ""));
    this.#changes.set(name, text === "" ? undefined : value);
  }

  /** Undefined for a file that is left out; `absent` for one that is gone, or a link to nowhere. */
  #text(path: string, how: StartOfFile & { readonly absent?: string }): string | undefined {
    return this.#try(`unable to read ${path}`, () => {
      try {
        return escapedText(startOfFile(path, how));
      } catch (error) {
        if (how.absent !== undefined && error instanceof Deno.errors.NotFound) return how.absent;
        throw error;
      }
    });
  }

  /** The lines of .envdir or .envfile. */
  #lines(path: string): string[] {
    return this.#text(path, { of: "file", bytesMax: LIST_BYTES_MAX })?.split("\n") ?? [];
  }

  #try<T>(what: string, run: () => T): T | undefined {
    try {
      return run();
    } catch (error) {
      if (this.#options.ignoreUnreadable && error instanceof Deno.errors.PermissionDenied) return undefined;
      throw new Temporary(`${what}: ${errorText(error)}`);
    }
  }
}

/** What must not be longer than that: the first line, or all of the file. */
interface StartOfFile {
  readonly of: "line" | "file";
  readonly bytesMax: number;
}

/**
 * The first bytes of a file, its first line among them. A FIFO counts as empty: its writer, if ever there is one, is not
 * waited for.
 */
function startOfFile(path: string, { of, bytesMax }: StartOfFile): Uint8Array {
  const { isFifo, size } = Deno.statSync(path);
  if (isFifo) return new Uint8Array(0);
  using file = Deno.openSync(path);
  const buffer = new Uint8Array(size > 0 ? Math.min(size, bytesMax + 1) : bytesMax + 1); // devices have no size
  let used = 0;
  while (used < buffer.length) {
    const count = file.readSync(buffer.subarray(used));
    if (count === null) break;
    used += count;
  }
  if (used > bytesMax && (of === "file" || buffer.indexOf(LF) < 0)) {
    throw new Temporary(`a ${of} of more than ${bytesMax} bytes`);
  }
  return buffer.subarray(0, used);
}

/** A file holds what a variable cannot: NUL stands for newline. */
function withNewlines(value: string): string {
  return value.replaceAll("\0", "\n");
}
