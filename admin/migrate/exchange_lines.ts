/**
 * The lines of an exchange of accounts: JSON objects, one a line, UTF-8. The first names format and version, then come
 * domains, files of their folders, rows of tables, and a last line with the number of lines before it. Pure.
 */
import { Permanent } from "../../core/errors.ts";
import type { Row, SqlValue } from "../../storage/accounts/database.ts";
import type { Column } from "../../storage/accounts/tables/schema_table.ts";
import { type ExchangeTable, exchangeTable, isTime } from "./exchange_tables.ts";

/** Longest line, bytes: a file of a domain's folder in base64 is the longest thing. */
export const LINE_BYTES_MAX = 256 * 1024;
/** Largest file of a domain's folder that is carried, bytes. */
export const FILE_BYTES_MAX = 128 * 1024;

const FORMAT = "indimail-accounts";
const VERSION = 1;
/** The first line. */
export const HEADER = `{"format":"${FORMAT}","version":${VERSION}}\n`;

/** A virtual domain as the files have it. */
export interface DomainRecord {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Its folder; absent when it is in its usual place. */
  readonly directory?: string;
  /** Its alias domains, sorted. */
  readonly aliases: readonly string[];
  /** Mail for it is accepted. */
  readonly accepted: boolean;
  /** Its recipients are checked by smtpd. */
  readonly checkRecipients: boolean;
}

/** A file of a domain's folder. */
export interface FileRecord {
  readonly domain: string;
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What a line says. */
export type Line =
  | { readonly kind: "header" }
  | { readonly kind: "domain"; readonly domain: DomainRecord }
  | { readonly kind: "file"; readonly file: FileRecord }
  | { readonly kind: "row"; readonly table: ExchangeTable; readonly row: Row }
  | { readonly kind: "end"; readonly lines: number };

/** The line of a domain. */
export function formatDomain({ name, uid, gid, directory, aliases, accepted, checkRecipients }: DomainRecord): string {
  const place = directory === undefined ? {} : { directory };
  return `${JSON.stringify({ domain: { name, uid, gid, ...place, aliases, accepted, checkRecipients } })}\n`;
}

/** The line of a file: as text when it is UTF-8. */
export function formatFile({ domain, name, bytes }: FileRecord): string {
  let content: { readonly text: string } | { readonly base64: string };
  try {
    content = { text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    content = { base64: bytes.toBase64() };
  }
  return `${JSON.stringify({ file: { domain, name, ...content } })}\n`;
}

/** The line of a row whose columns are in the table's order. */
export function formatRow(table: string, row: Row): string {
  return `{"table":"${table}","row":${JSON.stringify(row)}}\n`;
}

/** The last line. */
export function formatEnd(lines: number): string {
  return `{"end":${lines}}\n`;
}

/** Reads a line. Throws Permanent saying what is wrong with it; the caller names file and line. */
export function parseLine(text: string): Line {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Permanent("is not JSON");
  }
  if (!isObject(value)) throw new Permanent("is not a JSON object");
  if (value["table"] !== undefined) return parseRow(value);
  if (value["domain"] !== undefined) return { kind: "domain", domain: parseDomain(value["domain"]) };
  if (value["file"] !== undefined) return { kind: "file", file: parseFile(value["file"]) };
  if (value["end"] !== undefined) return { kind: "end", lines: natural(value["end"], "end") };
  if (value["format"] === FORMAT) {
    if (value["version"] !== VERSION) {
      throw new Permanent(`is of version ${JSON.stringify(value["version"])}; this program reads ${VERSION}`);
    }
    return { kind: "header" };
  }
  throw new Permanent("is neither a domain nor a file nor a row of a table");
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown, what: string): string {
  if (typeof value !== "string") throw new Permanent(`${what} is no text`);
  return checkText(value, what);
}

/** Neither driver keeps half a character, and SQLite no NUL. */
function checkText(value: string, what: string): string {
  if (value.includes("\0")) throw new Permanent(`${what} holds a NUL`);
  if (!value.isWellFormed()) throw new Permanent(`${what} holds half of a character`);
  return value;
}

function natural(value: unknown, what: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw new Permanent(`${what} is no whole number`);
  }
  return value;
}

function truth(value: unknown, what: string): boolean {
  if (typeof value !== "boolean") throw new Permanent(`${what} is neither true nor false`);
  return value;
}

function fieldsOf(value: unknown, kind: string, known: readonly string[]): Readonly<Record<string, unknown>> {
  if (!isObject(value)) throw new Permanent(`${kind} is not a JSON object`);
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Permanent(`${kind} has the unknown field ${JSON.stringify(unknown)}`);
  return value;
}

const DOMAIN_FIELDS = ["name", "uid", "gid", "directory", "aliases", "accepted", "checkRecipients"];

