/**
 * The addresses of a header value as 822addr and 822print show them: each address with the text that stands beside it, in
 * the order written. A list is read from its end, so that a name before `<` belongs to the address behind it.
 */
import { type Token, tokensOf } from "./tokens.ts";

/** An address, or text that belongs to the address that follows it (or, the last, to none). */
export interface AddressLine {
  readonly kind: "address" | "comment";
  readonly text: string;
}

/** The lines of a header value without line ends. */
export function addressLines(value: string): readonly AddressLine[] {
  return new BackwardReader(tokensOf(value)).read();
}

class BackwardReader {
  readonly #tokens: readonly Token[];
  #at: number;
  /** In reverse order, as all that is collected. */
  readonly #lines: AddressLine[] = [];
  #comment: string[] = [];
  #address: string[] = [];
  #state: "none" | "without @" | "with @" = "none";

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
    this.#at = tokens.length;
  }

  read(): readonly AddressLine[] {
    let inPhrase = false;
    let wordFits = true;
    while (this.#at > 0) {
      const token = this.#tokens[--this.#at]!;
      if (inPhrase) {
        if (token.kind !== "special" || !",;:>".includes(token.text)) {
          this.#addComment(token);
          continue;
        }
        this.#endAddress();
        inPhrase = false;
        wordFits = true;
      }
      if (token.kind === "word") {
        if (!wordFits) this.#endAddress();
        this.#addAddress(token);
        wordFits = false;
      } else if (token.kind !== "special") this.#addBlankOrComment(token);
      else if (token.text === ";" || token.text === ",") {
        this.#endAddress();
        this.#endComment();
        wordFits = true;
      } else if (token.text === ">" || token.text === ":") {
        if (token.text === ">") this.#angle(token);
        inPhrase = true;
      } else {
        this.#addAddress(token);
        wordFits = true;
      }
    }
    this.#endAddress();
    this.#endComment();
    return this.#lines.reverse();
  }

  #addBlankOrComment(token: Token): void {
    if (token.kind === "space") {
      this.#comment.push(" ");
      return;
    }
    this.#comment.push(" ");
    this.#addComment(token);
    this.#comment.push(" ");
  }

  /** From `>` back to `<`: the address, and a route before it as a comment. */
  #angle(closing: Token): void {
    this.#endAddress();
    this.#state = "without @";
    let token = closing;
    for (;;) {
      this.#addAddress(token);
      if (this.#at === 0) return;
      token = this.#tokens[--this.#at]!;
      if (token.kind === "special" && (token.text === ":" || token.text === "<")) break;
    }
    while (token.text !== "<" || token.kind !== "special") {
      this.#addComment(token);
      if (this.#at === 0) return;
      token = this.#tokens[--this.#at]!;
    }
  }

  #addComment(token: Token): void {
    if (token.kind !== "special" || !",:;<>".includes(token.text)) this.#comment.push(token.text);
  }

  #addAddress(token: Token): void {
    if (token.kind !== "word" && !(token.kind === "special" && (token.text === "." || token.text === "@"))) {
      this.#addComment(token);
      return;
    }
    if (this.#state === "none") this.#state = "without @";
    if (token.kind === "special" && token.text === "@") this.#state = "with @";
    this.#address.push(token.text);
  }

  #endAddress(): void {
    if (this.#state === "none") return;
    const text = this.#address.reverse().join("");
    this.#lines.push({ kind: "address", text: this.#state === "with @" ? text : `${text}@` });
    this.#address = [];
    this.#state = "none";
    this.#endComment();
  }

  #endComment(): void {
    const text = this.#comment.reverse().join("").replace(/ {2,}/g, " ").replace(/^ | $/g, "");
    this.#comment = [];
    if (text !== "") this.#lines.push({ kind: "comment", text });
  }
}
