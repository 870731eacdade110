/**
 * Address lists as people and programs really write them: what is right by RFC 5322 is taken as it says, the rest as well as
 * can be; nothing throws. Text is unfolded latin1; 8-bit characters are atoms.
 */

/** Addresses of one list above which the rest is dropped. Ours. */
export const ADDRESSES_MAX = 100_000;
/** Depth of nested comments that is followed. Ours. */
export const COMMENT_DEPTH_MAX = 100;

/** One mailbox. All texts are plain values: without quotes and backslashes. */
export interface Mailbox {
  readonly kind: "mailbox";
  /** The display name, or the comment where there is none; "" without. Encoded words stay. */
  readonly name: string;
  /** The obsolete source route `@a,@b`; "" without. */
  readonly route: string;
  readonly local: string;
  /** With its brackets where it is a literal; "" where the address has none. */
  readonly domain: string;
}

/** A group of mailboxes, for example `undisclosed recipients:;`. */
export interface AddressGroup {
  readonly kind: "group";
  readonly name: string;
  readonly members: readonly Mailbox[];
}

/** One entry of an address list. */
export type MailAddress = Mailbox | AddressGroup;

/** The addresses of an unfolded header value [rfc5322 3.4]. */
export function parseAddressList(text: string): readonly MailAddress[] {
  return new AddressParser(text).list();
}

/** A word of a phrase or local part. */
interface Word {
  readonly text: string;
  /** Follows the one before without white space. */
  readonly adjacent: boolean;
  /** Belongs to the same local part as the one before: adjacent, or a dot stands between them. */
  readonly glued: boolean;
}

/** Characters of words without quotes, and those that only white space, quotes and specials end. */
const ATOM = /[^\s()<>@,;:\\"[\]]+/y;
const LITERAL = /\[(?:[^\]\\]|\\[^])*\]?/y;
const SPACE = /\s+/y;

class AddressParser {
  readonly #text: string;
  #at = 0;
  #comment = "";
  #count = 0;

  constructor(text: string) {
    this.#text = text;
  }

