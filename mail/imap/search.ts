/**
 * Evaluates SEARCH [rfc3501 6.4.4]: first what the columns answer, then, only for messages that are still undecided, headers in
 * batches, and last whole messages. Texts are compared as lower-cased Unicode.
 */
import { isAscii, latin1Text } from "../../core/bytes.ts";
import { parseAddressList } from "../address/parse.ts";
import { tryParseDate } from "../date.ts";
import { decodeHeaderText } from "../header/encoded_word.ts";
import { Header } from "../header/header.ts";
import { decodeCharset, decodeUtf8OrLatin1 } from "../mime/charset.ts";
import { charsetOf, isType, type MimePart, transferEncodingOf } from "../mime/part.ts";
import { decodeTransfer } from "../mime/transfer.ts";
import { type ImapSnapshot, KEYWORD_BIT_FIRST } from "./backend.ts";
import { ADDRESS_FIELDS } from "./envelope.ts";
import type { SearchKey } from "./parse_search.ts";
import type { SearchedContent } from "./search_content.ts";
import { sequenceIndices, uidIndices } from "./sets.ts";

const DAY_MS = 86_400_000;

/** What is known of the message at hand; `undefined` of `header` and `content`: not read yet. */
export interface Candidate {
  readonly index: number;
  readonly recent: boolean;
  /** Its columns: flags, date and size are at `place`. Dates and sizes may have to be found first, so only when asked for. */
  readonly snapshot: ImapSnapshot;
  readonly place: number;
  /** Its header, or a part of it in which every field is that the keys ask for. */
  readonly header?: Header;
  readonly content?: SearchedContent;
}

/** What of a part a search looks at. */
export interface SearchedPart extends Pick<MimePart, "kind" | "header" | "contentType" | "bodyStart" | "end"> {
  readonly children: readonly SearchedPart[];
}

/** A key made ready for a folder: sets are bits, keywords are flag bits. */
export type Test = (candidate: Candidate) => boolean | undefined;

/** What keys are resolved against. */
export interface SearchScope {
  readonly uids: Uint32Array;
  readonly keywords: readonly string[];
}

/** What has to be read where the columns do not decide. */
export interface SearchNeed {
  /** Fields that the envelope has as well. */
  readonly envelope: boolean;
  /** Other fields. */
  readonly header: boolean;
  readonly message: boolean;
  /** A text that is looked for in messages has line ends. */
  readonly lineEnds: boolean;
}

/** What keys need to read at most. */
export function needOf(key: SearchKey): SearchNeed {
  switch (key.kind) {
    case "and":
      return key.keys.map(needOf).reduce(both, NOTHING);
    case "or":
      return both(needOf(key.a), needOf(key.b));
    case "not":
      return needOf(key.key);
    case "sent":
      return { ...NOTHING, envelope: true };
    case "header":
      // SUBJECT is what the envelope says [rfc3501 6.4.4]
      return { ...NOTHING, [key.field === "subject" ? "envelope" : "header"]: true };
    case "body":
    case "text":
      return { ...NOTHING, message: true, lineEnds: key.text.includes("\n") };
    default:
      return NOTHING;
  }
}

const NOTHING: SearchNeed = { envelope: false, header: false, message: false, lineEnds: false };

function both(a: SearchNeed, b: SearchNeed): SearchNeed {
  return {
    envelope: a.envelope || b.envelope,
    header: a.header || b.header,
    message: a.message || b.message,
    lineEnds: a.lineEnds || b.lineEnds,
  };
}

/**
 * Makes the test of a key: true, false, or undefined where something has to be read first. Undefined when a sequence number is
 * beyond the end.
 */
export function testOf(key: SearchKey, scope: SearchScope): Test | undefined {
  switch (key.kind) {
    case "and": {
      const tests = key.keys.map((one) => testOf(one, scope));
      return tests.every((test) => test !== undefined) ? allOf(tests) : undefined;
    }
    case "or": {
      const a = testOf(key.a, scope);
      const b = testOf(key.b, scope);
      return a && b && negate(allOf([negate(a), negate(b)]));
    }
    case "not": {
      const test = testOf(key.key, scope);
      return test && negate(test);
    }
    case "sequence":
      return setTest(sequenceIndices(key.set, scope.uids.length));
    case "uid":
      return setTest(uidIndices(key.set, scope.uids));
    default:
      return plainTest(key, scope);
  }
}

type PlainKey = Exclude<SearchKey, { kind: "and" | "or" | "not" | "sequence" | "uid" }>;

