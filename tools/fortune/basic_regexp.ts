/** Basic regular expressions of POSIX, as grep has them, made into JavaScript's. */
import { Usage } from "../../core/errors.ts";

const CLASSES: Readonly<Record<string, string>> = {
  alpha: "\\p{L}",
  digit: "0-9",
  alnum: "\\p{L}\\p{N}",
  upper: "\\p{Lu}",
  lower: "\\p{Ll}",
  space: "\\s",
  blank: " \\t",
  punct: "!-\\/:-@\\[-`{-~",
  print: "\\P{C}",
  graph: "!-~",
  cntrl: "\\p{Cc}",
  xdigit: "0-9A-Fa-f",
};

/** What a backslash before it makes special, and what it means then. */
const SPECIAL: Readonly<Record<string, string>> = {
  "(": "(",
  ")": ")",
  "{": "{",
  "}": "}",
  "+": "+",
  "?": "?",
  "|": "|",
  w: "[\\p{L}\\p{N}_]",
  W: "[^\\p{L}\\p{N}_]",
  s: "\\s",
  S: "\\S",
  b: "\\b",
  B: "\\B",
  "<": "\\b",
  ">": "\\b",
};

function escaped(char: string): string {
  return /[\\^$.*+?()[\]{}|\/]/.test(char) ? `\\${char}` : char;
}

/** A bracket expression that begins at `at`; its text and where it ends. */
function bracket(pattern: string, at: number): { readonly text: string; readonly end: number } {
  let end = at + 1;
  let text = "[";
  if (pattern[end] === "^") {
    text += "^";
    end++;
  }
  for (let first = true; end < pattern.length; first = false) {
    const char = pattern[end]!;
    if (char === "]" && !first) return { text: `${text}]`, end: end + 1 };
    const name = /^\[:([a-z]+):\]/.exec(pattern.slice(end))?.[1];
    if (name !== undefined) {
      text += CLASSES[name] ?? "";
      end += name.length + 4;
      continue;
    }
    text += char === "-" ? "-" : escaped(char);
    end++;
  }
  throw new Usage(`the bracket in ${pattern} has no end`);
}

/** The expression. Throws Usage when it is none. */
export function basicRegExp(pattern: string, options: { readonly ignoreCase: boolean }): RegExp {
  let text = "";
  let atStart = true;
  for (let at = 0; at < pattern.length;) {
    const char = pattern[at]!;
    const next = pattern[at + 1];
    const begins = atStart;
    atStart = false;
    if (char === "\\" && next !== undefined) {
      text += SPECIAL[next] ?? (/[1-9]/.test(next) ? `\\${next}` : escaped(next));
      atStart = next === "(" || next === "|";
      at += 2;
      continue;
    }
    if (char === "[") {
      const { text: set, end } = bracket(pattern, at);
      text += set;
      at = end;
      continue;
    }
    if (char === "*" && !begins) text += "*";
    else if (char === "." || (char === "^" && begins)) text += char;
    else if (char === "$" && (next === undefined || /^\\[)|]/.test(pattern.slice(at + 1)))) text += "$";
    else text += escaped(char);
    if (char === "^" && begins) atStart = true;
    at++;
  }
  try {
    return new RegExp(text.replaceAll("\\/", "/"), options.ignoreCase ? "usi" : "us");
  } catch (error) {
    throw new Usage(`${pattern} is no regular expression: ${error instanceof Error ? error.message : ""}`);
  }
}
