/** What ripmime's options say, resolved once, and where its reports go. */

/** How a name that is taken is changed: `1_name.ext`, `name_1.ext`, `name.ext_1`. */
export type RenameMethod = "prefix" | "infix" | "postfix";

/** The options of a run. */
export interface RipOptions {
  /** Name of files without one, before their number. */
  readonly prefix: string;
  /** The prefix stands before names made of a type too. */
  readonly prefixGiven: boolean;
  /** File that all headers are written to; undefined for none. */
  readonly headersFile: string | undefined;
  readonly paranoid: boolean;
  readonly nameByType: boolean;
  readonly keepsNameless: boolean;
  readonly overwrite: boolean;
  readonly renameMethod: RenameMethod;
  readonly recursionMax: number;
  readonly links: boolean;
  readonly decodes: {
    readonly base64: boolean;
    readonly quotedPrintable: boolean;
    readonly uuencode: boolean;
    readonly ole: boolean;
    readonly tnef: boolean;
    readonly mht: boolean;
    readonly doubleCr: boolean;
    /** Messages without a header of their own in texts. */
    readonly bounces: boolean;
  };
  readonly fixesHeaders: boolean;
  readonly charset: string | undefined;
}

/** What is told while messages are taken apart. */
export interface RipReport {
  /** A file was made. `type` is its media type as written. */
  file(name: string, type: string): void;
  removed(path: string): void;
  /** The message is MIME. */
  mime(): void;
  /** Something is wrong, but no reason to stop. */
  warn(text: string): void;
  /** A header is not as it should be. */
  defect(text: string): void;
  /** Messages nest deeper than allowed. */
  tooDeep(level: number): void;
  /** Throws when the run has taken too long. */
  checkTime(): void;
}
