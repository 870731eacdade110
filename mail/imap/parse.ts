/**
 * Parses the arguments of the commands that are not FETCH or SEARCH [rfc3501 9]; the beginning of a command; and what stands
 * before the message of an APPEND. All throw Permanent with the reason.
 */
import type { FlagChange, SpecialUse } from "./backend.ts";
import { systemFlagBit } from "./format.ts";
import { parseDateTime } from "./parse_date.ts";
import { Scanner } from "./scanner.ts";
import { type NumberSet, parseSet } from "./sets.ts";

/** Flags of one list. Ours. */
export const FLAGS_MAX = 200;
/** Longest keyword, bytes. Ours, as Dovecot's. */
export const KEYWORD_BYTES_MAX = 50;
/** Patterns and options of one LIST. Ours. */
export const LIST_ITEMS_MAX = 100;
/** Pairs of one ID [rfc2971 3.3]. */
export const ID_PAIRS_MAX = 30;
/** Longest tag, characters. Ours. */
export const TAG_CHARS_MAX = 128;

const TAG = /[!#$&',\-.\/0-9:;<=>?@A-Z[\]^_`a-z|}~]+/y;

/** The beginning of a command. */
export interface CommandStart {
  readonly tag: string;
  /** In upper case; two words for UID commands: `UID FETCH`. */
  readonly verb: string;
  /** Stands behind the verb. */
  readonly scanner: Scanner;
}

/** The tag of a command line; undefined when there is none. */
export function parseTag(text: string): string | undefined {
  TAG.lastIndex = 0;
  const tag = TAG.exec(text)?.[0];
  return tag !== undefined && tag.length <= TAG_CHARS_MAX && text[tag.length] === " " ? tag : undefined;
}

/** Tag and verb of a command; `tag` is what parseTag found. */
export function parseCommandStart(text: string, tag: string): CommandStart {
  const scanner = new Scanner(text, tag.length);
  scanner.space();
  let verb = scanner.atom().toUpperCase();
  if (verb === "UID") {
    scanner.space();
    verb = `UID ${scanner.atom().toUpperCase()}`;
  }
  return { tag, verb, scanner };
}

/** Flags of a command: a word of system flags, and keywords. */
export interface ParsedFlags {
  readonly flags: number;
  readonly keywords: readonly string[];
}

/** A flag list in parentheses; with `bare`, also flags without them. \Recent is passed over: no client can set it. */
export function parseFlags(scanner: Scanner, options: { readonly bare: boolean }): ParsedFlags {
  let names: string[];
  if (scanner.peek() === "(" || !options.bare) names = scanner.list(() => scanner.flag(), FLAGS_MAX);
  else {
    names = [scanner.flag()];
    while (scanner.take(" ") && !scanner.done && names.length < FLAGS_MAX) names.push(scanner.flag());
  }
  let flags = 0;
  const keywords: string[] = [];
  for (const name of names) {
    const bit = systemFlagBit(name);
    if (bit !== undefined) flags |= bit;
    else if (!name.startsWith("\\")) {
      if (name.length > KEYWORD_BYTES_MAX) scanner.fail("a keyword is too long");
      if (!keywords.some((keyword) => keyword.toLowerCase() === name.toLowerCase())) keywords.push(name);
    } else if (name.toLowerCase() !== "\\recent") scanner.fail(`unknown flag ${name}`);
  }
  return { flags, keywords };
}

/** STORE: set, mode, flags. */
export interface StoreArguments extends ParsedFlags {
  readonly set: NumberSet;
  readonly mode: FlagChange["mode"];
  readonly silent: boolean;
}

const STORE_ITEM = /[+-]?FLAGS(?:\.SILENT)?/iy;

/** [rfc3501 6.4.6] */
export function parseStore(scanner: Scanner): StoreArguments {
  scanner.space();
  const set = parseSet(scanner);
  scanner.space();
  const item = (scanner.tryMatch(STORE_ITEM) ?? scanner.fail("FLAGS is missing")).toUpperCase();
  scanner.space();
  const flags = parseFlags(scanner, { bare: true });
  scanner.end();
  const mode = item.startsWith("+") ? "add" : item.startsWith("-") ? "remove" : "set";
  return { set, mode, silent: item.endsWith(".SILENT"), ...flags };
}

/** A message set and a mailbox: COPY, MOVE. */
export function parseSetAndMailbox(scanner: Scanner): { readonly set: NumberSet; readonly mailbox: string } {
  scanner.space();
  const set = parseSet(scanner);
  scanner.space();
  const mailbox = scanner.astring();
  scanner.end();
  return { set, mailbox };
}

/** A message set alone: UID EXPUNGE. */
export function parseSetOnly(scanner: Scanner): NumberSet {
  scanner.space();
  const set = parseSet(scanner);
  scanner.end();
  return set;
}

/** `count` arguments that are astrings, and nothing behind them. */
export function parseAstrings(scanner: Scanner, count: number): readonly string[] {
  const values: string[] = [];
  for (let index = 0; index < count; index++) {
    scanner.space();
    values.push(scanner.astring());
  }
  scanner.end();
  return values;
}

/** The words of STATUS. */
export type StatusItem = "MESSAGES" | "RECENT" | "UIDNEXT" | "UIDVALIDITY" | "UNSEEN";

const STATUS_ITEMS: readonly StatusItem[] = ["MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN"];

/** [rfc3501 6.3.10] */
export function parseStatus(scanner: Scanner): { readonly mailbox: string; readonly items: readonly StatusItem[] } {
  scanner.space();
  const mailbox = scanner.astring();
  scanner.space();
  const items = scanner.list(() => {
    const name = scanner.atom().toUpperCase();
    return STATUS_ITEMS.find((item) => item === name) ?? scanner.fail(`unknown status item ${name}`);
  }, LIST_ITEMS_MAX);
  scanner.end();
  return { mailbox, items };
}

/** LIST and LSUB; options are those of RFC 5258 as far as RFC 6154 needs them, in upper case. */
export interface ListArguments {
  readonly reference: string;
  readonly patterns: readonly string[];
  readonly select: readonly string[];
  readonly returns: readonly string[];
}

const SELECT_OPTIONS = ["SPECIAL-USE", "SUBSCRIBED", "REMOTE", "RECURSIVEMATCH"];
const RETURN_OPTIONS = ["SPECIAL-USE", "SUBSCRIBED", "CHILDREN"];

/** [rfc3501 6.3.8] [rfc6154 3] */
export function parseList(scanner: Scanner): ListArguments {
  scanner.space();
  let select: readonly string[] = [];
  if (scanner.peek() === "(") {
    select = options(scanner, SELECT_OPTIONS);
    scanner.space();
  }
  const reference = scanner.astring();
  scanner.space();
  const patterns = scanner.peek() === "("
    ? scanner.list(() => scanner.listMailbox(), LIST_ITEMS_MAX)
    : [scanner.listMailbox()];
  let returns: readonly string[] = [];
  if (scanner.take(" ")) {
    if (!scanner.tryWord("RETURN")) scanner.fail("RETURN is missing");
    scanner.space();
    returns = options(scanner, RETURN_OPTIONS);
  }
  scanner.end();
  return { reference, patterns, select, returns };
}

function options(scanner: Scanner, known: readonly string[]): readonly string[] {
  return scanner.list(() => {
    const name = scanner.atom().toUpperCase();
    return known.includes(name) ? name : scanner.fail(`unknown LIST option ${name}`);
  }, LIST_ITEMS_MAX);
}

/** AUTHENTICATE: mechanism and initial response, `=` for an empty one [rfc4959 3]. */
export function parseAuthenticate(scanner: Scanner): { readonly mechanism: string; readonly initial?: string } {
  scanner.space();
  const mechanism = scanner.atom().toUpperCase();
  if (!scanner.take(" ")) {
    scanner.end();
    return { mechanism };
  }
  const initial = scanner.tryMatch(/[A-Za-z0-9+\/=]+/y) ?? scanner.fail("the initial response is broken");
  scanner.end();
  return { mechanism, initial };
}

/** ID: a list of pairs or NIL [rfc2971 3.1]. */
export function parseId(scanner: Scanner): ReadonlyMap<string, string | undefined> {
  scanner.space();
  const pairs = new Map<string, string | undefined>();
  if (!scanner.tryWord("NIL")) {
    scanner.list(() => {
      const name = scanner.string();
      scanner.space();
      pairs.set(name.toLowerCase(), scanner.nstring());
    }, ID_PAIRS_MAX);
  }
  scanner.end();
  return pairs;
}

/** ENABLE: capability names in upper case [rfc5161 3.1]. */
export function parseEnable(scanner: Scanner): readonly string[] {
  const names: string[] = [];
  do {
    scanner.space();
    names.push(scanner.atom().toUpperCase());
  } while (!scanner.done && names.length < LIST_ITEMS_MAX);
  scanner.end();
  return names;
}

/** What APPEND says before the message [rfc3501 6.3.11]. */
export interface AppendStart extends ParsedFlags {
  readonly mailbox: string;
  readonly internalDateMs: number | undefined;
}

/** APPEND up to the message's literal, which is not part of the text. */
export function parseAppendStart(scanner: Scanner): AppendStart {
  scanner.space();
  const mailbox = scanner.astring();
  scanner.space();
  let flags: ParsedFlags = { flags: 0, keywords: [] };
  if (scanner.peek() === "(") {
    flags = parseFlags(scanner, { bare: false });
    scanner.space();
  }
  let internalDateMs: number | undefined;
  if (scanner.peek() === '"') {
    internalDateMs = parseDateTime(scanner);
    scanner.space();
  }
  if (!scanner.done) scanner.fail("the message is missing");
  return { mailbox, internalDateMs, ...flags };
}

/** Special uses that LIST may show, for backends that read them from text. */
export const SPECIAL_USES: readonly SpecialUse[] = [
  "\\All",
  "\\Archive",
  "\\Drafts",
  "\\Flagged",
  "\\Junk",
  "\\Sent",
  "\\Trash",
];
