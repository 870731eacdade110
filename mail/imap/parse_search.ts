/** Parses what SEARCH asks for [rfc3501 6.4.4]. Texts come as Unicode, lower-cased, whatever the CHARSET was. */
import { latin1Bytes } from "../../core/bytes.ts";
import { decodeCharset, decodeUtf8OrLatin1 } from "../mime/charset.ts";
import { FLAG_BITS } from "./backend.ts";
import { parseDay } from "./parse_date.ts";
import type { Scanner } from "./scanner.ts";
import { type NumberSet, parseSet } from "./sets.ts";

/** Keys of one SEARCH, those in parentheses included. Ours. */
export const SEARCH_KEYS_MAX = 2000;
/** Depth of parentheses, NOT and OR. Ours. */
export const SEARCH_DEPTH_MAX = 50;

/** What a message must be to be found. Days are numbers since 1970. */
export type SearchKey =
  | { readonly kind: "all" | "recent" }
  | { readonly kind: "and"; readonly keys: readonly SearchKey[] }
  | { readonly kind: "or"; readonly a: SearchKey; readonly b: SearchKey }
  | { readonly kind: "not"; readonly key: SearchKey }
  | { readonly kind: "flag"; readonly bit: number }
  | { readonly kind: "keyword"; readonly name: string }
  | { readonly kind: "sequence" | "uid"; readonly set: NumberSet }
  | { readonly kind: "internal" | "sent"; readonly relation: "before" | "on" | "since"; readonly day: number }
  | { readonly kind: "size"; readonly relation: "larger" | "smaller"; readonly bytes: number }
  /** An empty text: the field exists. */
  | { readonly kind: "header"; readonly field: string; readonly text: string }
  | { readonly kind: "body" | "text"; readonly text: string };

/** A parsed SEARCH; `charset` is set when it is one we do not know: the reply is NO then. */
export type SearchCommand =
  | { readonly kind: "search"; readonly key: SearchKey }
  | { readonly kind: "bad-charset"; readonly charset: string };

/** Parses the arguments of SEARCH; throws Permanent. */
export function parseSearch(scanner: Scanner): SearchCommand {
  let charset: string | undefined;
  if (scanner.tryWord("CHARSET ")) {
    charset = scanner.astring();
    scanner.space();
    if (decodeCharset(new Uint8Array(), charset) === undefined) return { kind: "bad-charset", charset };
  }
  const parser = new KeyParser(scanner, charset);
  const keys: SearchKey[] = [parser.key(0)];
  while (!scanner.done) {
    scanner.space();
    if (scanner.done) break;
    keys.push(parser.key(0));
  }
  return { kind: "search", key: keys.length === 1 ? keys[0]! : { kind: "and", keys } };
}

const NAME = /[A-Z0-9]+/iy;

class KeyParser {
  readonly #scanner: Scanner;
  readonly #charset: string | undefined;
  #count = 0;

  constructor(scanner: Scanner, charset: string | undefined) {
    this.#scanner = scanner;
    this.#charset = charset;
  }

  key(depth: number): SearchKey {
    const scanner = this.#scanner;
    if (depth > SEARCH_DEPTH_MAX) scanner.fail("the search is nested too deep");
    if (++this.#count > SEARCH_KEYS_MAX) scanner.fail(`more than ${SEARCH_KEYS_MAX} search keys`);
    const next = scanner.peek() ?? scanner.fail("a search key is missing");
    if (next === "(") {
      const keys = scanner.list(() => this.key(depth + 1), SEARCH_KEYS_MAX);
      return keys.length > 0 ? { kind: "and", keys } : scanner.fail("no search keys in the parentheses");
    }
    if (next === "*" || (next >= "0" && next <= "9")) return { kind: "sequence", set: parseSet(scanner) };
    const name = (scanner.tryMatch(NAME) ?? scanner.fail("a search key is missing")).toUpperCase();
    return PLAIN_KEYS[name] ?? this.#withArgument(name, depth);
  }

  #withArgument(name: string, depth: number): SearchKey {
    const scanner = this.#scanner;
    const date = DATE_KEYS[name];
    if (date) return { ...date, day: this.#argument(() => parseDay(scanner)) };
    switch (name) {
      case "NOT":
        return { kind: "not", key: this.#argument(() => this.key(depth + 1)) };
      case "OR":
        return {
          kind: "or",
          a: this.#argument(() => this.key(depth + 1)),
          b: this.#argument(() => this.key(depth + 1)),
        };
      case "UID":
        return { kind: "uid", set: this.#argument(() => parseSet(scanner)) };
      case "KEYWORD":
        return { kind: "keyword", name: this.#argument(() => scanner.flag()) };
      case "UNKEYWORD":
        return { kind: "not", key: { kind: "keyword", name: this.#argument(() => scanner.flag()) } };
      case "LARGER":
        return { kind: "size", relation: "larger", bytes: this.#argument(() => scanner.number()) };
      case "SMALLER":
        return { kind: "size", relation: "smaller", bytes: this.#argument(() => scanner.number()) };
      case "HEADER": {
        const field = this.#argument(() => scanner.astring()).toLowerCase();
        return { kind: "header", field, text: this.#text() };
      }
      case "BCC":
      case "CC":
      case "FROM":
      case "SUBJECT":
      case "TO":
        return { kind: "header", field: name.toLowerCase(), text: this.#text() };
      case "BODY":
        return { kind: "body", text: this.#text() };
      case "TEXT":
        return { kind: "text", text: this.#text() };
      default:
        return scanner.fail(`unknown search key ${name}`);
    }
  }

  #argument<T>(parse: () => T): T {
    this.#scanner.space();
    return parse();
  }

  #text(): string {
    const raw = this.#argument(() => this.#scanner.astring());
    const text = this.#charset === undefined ? decodeUtf8OrLatin1(raw) : decodeCharset(latin1Bytes(raw), this.#charset);
    return (text ?? raw).toLowerCase();
  }
}

const flag = (bit: number): SearchKey => ({ kind: "flag", bit });
const not = (key: SearchKey): SearchKey => ({ kind: "not", key });
const RECENT: SearchKey = { kind: "recent" };

const PLAIN_KEYS: Readonly<Record<string, SearchKey>> = {
  ALL: { kind: "all" },
  ANSWERED: flag(FLAG_BITS.answered),
  DELETED: flag(FLAG_BITS.deleted),
  DRAFT: flag(FLAG_BITS.draft),
  FLAGGED: flag(FLAG_BITS.flagged),
  NEW: { kind: "and", keys: [RECENT, not(flag(FLAG_BITS.seen))] },
  OLD: not(RECENT),
  RECENT,
  SEEN: flag(FLAG_BITS.seen),
  UNANSWERED: not(flag(FLAG_BITS.answered)),
  UNDELETED: not(flag(FLAG_BITS.deleted)),
  UNDRAFT: not(flag(FLAG_BITS.draft)),
  UNFLAGGED: not(flag(FLAG_BITS.flagged)),
  UNSEEN: not(flag(FLAG_BITS.seen)),
};

type DateKey = Omit<Extract<SearchKey, { kind: "internal" | "sent" }>, "day">;

const DATE_KEYS: Readonly<Record<string, DateKey>> = {
  BEFORE: { kind: "internal", relation: "before" },
  ON: { kind: "internal", relation: "on" },
  SINCE: { kind: "internal", relation: "since" },
  SENTBEFORE: { kind: "sent", relation: "before" },
  SENTON: { kind: "sent", relation: "on" },
  SENTSINCE: { kind: "sent", relation: "since" },
};
