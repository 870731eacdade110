/**
 * A service's folder, held open so that it is found again when it was renamed, as a process that has changed into it
 * would find it.
 */
import { errorText, Temporary } from "../../../core/errors.ts";
import { closeFd, OPEN, openFd } from "../../../core/libc/fd.ts";
import { pathExists } from "../../../core/path_exists.ts";

/** Opens for finding only: asks for no permission to read. */
const O_PATH = 0o10000000;
const O_DIRECTORY = 0o200000;
const EXECUTABLE_BITS = 0o111;
const STICKY_BIT = 0o1000;

/** See above. */
export class ServiceFolder {
  readonly #fd: number;

  /** Throws Temporary when there is no such folder. */
  constructor(path: string) {
    try {
      this.#fd = openFd(path, O_PATH | O_DIRECTORY | OPEN.closeOnExec);
    } catch (error) {
      throw new Temporary(errorText(error));
    }
  }

  /** Where it is now; a path that does not exist when it was removed. */
  get path(): string {
    return Deno.readLinkSync(`/proc/self/fd/${this.#fd}`);
  }

  /** Of this process; to be handed on. */
  get fd(): number {
    return this.#fd;
  }

  /** A path that leads to it wherever it is, for as long as it is open here; for children of ours, too. */
  get handle(): string {
    return `/proc/${Deno.pid}/fd/${this.#fd}`;
  }

  has(name: string): boolean {
    return pathExists(`${this.path}/${name}`);
  }

  /** Where a symbolic link in it leads; undefined when it is none. */
  linkTarget(name: string): string | undefined {
    const path = `${this.path}/${name}`;
    return Deno.lstatSync(path).isSymlink ? Deno.readLinkSync(path) : undefined;
  }

  hasExecutable(name: string): boolean {
    const mode = this.#modeOf(name);
    return mode !== undefined && (mode & EXECUTABLE_BITS) !== 0;
  }

  /** True when ./run asks for a supervisor that takes over its orphans [man supervise.9]. */
  get hasStickyRun(): boolean {
    return ((this.#modeOf("run") ?? 0) & STICKY_BIT) !== 0;
  }

  #modeOf(name: string): number | undefined {
    try {
      const stat = Deno.statSync(`${this.path}/${name}`);
      return stat.isFile ? stat.mode ?? 0 : undefined;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return undefined;
      throw error;
    }
  }

  close(): void {
    closeFd(this.#fd);
  }
}