function plainTest(key: PlainKey, scope: SearchScope): Test {
  switch (key.kind) {
    case "all":
      return () => true;
    case "recent":
      return (candidate) => candidate.recent;
    case "flag":
      return ({ snapshot, place }) => (snapshot.flags[place]! & key.bit) !== 0;
    case "keyword": {
      const number = scope.keywords.findIndex((name) => name.toLowerCase() === key.name.toLowerCase());
      const bit = 1 << (KEYWORD_BIT_FIRST + number);
      return number < 0 ? () => false : ({ snapshot, place }) => (snapshot.flags[place]! & bit) !== 0;
    }
    case "internal":
      return ({ snapshot, place }) => compareDay(Math.floor(snapshot.dateAt(place) / DAY_MS), key);
    case "size":
      return key.relation === "larger"
        ? ({ snapshot, place }) => snapshot.sizeAt(place) > key.bytes
        : ({ snapshot, place }) => snapshot.sizeAt(place) < key.bytes;
    case "sent":
      return (candidate) => candidate.header && sentTest(candidate.header, key);
    case "header":
      return (candidate) => candidate.header && headerHas(candidate.header, key.field, key.text);
    case "body":
      return ({ content }) => content && bodyHas(content.bytes, content.root, key.text);
    case "text":
      return ({ content }) =>
        content && (headerTextHas(content.root.header, key.text) || bodyHas(content.bytes, content.root, key.text));
  }
}

function allOf(tests: readonly Test[]): Test {
  return (candidate) => {
    let undecided = false;
    for (const test of tests) {
      const result = test(candidate);
      if (result === false) return false;
      if (result === undefined) undecided = true;
    }
    return undecided ? undefined : true;
  };
}

function negate(test: Test): Test {
  return (candidate) => {
    const result = test(candidate);
    return result === undefined ? undefined : !result;
  };
}

function setTest(indices: Uint32Array | undefined): Test | undefined {
  if (!indices) return undefined;
  const members = new Set(indices);
  return (candidate) => members.has(candidate.index);
}

function compareDay(day: number, key: { readonly relation: "before" | "on" | "since"; readonly day: number }): boolean {
  if (key.relation === "before") return day < key.day;
  return key.relation === "on" ? day === key.day : day >= key.day;
}

/** The day as the sender wrote it, whatever his time zone [rfc3501 6.4.4]. */
function sentTest(header: Header, key: Extract<SearchKey, { kind: "internal" | "sent" }>): boolean {
  const value = header.value("date");
  const date = value === undefined ? undefined : tryParseDate(value);
  return date !== undefined && compareDay(Math.floor((date.atMs + date.zoneMinutes * 60_000) / DAY_MS), key);
}

function headerHas(header: Header, field: string, text: string): boolean {
  const values = header.all(field).map((one) => header.valueOf(one));
  if (values.some((value) => decodeHeaderText(value).toLowerCase().includes(text))) return true;
  return text.includes("@") && ADDRESS_FIELDS.has(field) && values.some((value) => addressesHave(value, text));
}

/** What may stand within an address and is no part of it: comments, blanks, quotes. */
const BETWEEN = /[("]|\s[@.]|[@.]\s/;

/** An address as the envelope has it, which is what FROM, TO, CC and BCC look into [rfc3501 6.4.4]. */
function addressesHave(value: string, text: string): boolean {
  if (!BETWEEN.test(value)) return false;
  const mailboxes = parseAddressList(value).flatMap((one) => one.kind === "group" ? one.members : [one]);
  return mailboxes.some(({ local, domain }) => `${local}@${domain}`.toLowerCase().includes(text));
}

function headerTextHas(header: Header, text: string): boolean {
  return header.fields.some((field) => {
    const name = header.text.slice(field.start, field.valueStart);
    return `${name} ${decodeHeaderText(header.valueOf(field))}`.toLowerCase().includes(text);
  });
}

/** Whether a text part below (or this) holds the text; headers of embedded messages belong to the body. */
function bodyHas(bytes: Uint8Array, part: SearchedPart, text: string): boolean {
  if (part.kind === "multipart") return part.children.some((child) => bodyHas(bytes, child, text));
  if (part.kind === "message") {
    const inner = part.children[0]!;
    return headerTextHas(inner.header, text) || bodyHas(bytes, inner, text);
  }
  if (!isType(part.contentType, "text", "*")) return false;
  const raw = bytes.subarray(part.bodyStart, part.end);
  const decoded = decodeTransfer(raw, transferEncodingOf(part));
  return partText(decoded, charsetOf(part.contentType)).toLowerCase().includes(text);
}

/** Character sets in which a text of ASCII bytes is ASCII. */
const ASCII_SUPERSETS = /^(?:us-ascii|utf-8|iso-8859-\d{1,2}|windows-125\d)$/;

/** The text of a part's decoded bytes; what is no known character set is UTF-8 or latin1. */
function partText(bytes: Uint8Array, charset: string | undefined): string {
  const name = charset?.toLowerCase() ?? "us-ascii";
  if (ASCII_SUPERSETS.test(name) && isAscii(bytes)) return latin1Text(bytes);
  if (name !== "us-ascii") {
    const text = decodeCharset(bytes, name);
    if (text !== undefined) return text;
  }
  return decodeUtf8OrLatin1(latin1Text(bytes));
}
