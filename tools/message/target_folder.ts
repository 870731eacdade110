/**
 * The folder that parts of messages are written to. Whatever a message says, nothing outside of it is touched: names have no
 * `..`, no NUL, no leading slash; folders in it that are symbolic links are not entered, files that are links are replaced
 * and not followed, and new files are made with O_EXCL.
 */
import { Temporary } from "../../core/errors.ts";
import { systemReason } from "./message_files.ts";

/** Bytes of one component of a name. NAME_MAX of Linux. */
export const NAME_BYTES_MAX = 255;
/** Numbers tried for a name that is taken. Ours. */
export const SUFFIX_MAX = 1_000_000;
const BUFFER_BYTES = 64 * 1024;
/** Bytes of a file's beginning that are kept to look at. */
export const BEGINNING_BYTES = 16 * 1024;
/** Buffers of closed files that wait for others. */
const FREE_BUFFERS_MAX = 4;

const freeBuffers: Uint8Array[] = [];

/** How a file is made. */
export interface CreateOptions {
  /** Take the place of a file that is there; otherwise that is an error. */
  readonly overwrite?: boolean;
  readonly mode?: number;
}

/** A file that is being written. Small pieces are collected. */
export class TargetFile {
  /** Below the folder. */
  readonly name: string;
  readonly path: string;
  readonly #file: Deno.FsFile;
  readonly #buffer = freeBuffers.pop() ?? new Uint8Array(BUFFER_BYTES);
  #buffered = 0;
  #size = 0;
  #beginning: Uint8Array | undefined;

  constructor(name: string, path: string, file: Deno.FsFile) {
    this.name = name;
    this.path = path;
    this.#file = file;
  }

  /** Bytes so far. */
  get size(): number {
    return this.#size;
  }

  /** Appends bytes. Throws Temporary (no space, I/O); the file is then removed. */
  write(bytes: Uint8Array): void {
    this.#size += bytes.length;
    if (bytes.length > BUFFER_BYTES - this.#buffered) this.#flush();
    if (bytes.length > BUFFER_BYTES) return this.#writeAll(bytes);
    this.#buffer.set(bytes, this.#buffered);
    this.#buffered += bytes.length;
  }

  /** The first BEGINNING_BYTES, once it is closed. */
  get beginning(): Uint8Array {
    return this.#beginning ?? new Uint8Array();
  }

  /** Writes what is collected and closes; nothing may be written afterwards. */
  close(): void {
    this.#flush();
    this.#file.close();
    if (freeBuffers.length < FREE_BUFFERS_MAX) freeBuffers.push(this.#buffer);
  }

  /** Closes and removes it. */
  discard(): void {
    this.#file.close();
    Deno.removeSync(this.path);
  }

  #flush(): void {
    if (this.#buffered > 0) this.#writeAll(this.#buffer.subarray(0, this.#buffered));
    this.#buffered = 0;
  }

  #writeAll(bytes: Uint8Array): void {
    this.#beginning ??= bytes.slice(0, BEGINNING_BYTES);
    try {
      for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
    } catch (error) {
      this.discard();
      throw new Temporary(`unable to write ${this.path}: ${systemReason(error)}`);
    }
  }
}

/** The folder. */
export class TargetFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** True when a file of that name is there, of whatever kind. */
  has(name: string): boolean {
    return kindOf(this.pathOf(name)) !== undefined;
  }

  /** Makes a file and the folders that lead to it. Throws Temporary when that fails. */
  create(name: string, options: CreateOptions = {}): TargetFile {
    const path = this.pathOf(name);
    try {
      this.#makeFolders(name);
      const kind = kindOf(path);
      if (options.overwrite && kind !== undefined && kind !== "folder") Deno.removeSync(path);
      const file = Deno.openSync(path, { write: true, createNew: true, mode: options.mode ?? 0o666 });
      return new TargetFile(name, path, file);
    } catch (error) {
      throw error instanceof Temporary ? error : new Temporary(`unable to create ${path}: ${systemReason(error)}`);
    }
  }

  /** Gives a file another name, which must be free unless `overwrite` is set. Throws Temporary. */
  rename(from: string, to: string, options: { readonly overwrite?: boolean } = {}): void {
    this.#makeFolders(to);
    const path = this.pathOf(to);
    if (kindOf(path) === "folder" || (!options.overwrite && kindOf(path) !== undefined)) {
      throw new Temporary(`unable to create ${path}: it is there already`);
    }
    Deno.renameSync(this.pathOf(from), path);
  }

  /** A second name for a file; false when the name is taken. */
  link(from: string, to: string): boolean {
    if (this.has(to)) return false;
    Deno.linkSync(this.pathOf(from), this.pathOf(to));
    return true;
  }

  remove(name: string): void {
    Deno.removeSync(this.pathOf(name));
  }

  /** The path of a name. A name that could lead out of the folder is a mistake of the caller. */
  pathOf(name: string): string {
    for (const component of name.split("/")) {
      if (component === "" || component === "." || component === ".." || component.includes("\0")) {
        throw new Error(`the file name ${JSON.stringify(name)} was not made safe`);
      }
    }
    return `${this.path}/${name}`;
  }

  #makeFolders(name: string): void {
    const components = name.split("/").slice(0, -1);
    for (let count = 1; count <= components.length; count++) {
      const path = this.pathOf(components.slice(0, count).join("/"));
      const kind = kindOf(path);
      if (kind === undefined) Deno.mkdirSync(path);
      else if (kind !== "folder") throw new Temporary(`unable to write below ${path}: it is no folder`);
    }
  }
}

function kindOf(path: string): "folder" | "other" | undefined {
  try {
    return Deno.lstatSync(path).isDirectory ? "folder" : "other";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}

const encoder = new TextEncoder();

/** A component cut to what a file name may have, its extension kept. */
export function fittingName(component: string, bytesMax: number = NAME_BYTES_MAX - 16): string {
  if (encoder.encode(component).length <= bytesMax) return component;
  const dot = component.lastIndexOf(".");
  const extension = dot > 0 && component.length - dot <= 16 ? component.slice(dot) : "";
  const room = bytesMax - encoder.encode(extension).length;
  let stem = "";
  let size = 0;
  for (const character of component.slice(0, component.length - extension.length)) {
    size += encoder.encode(character).length;
    if (size > room) break;
    stem += character;
  }
  return stem + extension;
}