  list(): MailAddress[] {
    const addresses: MailAddress[] = [];
    while (this.#count < ADDRESSES_MAX) {
      this.#skipAny(",;>");
      if (this.#at >= this.#text.length) break;
      const address = this.#address();
      if (address) addresses.push(address);
    }
    return addresses;
  }

  #address(): MailAddress | undefined {
    this.#comment = "";
    const words = this.#words();
    if (this.#take(":")) return { kind: "group", name: joinWords(words), members: this.#members() };
    return this.#mailbox(words);
  }

  #members(): Mailbox[] {
    const members: Mailbox[] = [];
    while (this.#count < ADDRESSES_MAX) {
      this.#skipAny(",>");
      if (this.#at >= this.#text.length || this.#take(";")) break;
      this.#comment = "";
      const member = this.#mailbox(this.#words());
      if (member) members.push(member);
      else if (this.#text[this.#at] === ":") this.#at++;
    }
    return members;
  }

  /** The rest of a mailbox behind its first words. */
  #mailbox(words: readonly Word[]): Mailbox | undefined {
    this.#count++;
    const character = this.#text[this.#at];
    if (character === "<") {
      this.#at++;
      return this.#angle(joinWords(words));
    }
    if (character === "@") {
      this.#at++;
      const split = localStart(words);
      const local = joinLocal(words.slice(split));
      const domain = this.#domain();
      this.#skipSpace();
      const name = joinWords(words.slice(0, split)) || this.#comment;
      return { kind: "mailbox", name, route: "", local, domain };
    }
    if (words.length === 0) {
      if (character !== undefined && !",;>:".includes(character)) this.#at++;
      return undefined;
    }
    const oneWord = localStart(words) === 0;
    return oneWord
      ? { kind: "mailbox", name: this.#comment, route: "", local: joinLocal(words), domain: "" }
      : { kind: "mailbox", name: joinWords(words), route: "", local: "", domain: "" };
  }

  /** Behind `<`: optional route, address, `>`. */
  #angle(name: string): Mailbox {
    let route = "";
    this.#skipSpace();
    while (this.#text[this.#at] === "@") {
      this.#at++;
      route += (route === "" ? "@" : ",@") + this.#domain();
      this.#skipAny(",");
      if (this.#take(":")) break;
    }
    const local = joinLocal(this.#words());
    const domain = this.#take("@") ? this.#domain() : "";
    this.#skipSpace();
    while (this.#at < this.#text.length && !">,;".includes(this.#text[this.#at]!)) this.#at++;
    this.#take(">");
    this.#skipSpace();
    return { kind: "mailbox", name: name || this.#comment, route, local, domain };
  }

  #domain(): string {
    let domain = "";
    for (;;) {
      this.#skipSpace();
      const literal = this.#match(LITERAL);
      const part = literal ?? this.#match(ATOM);
      if (part === undefined) return domain;
      // white space is allowed around dots only [rfc5322 4.4]
      if (domain !== "" && !domain.endsWith(".") && !part.startsWith(".")) return domain;
      domain += part;
    }
  }

  /** Words up to a special character; comments between them are remembered. */
  #words(): Word[] {
    const words: Word[] = [];
    let end = -1;
    for (;;) {
      this.#skipSpace();
      const start = this.#at;
      const text = this.#quoted() ?? this.#match(ATOM) ?? this.#stray();
      if (text === undefined) return words;
      const before = words[words.length - 1];
      const adjacent = start === end;
      const glued = before !== undefined && (adjacent || text.startsWith(".") || before.text.endsWith("."));
      words.push({ text, adjacent, glued });
      end = this.#at;
    }
  }

  /** A character that stands for itself only because nothing better can be made of it. */
  #stray(): string | undefined {
    const character = this.#text[this.#at];
    if (character === undefined || !"\\[])".includes(character)) return undefined;
    this.#at++;
    return character;
  }

  #quoted(): string | undefined {
    if (this.#text[this.#at] !== '"') return undefined;
    let content = "";
    let from = ++this.#at;
    for (; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at];
      if (character === '"') break;
      if (character !== "\\") continue;
      content += this.#text.slice(from, this.#at);
      from = ++this.#at;
    }
    content += this.#text.slice(from, this.#at);
    this.#at = Math.min(this.#at + 1, this.#text.length);
    return content;
  }

  #skipSpace(): void {
    while (this.#match(SPACE) !== undefined || this.#skipComment());
  }

  #skipComment(): boolean {
    if (this.#text[this.#at] !== "(") return false;
    const start = this.#at + 1;
    let depth = 0;
    for (; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at];
      if (character === "\\") this.#at++;
      else if (character === "(" && depth < COMMENT_DEPTH_MAX) depth++;
      else if (character === ")" && --depth === 0) break;
    }
    this.#comment = this.#text.slice(start, this.#at).replace(/\\([^])/g, "$1").trim();
    this.#at = Math.min(this.#at + 1, this.#text.length);
    return true;
  }

  #skipAny(characters: string): void {
    this.#skipSpace();
    while (this.#at < this.#text.length && characters.includes(this.#text[this.#at]!)) {
      this.#at++;
      this.#skipSpace();
    }
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    if (!pattern.test(this.#text)) return undefined;
    const found = this.#text.slice(this.#at, pattern.lastIndex);
    this.#at = pattern.lastIndex;
    return found;
  }
}

/** Where the last run of glued words begins: the local part; what stands before it is taken as a name. */
function localStart(words: readonly Word[]): number {
  let start = Math.max(words.length - 1, 0);
  while (start > 0 && words[start]!.glued) start--;
  return start;
}

function joinLocal(words: readonly Word[]): string {
  return words.length === 1 ? words[0]!.text : words.map((word) => word.text).join("");
}

function joinWords(words: readonly Word[]): string {
  if (words.length === 1) return words[0]!.text;
  let text = "";
  for (const word of words) text += text === "" || word.adjacent ? word.text : ` ${word.text}`;
  return text;
}
