/**
 * Recipients as sendmail's files have them (/etc/aliases, :include: lists, .forward): a line is read from its end to its
 * start as a list of addresses by RFC 822, so that names and comments fall away, and the entries come in that order. What
 * begins with `|` or `/` and has no @ is a command or a file. Latin1 text [man inewaliases.1] [man dot-forward.9].
 */

/** One entry, in the order read: the last of the line first. */
export interface RecipientEntry {
  /** `include`: the name of a list after `:include:`. */
  readonly kind: "address" | "include";
  /** Without quotes, comments and blanks. */
  readonly text: string;
  /** An @ stands in it, not quoted. */
  readonly hasAt: boolean;
}

/** Names that complete addresses: control files defaulthost, defaultdomain and plusdomain. */
export interface AddressDefaults {
  readonly defaultHost: string;
  readonly defaultDomain: string;
  readonly plusDomain: string;
}

/** Depth of comments in comments that is followed; a line with more cannot be read. Ours. */
const COMMENT_DEPTH_MAX = 100;
const SPACE = /[ \t\r\n]+/y;
const SPECIAL = /[.,@<>:;]/y;
const QUOTED = /"((?:[^"\\]|\\[^])*)"/y;
const LITERAL = /\[((?:[^\]\\]|\\[^])*)\]/y;
const ATOM = /(?:[^ \t\r\n(["<>;:@,.\\)\]]|\\[^])(?:[^ \t\r\n(["<>;:@,.\\]|\\[^])*/y;

interface Token {
  readonly kind: "atom" | "quoted" | "literal" | "comment" | "special";
  readonly text: string;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** Where a comment that begins there ends; undefined when it does not. */
function commentEnd(text: string, start: number): number | undefined {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if (character === "\\") at++;
    else if (character === "(" && ++depth > COMMENT_DEPTH_MAX) return undefined;
    else if (character === ")" && --depth === 0) return at + 1;
  }
  return undefined;
}

const unescaped = (text: string) => text.replace(/\\([^])/g, "$1");

/** The tokens of RFC 822 without white space; undefined where there is none, like an open quote [rfc822 3.3]. */
function tokensOf(text: string): readonly Token[] | undefined {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length;) {
    const space = matchAt(SPACE, text, at);
    if (space) {
      at += space[0].length;
      continue;
    }
    if (text[at] === "(") {
      const end = commentEnd(text, at);
      if (end === undefined) return undefined;
      tokens.push({ kind: "comment", text: text.slice(at, end) });
      at = end;
      continue;
    }
    const special = matchAt(SPECIAL, text, at);
    const quoted = matchAt(QUOTED, text, at);
    const literal = matchAt(LITERAL, text, at);
    const match = special ?? quoted ?? literal ?? matchAt(ATOM, text, at);
    if (!match) return undefined;
    if (special) tokens.push({ kind: "special", text: special[0] });
    else if (quoted) tokens.push({ kind: "quoted", text: unescaped(quoted[1] ?? "") });
    else if (literal) tokens.push({ kind: "literal", text: `[${unescaped(literal[1] ?? "")}]` });
    else tokens.push({ kind: "atom", text: unescaped(match[0]) });
    at += match[0].length;
  }
  return tokens;
}

const isSpecial = (token: Token | undefined, text: string) => token?.kind === "special" && token.text === text;

/** Reads tokens from the last to the first. */
class BackwardList {
  readonly entries: RecipientEntry[] = [];
  readonly #tokens: readonly Token[];
  readonly #includes: boolean;
  #at: number;
  /** Tokens of the entry under way, last first. */
  #entry: Token[] = [];
  /** A word may go on the entry: nothing but a dot, an @ or a comma stood behind it. */
  #wordFits = true;

  constructor(tokens: readonly Token[], includes: boolean) {
    this.#tokens = tokens;
    this.#includes = includes;
    this.#at = tokens.length;
  }

  /** False when a `>` has no `<`. */
  read(): boolean {
    while (this.#at > 0) {
      const token = this.#tokens[--this.#at]!;
      if (token.kind === "comment") continue;
      if (token.kind !== "special") {
        if (!this.#wordFits) this.#end();
        this.#wordFits = false;
        this.#entry.push(token);
      } else if (token.text === ",") {
        this.#end();
        this.#wordFits = true;
      } else if (token.text === ">") {
        if (!this.#angle()) return false;
      } else if (token.text === ":") {
        if (this.#includes) this.#include();
      } else if (token.text !== ";") {
        this.#wordFits = true;
        this.#entry.push(token);
      }
    }
    this.#end();
    return true;
  }

  /** Before a `>`: the address, then the name in front of it. */
  #angle(): boolean {
    this.#end();
    while (this.#at > 0 && !isSpecial(this.#tokens[this.#at - 1], "<")) this.#entry.push(this.#tokens[--this.#at]!);
    this.#end("even empty");
    if (this.#at === 0) return false;
    this.#at--;
    while (this.#at > 0) {
      const before = this.#tokens[this.#at - 1]!;
      if (before.kind === "literal" || (before.kind === "special" && !".@".includes(before.text))) break;
      this.#at--;
    }
    this.#wordFits = false;
    return true;
  }

  /** After the colon that may end `:include:`. */
  #include(): void {
    const word = this.#tokens[this.#at - 1];
    if (!isSpecial(this.#tokens[this.#at - 2], ":") || word?.kind !== "atom" || word.text !== "include") return;
    this.#at -= 2;
    this.#finish("include");
  }

  #end(empty?: "even empty"): void {
    if (this.#entry.length > 0 || empty) this.#finish("address");
  }

  #finish(kind: RecipientEntry["kind"]): void {
    const tokens = this.#entry.reverse().filter(({ kind }) => kind !== "comment");
    this.#entry = [];
    const hasAt = tokens.some((token) => isSpecial(token, "@"));
    this.entries.push({ kind, text: tokens.map(({ text }) => text).join(""), hasAt });
  }
}

/**
 * The entries of a line, the last first; undefined when it cannot be read: an open quote, comment or bracket. Colons mean
 * nothing but, with `includes`, in `:include:`.
 */
export function parseRecipientList(
  line: string,
  options: { readonly includes: boolean },
): readonly RecipientEntry[] | undefined {
  const tokens = tokensOf(line);
  if (!tokens) return undefined;
  const list = new BackwardList(tokens, options.includes);
  return list.read() ? list.entries : undefined;
}

/** An address made complete: host, domain, and what a `+` at its end stands for [man qmail-header.5]. */
export function completeAddress(entry: Pick<RecipientEntry, "text" | "hasAt">, defaults: AddressDefaults): string {
  let address = entry.hasAt ? entry.text : `${entry.text}@`;
  if (address.endsWith("@")) address += defaults.defaultHost;
  if (address.endsWith("+")) address = `${address.slice(0, -1)}.${defaults.plusDomain}`;
  const at = Math.max(address.lastIndexOf("@"), 0);
  return address.includes(".", at) ? address : `${address}.${defaults.defaultDomain}`;
}
