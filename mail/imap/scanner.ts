/**
 * Reads the pieces of a command [rfc3501 9]. The text is latin1 with each literal in its place: `{3}`, CRLF, three characters.
 * Every method throws Permanent with the reason when something else stands there; the session answers BAD.
 */
import { Permanent } from "../../core/errors.ts";

const ATOM = /[!#$&'+,\-.\/0-9:;<=>?@A-Z[^_`a-z|}~]+/y;
/** As ATOM, and `]`: what astrings and mailbox names may hold bare. */
const ASTRING = /[!#$&'+,\-.\/0-9:;<=>?@A-Z[\]^_`a-z|}~]+/y;
/** A flag: an atom with an optional backslash. */
const FLAG = /\\?[!#$&'+,\-.\/0-9:;<=>?@A-Z[\]^_`a-z|}~]+/y;
/** A mailbox pattern of LIST: an astring with wildcards [rfc3501 6.3.8]. */
const PATTERN = /[!#$&'+,\-.\/0-9:;<=>?@A-Z[\]^_`a-z|}~%*]+/y;
const NUMBER = /\d{1,10}/y;
const LITERAL = /\{(\d{1,10})\+?\}\r\n/y;
const QUOTED = /"((?:[^"\\\r\n]|\\["\\])*)"/y;
const NUMBER_MAX = 0xffffffff;

/** Reads a command from left to right. */
export class Scanner {
  readonly text: string;
  #at: number;

  constructor(text: string, at = 0) {
    this.text = text;
    this.#at = at;
  }

  /** Where it stands. */
  get at(): number {
    return this.#at;
  }

  /** Whether all is read. */
  get done(): boolean {
    return this.#at >= this.text.length;
  }

  /** The next character; undefined at the end. */
  peek(): string | undefined {
    return this.text[this.#at];
  }

  /** Takes that character if it stands here. */
  take(character: string): boolean {
    if (this.text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  /** Takes that character or throws. */
  expect(character: string): void {
    if (!this.take(character)) this.fail(character === " " ? "a blank is missing" : `${character} is missing`);
  }

  /** The blank between two arguments. Several are taken as one: some clients send them. */
  space(): void {
    this.expect(" ");
    while (this.take(" "));
  }

  /** Checks that nothing follows but blanks. */
  end(): void {
    while (this.take(" "));
    if (!this.done) this.fail("too many arguments");
  }

  /** Throws Permanent. */
  fail(reason: string): never {
    throw new Permanent(reason);
  }

  /** The text that the sticky pattern matches here. */
  tryMatch(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    if (!pattern.test(this.text)) return undefined;
    const found = this.text.slice(this.#at, pattern.lastIndex);
    this.#at = pattern.lastIndex;
    return found;
  }

  /** Takes that word, without regard to case, if it stands here. */
  tryWord(word: string): boolean {
    const end = this.#at + word.length;
    if (this.text.slice(this.#at, end).toUpperCase() !== word) return false;
    this.#at = end;
    return true;
  }

  /** An atom. */
  atom(): string {
    return this.tryMatch(ATOM) ?? this.fail("an atom is missing");
  }

  /** A number up to 32 bits. */
  number(): number {
    const digits = this.tryMatch(NUMBER);
    const value = Number(digits);
    if (digits === undefined || value > NUMBER_MAX) this.fail("a number is missing or too large");
    return value;
  }

  /** A quoted string or literal; undefined where neither stands. */
  tryString(): string | undefined {
    if (this.peek() === '"') {
      QUOTED.lastIndex = this.#at;
      const found = QUOTED.exec(this.text);
      if (!found) this.fail("the quoted string is broken");
      this.#at = QUOTED.lastIndex;
      const content = found[1]!;
      return content.includes("\\") ? content.replace(/\\(.)/g, "$1") : content;
    }
    if (this.peek() !== "{") return undefined;
    LITERAL.lastIndex = this.#at;
    const found = LITERAL.exec(this.text);
    if (!found) this.fail("the literal is broken");
    const start = LITERAL.lastIndex;
    const end = start + Number(found[1]);
    if (end > this.text.length) this.fail("the literal is cut off");
    this.#at = end;
    const content = this.text.slice(start, end);
    if (content.includes("\0")) this.fail("a literal holds no NUL");
    return content;
  }

  /** A quoted string or literal. */
  string(): string {
    return this.tryString() ?? this.fail("a string is missing");
  }

  /** An atom, quoted string or literal. */
  astring(): string {
    return this.tryMatch(ASTRING) ?? this.tryString() ?? this.fail("an argument is missing");
  }

  /** A string or NIL. */
  nstring(): string | undefined {
    return this.tryWord("NIL") ? undefined : this.string();
  }

  /** A mailbox pattern of LIST and LSUB. */
  listMailbox(): string {
    return this.tryMatch(PATTERN) ?? this.tryString() ?? this.fail("a mailbox pattern is missing");
  }

  /** A flag or keyword. */
  flag(): string {
    return this.tryMatch(FLAG) ?? this.fail("a flag is missing");
  }

  /** Items in parentheses, separated by blanks; at most `countMax`. */
  list<T>(item: () => T, countMax: number): T[] {
    const items: T[] = [];
    this.expect("(");
    while (this.take(" "));
    while (!this.take(")")) {
      if (items.length >= countMax) this.fail(`more than ${countMax} items in a list`);
      items.push(item());
      if (this.peek() !== ")") this.space();
    }
    return items;
  }
}
