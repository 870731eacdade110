/** Parses what FETCH asks for: items, macros, sections with partials [rfc3501 6.4.5]. */
import { formatAstring } from "./format.ts";
import type { Scanner } from "./scanner.ts";

/** Items of one FETCH. Ours. */
export const FETCH_ITEMS_MAX = 1000;
/** Field names of one section. Ours. */
export const SECTION_FIELDS_MAX = 1000;
/** Numbers of one section path: deeper than any part can lie (mime PART_DEPTH_MAX). */
export const SECTION_PATH_MAX = 200;

/** What of a part is meant. */
export type SectionKind = "all" | "header" | "fields" | "fields-not" | "text" | "mime";

/** A section of a message. */
export interface Section {
  /** Part numbers; empty: the message itself. */
  readonly path: readonly number[];
  readonly kind: SectionKind;
  /** Names in lower case, for "fields" and "fields-not". */
  readonly fields: readonly string[];
}

/** A section that is asked for. */
export interface SectionItem {
  readonly kind: "section";
  readonly section: Section;
  /** Sets no \Seen. */
  readonly peek: boolean;
  readonly partial?: { readonly offset: number; readonly count: number };
  /** The name of the item in the reply. */
  readonly label: string;
}

/** An item that is asked for. */
export type FetchItem =
  | SectionItem
  | { readonly kind: "uid" | "flags" | "internaldate" | "size" | "envelope" | "bodystructure" | "body" };

type SimpleKind = Exclude<FetchItem["kind"], "section">;

const SIMPLE: Readonly<Record<string, SimpleKind>> = {
  UID: "uid",
  FLAGS: "flags",
  INTERNALDATE: "internaldate",
  "RFC822.SIZE": "size",
  ENVELOPE: "envelope",
  BODYSTRUCTURE: "bodystructure",
};

const MACROS: Readonly<Record<string, readonly SimpleKind[]>> = {
  ALL: ["flags", "internaldate", "size", "envelope"],
  FAST: ["flags", "internaldate", "size"],
  FULL: ["flags", "internaldate", "size", "envelope", "body"],
};

const ITEM_NAME = /[A-Z0-9.]+/iy;
const SECTION_TEXT = /HEADER\.FIELDS\.NOT|HEADER\.FIELDS|HEADER|TEXT|MIME/iy;
const SECTION_NUMBER = /[1-9]\d{0,8}/y;

/** Parses the items of a FETCH; throws Permanent. */
export function parseFetchItems(scanner: Scanner): readonly FetchItem[] {
  if (scanner.peek() === "(") {
    const items = scanner.list(() => parseItem(scanner), FETCH_ITEMS_MAX);
    return items.length > 0 ? items : scanner.fail("no items to fetch");
  }
  for (const [name, kinds] of Object.entries(MACROS)) {
    if (scanner.tryWord(name)) return kinds.map((kind) => ({ kind }));
  }
  return [parseItem(scanner)];
}

function parseItem(scanner: Scanner): FetchItem {
  const name = (scanner.tryMatch(ITEM_NAME) ?? scanner.fail("an item to fetch is missing")).toUpperCase();
  const simple = SIMPLE[name];
  if (simple !== undefined) return { kind: simple };
  switch (name) {
    case "BODY":
      return scanner.peek() === "[" ? parseSection(scanner, { peek: false }) : { kind: "body" };
    case "BODY.PEEK":
      return parseSection(scanner, { peek: true });
    case "RFC822":
      return whole("all", { peek: false, label: name });
    case "RFC822.HEADER":
      return whole("header", { peek: true, label: name });
    case "RFC822.TEXT":
      return whole("text", { peek: false, label: name });
    default:
      return scanner.fail(`unknown item ${name}`);
  }
}

function whole(kind: SectionKind, options: { readonly peek: boolean; readonly label: string }): SectionItem {
  return { kind: "section", section: { path: [], kind, fields: [] }, ...options };
}

function parseSection(scanner: Scanner, options: { readonly peek: boolean }): SectionItem {
  scanner.expect("[");
  const path: number[] = [];
  let kind: SectionKind = "all";
  let fields: readonly string[] = [];
  let label = "";
  for (let more = scanner.peek() !== "]"; more; more = scanner.take(".")) {
    const digits = scanner.tryMatch(SECTION_NUMBER);
    if (digits !== undefined) {
      if (path.length >= SECTION_PATH_MAX) scanner.fail("the section is too deep");
      path.push(Number(digits));
      label += `${label === "" ? "" : "."}${digits}`;
      continue;
    }
    const text = (scanner.tryMatch(SECTION_TEXT) ?? scanner.fail("the section is broken")).toUpperCase();
    label += `${label === "" ? "" : "."}${text}`;
    kind = kindOf(text);
    if (kind === "mime" && path.length === 0) scanner.fail("MIME needs a part number");
    if (kind === "fields" || kind === "fields-not") {
      scanner.space();
      const names = scanner.list(() => scanner.astring(), SECTION_FIELDS_MAX);
      if (names.length === 0) scanner.fail("no header fields are named");
      fields = names.map((name) => name.toLowerCase());
      label += ` (${names.map(formatAstring).join(" ")})`;
    }
    break;
  }
  scanner.expect("]");
  const section = { path, kind, fields };
  if (!scanner.take("<")) return { kind: "section", section, peek: options.peek, label: `BODY[${label}]` };
  const offset = scanner.number();
  scanner.expect(".");
  const count = scanner.number();
  scanner.expect(">");
  if (count === 0) scanner.fail("a partial fetch needs a count above 0");
  const partial = { offset, count };
  return { kind: "section", section, peek: options.peek, partial, label: `BODY[${label}]<${offset}>` };
}

function kindOf(text: string): SectionKind {
  switch (text) {
    case "HEADER":
      return "header";
    case "HEADER.FIELDS":
      return "fields";
    case "HEADER.FIELDS.NOT":
      return "fields-not";
    case "TEXT":
      return "text";
    default:
      return "mime";
  }
}