function parseDomain(value: unknown): DomainRecord {
  const fields = fieldsOf(value, "domain", DOMAIN_FIELDS);
  const { aliases, directory } = fields;
  if (!Array.isArray(aliases)) throw new Permanent("aliases is not a list");
  return {
    name: text(fields["name"], "name"),
    uid: natural(fields["uid"], "uid"),
    gid: natural(fields["gid"], "gid"),
    ...(directory === undefined ? {} : { directory: text(directory, "directory") }),
    aliases: aliases.map((alias) => text(alias, "alias")),
    accepted: truth(fields["accepted"], "accepted"),
    checkRecipients: truth(fields["checkRecipients"], "checkRecipients"),
  };
}

function parseFile(value: unknown): FileRecord {
  const fields = fieldsOf(value, "file", ["domain", "name", "text", "base64"]);
  const name = text(fields["name"], "name");
  if (!isCarriedFile(name)) throw new Permanent(`${JSON.stringify(name)} is no file of a domain's folder`);
  return { domain: text(fields["domain"], "domain"), name, bytes: contentOf(fields) };
}

function contentOf(fields: Readonly<Record<string, unknown>>): Uint8Array<ArrayBuffer> {
  if (fields["base64"] === undefined) {
    if (typeof fields["text"] !== "string" || !fields["text"].isWellFormed()) throw new Permanent("text is no text");
    return new TextEncoder().encode(fields["text"]);
  }
  try {
    return Uint8Array.fromBase64(text(fields["base64"], "base64"));
  } catch (error) {
    if (error instanceof Permanent) throw error;
    throw new Permanent("base64 is not base64");
  }
}

/** Files of a domain's folder beside .qmail-NAME that say how it works; .aliasdomains is made anew. */
const FOLDER_FILES = [".base_path", ".users_per_level", ".domain_limits", ".filesystems", "hash_method"];

/** Whether a file of a domain's folder is carried: control files, .qmail-NAME, lists of freed places. */
export function isCarriedFile(name: string): boolean {
  return !name.includes("/") && !/\p{Cc}/u.test(name) && name.length < 256 &&
    (FOLDER_FILES.includes(name) || /^\.qmail-./.test(name) || /^\.\w+_(?:A2E|F2K|L2P|Q2S|T2Zsym)$/.test(name));
}

function parseRow(value: Readonly<Record<string, unknown>>): Line {
  const name = text(value["table"], "table");
  const table = exchangeTable(name);
  if (!table) throw new Permanent(`${JSON.stringify(name)} is no table of accounts`);
  const given = value["row"];
  if (!isObject(given)) throw new Permanent("row is not a JSON object");
  const row: Record<string, SqlValue> = {};
  let seen = 0;
  for (const column of table.columns) {
    const cell = given[column.name];
    if (cell === undefined) throw new Permanent(`has no column ${column.name}`);
    row[column.name] = checkCell(cell, column);
    seen++;
  }
  if (Object.keys(given).length !== seen) {
    const unknown = Object.keys(given).find((key) => !Object.hasOwn(row, key));
    throw new Permanent(`has the unknown column ${JSON.stringify(unknown)}`);
  }
  return { kind: "row", table, row };
}

const INT_MAX: Readonly<Partial<Record<Column["type"], bigint>>> = {
  tinyint: 127n,
  smallint: 32767n,
  int: 2147483647n,
  bigint: 9223372036854775807n,
  unsigned: 18446744073709551615n,
};

function checkCell(cell: unknown, column: Column): SqlValue {
  const { name, type, width } = column;
  if (cell === null) {
    if (!column.null) throw new Permanent(`${name} is null`);
    return null;
  }
  if (isTime(type)) {
    const time = text(cell, name);
    if (!/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(time)) throw new Permanent(`${name} is no time`);
    return time;
  }
  const max = INT_MAX[type];
  if (max === undefined) {
    const checked = text(cell, name);
    if (width !== undefined && checked.length > width && characters(checked) > width) {
      throw new Permanent(`${name} is longer than ${width} characters`);
    }
    return checked;
  }
  return checkNumber(cell, name, { max, least: type === "unsigned" ? 0n : -max - 1n });
}

function checkNumber(cell: unknown, name: string, range: { readonly max: bigint; readonly least: bigint }): SqlValue {
  const isNumber = typeof cell === "number" && Number.isSafeInteger(cell);
  if (isNumber && cell <= range.max && cell >= range.least) return cell;
  if (!isNumber && !(typeof cell === "string" && /^-?\d{1,20}$/.test(cell))) {
    throw new Permanent(`${name} is no whole number`);
  }
  const exact = BigInt(cell);
  if (exact > range.max || exact < range.least) throw new Permanent(`${name} is out of its range`);
  return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact.toString();
}

function characters(value: string): number {
  let count = 0;
  for (const _ of value) count++;
  return count;
}
