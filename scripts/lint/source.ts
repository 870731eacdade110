/**
 * A source file as the rules look at it: its lines, the same without comments, and the same without comments and the
 * contents of strings. A small scanner, not a parser: the files are formatted by `deno fmt`, which makes that enough.
 */

/** A file under the rules. */
export interface SourceFile {
  /** Path below the checkout. */
  readonly path: string;
  readonly lines: readonly string[];
  /** Comments blanked, strings kept. */
  readonly uncommented: readonly string[];
  /** Comments and the contents of strings and regular expressions blanked. */
  readonly code: readonly string[];
}

/** Something that breaks a rule. */
export interface Finding {
  readonly path: string;
  /** From 1; 0 for the file as a whole. */
  readonly line: number;
  readonly message: string;
}

type State = "code" | "line-comment" | "block-comment" | "'" | '"' | "`" | "regex";

/** Characters before a slash that begins a regular expression and not a division. */
const BEFORE_REGEX = /(?:^|[=(,:;!&|?{}\[+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|void|await|yield))\s*$/;

/** Scans a file's text. */
class Scanner {
  readonly #text: string;
  readonly uncommented: string[] = [];
  readonly code: string[] = [];
  #state: State = "code";
  /** Depth of braces at which each open `${` ends. */
  readonly #templates: number[] = [];
  #depth = 0;
  #inClass = false;

  constructor(text: string) {
    this.#text = text;
  }

  scan(): void {
    for (let at = 0; at < this.#text.length; at++) {
      const here = this.#text[at] ?? "";
      if (here === "\n") this.#endLine();
      else if (this.#state === "code") at += this.#inCode(here, this.#text[at + 1]);
      else at += this.#outsideCode(here, this.#text[at + 1]);
    }
  }

  #emit(uncommented: string, code: string): void {
    this.uncommented.push(uncommented);
    this.code.push(code);
  }

  #endLine(): void {
    this.#emit("\n", "\n");
    if (this.#state !== "block-comment" && this.#state !== "`") this.#state = "code";
    this.#inClass = false;
  }

  /** Each returns how many more characters it has used. */
  #inCode(here: string, next: string | undefined): number {
    if (here === "/" && (next === "/" || next === "*")) {
      this.#state = next === "/" ? "line-comment" : "block-comment";
      this.#emit("  ", "  ");
      return 1;
    }
    if (here === "'" || here === '"' || here === "`") this.#state = here;
    else if (here === "/" && BEFORE_REGEX.test(this.code.slice(-40).join(""))) this.#state = "regex";
    else if (here === "{") this.#depth++;
    else if (here === "}" && this.#templates.at(-1) === this.#depth) {
      this.#templates.pop();
      this.#state = "`";
    } else if (here === "}") this.#depth--;
    this.#emit(here, here);
    return 0;
  }

  #outsideCode(here: string, next: string | undefined): number {
    if (this.#state === "line-comment") this.#emit(" ", " ");
    else if (this.#state === "block-comment") {
      this.#emit(" ", " ");
      if (here === "*" && next === "/") {
        this.#emit(" ", " ");
        this.#state = "code";
        return 1;
      }
    } else if (here === "\\") {
      this.#emit(here, " ");
      if (next !== undefined && next !== "\n") {
        this.#emit(next, " ");
        return 1;
      }
    } else if (this.#state === "`" && here === "$" && next === "{") {
      this.#templates.push(this.#depth);
      this.#state = "code";
      this.#emit("${", "${");
      return 1;
    } else if (this.#endsString(here)) {
      this.#state = "code";
      this.#emit(here, here);
    } else this.#emit(here, " ");
    return 0;
  }

  #endsString(here: string): boolean {
    if (this.#state !== "regex") return here === this.#state;
    if (here === "[") this.#inClass = true;
    else if (here === "]") this.#inClass = false;
    return here === "/" && !this.#inClass;
  }
}

/** The file with its comments and strings told apart. */
export function scanSource(path: string, text: string): SourceFile {
  const scanner = new Scanner(text);
  scanner.scan();
  return {
    path,
    lines: text.split("\n"),
    uncommented: scanner.uncommented.join("").split("\n"),
    code: scanner.code.join("").split("\n"),
  };
}

/** True for tests and what only they use, which some rules spare. */
export function isTest(path: string): boolean {
  return path.startsWith("tests/") || /(?:_test|\/testing|_testing)\.ts$/.test(path);
}
