/**
 * What was adopted, in `lib/adopted.json`: so that a second run leaves alone what has since been changed or removed here.
 * Each part is noted when it is complete; a crash before that makes the next run do the part again.
 */
import { Permanent, Temporary } from "../../core/errors.ts";
import type { Paths } from "../../core/paths.ts";
import type { Disk } from "../../storage/disk.ts";
import { writeLineFile } from "../../storage/accounts/line_file.ts";

/** One part: a domain, or the control files of an installation. */
export interface AdoptedPart {
  /** `vpopmail /home/vpopmail example.org`. */
  readonly part: string;
  /** Seconds since 1970. */
  readonly seconds: number;
}

/** Parts that are kept. */
const PARTS_MAX = 1_000_000;

/** The parts that were adopted. */
export class AdoptState {
  readonly #path: string;
  readonly #disk: Disk;
  readonly #parts: Map<string, AdoptedPart>;

  private constructor(path: string, disk: Disk, parts: readonly AdoptedPart[]) {
    this.#path = path;
    this.#disk = disk;
    this.#parts = new Map(parts.map((part) => [part.part, part]));
  }

  /** Reads the state of an installation; a missing file is an empty one. Throws Permanent when it is damaged. */
  static read({ lib }: Paths, disk: Disk): AdoptState {
    const path = `${lib}/adopted.json`;
    try {
      return new AdoptState(path, disk, parsed(Deno.readTextFileSync(path), path));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return new AdoptState(path, disk, []);
      if (error instanceof Permanent) throw error;
      throw new Temporary(`cannot read ${path}: ${(error as Error).message}`);
    }
  }

  has(part: string): boolean {
    return this.#parts.has(part);
  }

  /** Notes that a part is complete. */
  async note(part: string, seconds: number): Promise<void> {
    this.#parts.set(part, { part, seconds });
    await writeLineFile(this.#disk, this.#path, [...this.#parts.values()].map((one) => JSON.stringify(one)));
  }
}

function parsed(text: string, path: string): AdoptedPart[] {
  const lines = text.split("\n").filter((line) => line !== "");
  if (lines.length > PARTS_MAX) throw new Permanent(`${path} has more than ${PARTS_MAX} lines`);
  return lines.map((line, at) => {
    try {
      const { part, seconds } = JSON.parse(line);
      if (typeof part === "string" && typeof seconds === "number") return { part, seconds };
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
    throw new Permanent(`${path} line ${at + 1} is damaged: remove that line, and its part is adopted again`);
  });
}
