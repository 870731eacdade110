/**
 * Values with parameters: Content-Type and Content-Disposition [rfc2045 5.1] [rfc2183]. Tolerant: garbage gives what can be
 * made of it, never an error. Parameter names with RFC 2231 marks stay as they are.
 */

/** Parameters of a field above which the rest is dropped. Ours. */
export const PARAMETERS_MAX = 100;

/** A value and its parameters. */
export interface ParameterValue {
  /** As written, for example `text/plain` or `attachment`. */
  readonly value: string;
  /** Names as written. */
  readonly parameters: readonly { readonly name: string; readonly value: string }[];
}

/** A parameter by its name in lower case. */
export function parameterOf(field: ParameterValue, name: string): string | undefined {
  return field.parameters.find((parameter) => parameter.name.toLowerCase() === name)?.value;
}

const TOKEN = /[^\s()<>@,;:\\"/[\]?=]+/y;
const LOOSE = /[^\s;"]+/y;
const VALUE = /[^\s;(]+/y;
const QUOTED = /"((?:[^"\\]|\\[^])*)"?/y;
const BLANK = /\s+/y;

/** Parses an unfolded value; undefined when nothing is in it. */
export function parseParameterValue(text: string): ParameterValue | undefined {
  const scanner = new Scanner(text);
  scanner.skip();
  const value = scanner.take(VALUE);
  if (value === undefined) return undefined;
  const parameters: { name: string; value: string }[] = [];
  while (!scanner.done && parameters.length < PARAMETERS_MAX) {
    scanner.skipTo(";");
    const name = scanner.take(TOKEN);
    if (name === undefined) continue;
    scanner.skip();
    if (!scanner.takeCharacter("=")) continue;
    scanner.skip();
    const quoted = scanner.takeQuoted();
    parameters.push({ name, value: quoted ?? scanner.take(LOOSE) ?? "" });
  }
  return { value: removeBlanks(value), parameters };
}

function removeBlanks(value: string): string {
  return value.replace(/\s+/g, "");
}

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get done(): boolean {
    return this.#at >= this.#text.length;
  }

  /** The text that matches here. */
  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (!found) return undefined;
    this.#at += found[0].length;
    return found[0];
  }

  takeCharacter(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  /** A quoted string's content. */
  takeQuoted(): string | undefined {
    if (this.#text[this.#at] !== '"') return undefined;
    QUOTED.lastIndex = this.#at;
    const found = QUOTED.exec(this.#text);
    if (!found) return undefined;
    this.#at += found[0].length;
    return found[1]!.replace(/\\([^])/g, "$1");
  }

  /** White space and comments. */
  skip(): void {
    while (this.take(BLANK) !== undefined || this.#skipComment());
  }

  /** To behind the next `character`, quoted strings and comments skipped; then white space. */
  skipTo(character: string): void {
    while (!this.done && !this.takeCharacter(character)) {
      if (this.takeQuoted() === undefined && !this.#skipComment()) this.#at++;
    }
    this.skip();
  }

  #skipComment(): boolean {
    if (this.#text[this.#at] !== "(") return false;
    let depth = 0;
    while (this.#at < this.#text.length) {
      const character = this.#text[this.#at++];
      if (character === "\\") this.#at++;
      else if (character === "(") depth++;
      else if (character === ")" && --depth === 0) break;
    }
    return true;
  }
}

/** Type and subtype of a Content-Type value as written; undefined when it is no type. */
export function splitType(value: string): { readonly type: string; readonly subtype: string } | undefined {
  const slash = value.indexOf("/");
  if (slash <= 0 || slash === value.length - 1) return undefined;
  const type = value.slice(0, slash);
  const subtype = value.slice(slash + 1);
  return /^[!#-'*+\-.0-9A-Z^-~]+$/.test(type) && /^[!#-'*+\-.0-9A-Z^-~]+$/.test(subtype)
    ? { type, subtype }
    : undefined;
}
