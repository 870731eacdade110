/**
 * Control files: the one reader of /etc/indimail/control and of a domain's own. A file is read once and kept until
 * `reread` (HUP). Defaults are in known_table.ts [man qmail-control.9].
 */
import { latin1Text } from "../../core/bytes.ts";
import { Permanent, Temporary } from "../../core/errors.ts";

/** Bytes of a control file above which it is refused: none of the original's is near it but the .cdb ones. */
const CONTROL_BYTES_MAX = 64 * 1024 * 1024;

/** The control files of one folder. */
export class ControlFiles {
  readonly directory: string;
  #kept = new Map<string, string | undefined>();

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Forgets what was read. */
  reread(): void {
    this.#kept = new Map();
  }

  /**
   * The file's bytes as latin1 text; undefined when there is no such file. Throws Temporary when it exists and cannot be
   * read: an unreadable control file must never look like an absent one.
   */
  text(name: string): string | undefined {
    if (this.#kept.has(name)) return this.#kept.get(name);
    const path = `${this.directory}/${name}`;
    let text: string | undefined;
    try {
      if (Deno.statSync(path).size > CONTROL_BYTES_MAX) {
        throw new Permanent(`control file ${path} is larger than ${CONTROL_BYTES_MAX} bytes`);
      }
      text = latin1Text(Deno.readFileSync(path));
    } catch (error) {
      if (error instanceof Permanent) throw error;
      if (!(error instanceof Deno.errors.NotFound)) {
        throw new Temporary(`cannot read control file ${path}: ${(error as Error).message}`);
      }
    }
    this.#kept.set(name, text);
    return text;
  }

  /** The first line without blanks at its end; undefined when the file is absent or that line empty. */
  line(name: string): string | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : text.split("\n", 1)[0]!.replace(/[ \t\r]+$/, "") || undefined;
  }

  /** The lines that are neither empty nor comments, without blanks at their ends; undefined when the file is absent. */
  lines(name: string): readonly string[] | undefined {
    return this.text(name)?.split("\n").map((line) => line.replace(/[ \t\r]+$/, "")).filter((line) =>
      line !== "" && !line.startsWith("#")
    );
  }

  /** The number on the first line; `fallback` when absent. Throws Permanent naming the file when it is not a number. */
  number(name: string, fallback: number): number {
    const line = this.line(name);
    if (line === undefined) return fallback;
    if (!/^\d{1,15}$/.test(line)) {
      throw new Permanent(`control file ${this.directory}/${name}: ${line} is not a number`);
    }
    return Number(line);
  }

  /** control/me. Throws Permanent when it is missing: nothing works without. */
  me(): string {
    const me = this.line("me");
    if (me === undefined) {
      throw new Permanent(`control file ${this.directory}/me is missing or empty: put this host's name there`);
    }
    return me;
  }

  /** The first line of `name`, else that of `me`. */
  lineOrMe(name: string): string {
    return this.line(name) ?? this.me();
  }
}
