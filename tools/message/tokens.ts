/**
 * Header values as a row of tokens, for the 822 programs, which take what is written literally: words (quotes and
 * backslashes undone), comments, white space and specials. Any text is taken [rfc822 3.3].
 */

/** A token. `space` and `special` are one character long. */
export interface Token {
  readonly kind: "word" | "comment" | "space" | "special";
  readonly text: string;
}

const SPECIALS = "<>,;:@.";
const WORD_END = /["[(<>,;:@. \t]/;

/** The tokens of a value without line ends. */
export function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length;) {
    const character = text[at]!;
    if (character === '"') at = takeUntil(text, { at, close: '"', tokens });
    else if (character === "[") at = takeUntil(text, { at, close: "]", tokens });
    else if (character === "(") at = takeComment(text, at, tokens);
    else if (character === " " || character === "\t") {
      tokens.push({ kind: "space", text: character });
      at++;
    } else if (SPECIALS.includes(character)) {
      tokens.push({ kind: "special", text: character });
      at++;
    } else at = takeWord(text, at, tokens);
  }
  return tokens;
}

interface Quoted {
  readonly at: number;
  readonly close: '"' | "]";
  readonly tokens: Token[];
}

/** A quoted string, without its quotes, or a literal with its brackets; the end of the text ends both. */
function takeUntil(text: string, { at, close, tokens }: Quoted): number {
  let content = "";
  let from = at + 1;
  for (; from < text.length && text[from] !== close; from++) {
    if (text[from] === "\\" && from + 1 < text.length) from++;
    content += text[from];
  }
  tokens.push({ kind: "word", text: close === "]" ? `[${content}]` : content });
  return from + 1;
}

function takeComment(text: string, start: number, tokens: Token[]): number {
  let content = "";
  let level = 1;
  let at = start + 1;
  for (; at < text.length; at++) {
    let character = text[at]!;
    if (character === ")" && --level === 0) break;
    if (character === "(") level++;
    else if (character === "\\" && at + 1 < text.length) character = text[++at]!;
    content += character;
  }
  tokens.push({ kind: "comment", text: content });
  return at + 1;
}

function takeWord(text: string, start: number, tokens: Token[]): number {
  let content = "";
  let at = start;
  do {
    if (text[at] === "\\" && at + 1 < text.length) at++;
    content += text[at++];
  } while (at < text.length && !WORD_END.test(text[at]!));
  tokens.push({ kind: "word", text: content });
  return at;
}
