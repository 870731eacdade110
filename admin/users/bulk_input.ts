/**
 * What vadduser reads users from: comma-separated values with or without a heading, or the lines of a vpasswd file.
 * Entries come in the order of the file, a wrong one as a fault, each with its line.
 */
import { Permanent } from "../../core/errors.ts";
import type { ByteReader } from "../../core/stream.ts";
import { isKnownHash } from "../../storage/accounts/passwords.ts";
import { type CsvRecord, CsvSplitter, RECORD_CHARACTERS_MAX } from "./csv.ts";

/** A user as the file has it. */
export interface BulkEntry {
  readonly line: number;
  readonly address: string;
  /** Empty: none is given. */
  readonly password: string;
  /** It is a crypt(3) string and is stored as it is. */
  readonly hashed: boolean;
  readonly quota: string;
  readonly name: string;
}

/** What is wrong with a line. */
export interface BulkFault {
  readonly line: number;
  readonly fault: string;
}

/** The forms of input. */
export type BulkForm = "csv" | "vpasswd";

const COLUMNS = ["address", "password", "quota", "name"] as const;
/** Names that a heading may have, with the column that they mean. */
const HEADINGS: Readonly<Record<string, (typeof COLUMNS)[number] | "hash">> = {
  address: "address",
  email: "address",
  password: "password",
  hash: "hash",
  quota: "quota",
  name: "name",
  comment: "name",
  gecos: "name",
};
/** Bytes read at once. */
const READ_BYTES = 64 * 1024;

/** A crypt(3) string without the name of a scheme that others write before it: {SHA512-CRYPT}$6$… */
export function plainHash(text: string): string | undefined {
  const hash = /^\{(?:[A-Z0-9]+-)?CRYPT\}(.+)$/i.exec(text)?.[1] ?? text;
  return isKnownHash(hash) ? hash : undefined;
}

/** Whether a password is a crypt(3) string by its look: `$id$…`, or with the name of its scheme before it. */
function looksHashed(text: string): boolean {
  return /^(?:\{(?:[A-Za-z0-9]+-)?CRYPT\}|\$)/i.test(text) && plainHash(text) !== undefined;
}

/**
 * Entries and faults of an input, a list for each piece that was read. With `verbatim` a password that looks like a hash is
 * no other than one that does not. Throws Permanent when its heading is wrong.
 */
export async function* readEntries(
  input: ByteReader,
  form: BulkForm,
  options: { readonly verbatim: boolean },
): AsyncGenerator<readonly (BulkEntry | BulkFault)[]> {
  const decoder = new TextDecoder();
  const lines = form === "csv" ? new CsvSplitter() : new LineSplitter();
  const entryOf = form === "csv" ? csvEntries(options) : vpasswdEntry;
  const buffer = new Uint8Array(READ_BYTES);
  for (;;) {
    const count = await input.read(buffer);
    const records = count === null
      ? [...lines.push(decoder.decode()), ...lines.end()]
      : lines.push(decoder.decode(buffer.subarray(0, count), { stream: true }));
    const entries = records.flatMap((record) => {
      if ("fault" in record) return [record];
      const entry = entryOf(record);
      if (!entry) return [];
      const texts = "fault" in entry ? "" : entry.address + entry.password + entry.quota + entry.name;
      return [texts.includes("\ufffd") ? { line: entry.line, fault: "not UTF-8" } : entry];
    });
    if (entries.length > 0) yield entries;
    if (count === null) return;
  }
}

type Entry = BulkEntry | BulkFault | undefined;

/** Turns records into entries; the first one may be a heading. */
function csvEntries(
  { verbatim }: { readonly verbatim: boolean },
): (record: Extract<CsvRecord, { fields: unknown }>) => Entry {
  let columns: readonly string[] | undefined;
  return ({ line, fields }) => {
    if (!columns) {
      columns = headingOf(line, fields) ?? COLUMNS;
      if (columns !== COLUMNS) return undefined;
    }
    if (fields.length > columns.length) {
      return { line, fault: `${fields.length} fields, but ${columns.length} columns (${columns.join(", ")})` };
    }
    const value = (column: string) => (fields[columns?.indexOf(column) ?? -1] ?? "").trim();
    // a password may begin or end with a space
    const clear = fields[columns.indexOf("password")] ?? "";
    const hash = value("hash");
    const entry = { line, address: value("address"), quota: value("quota"), name: value("name") };
    if (hash === "") return { ...entry, ...(verbatim ? { password: clear, hashed: false } : storedForm(clear)) };
    const plain = plainHash(hash);
    return plain === undefined
      ? { line, fault: "hash is not a crypt(3) string" }
      : { ...entry, password: plain, hashed: true };
  };
}

function storedForm(password: string): { readonly password: string; readonly hashed: boolean } {
  return looksHashed(password)
    ? { password: plainHash(password) ?? password, hashed: true }
    : { password, hashed: false };
}

/** The columns that a heading names; undefined when the record is none. Throws Permanent naming an unknown one. */
function headingOf(line: number, fields: readonly string[]): readonly string[] | undefined {
  const names = fields.map((field) => field.trim().toLowerCase());
  if (!names.some((name) => HEADINGS[name] === "address")) return undefined;
  return names.map((name) => {
    const column = HEADINGS[name];
    if (column) return column;
    throw new Permanent(`line ${line}: ${JSON.stringify(name)} is no column: address, password, hash, quota, name`);
  });
}

/** `address:hash`, or a line of a vpasswd file: name:hash:uid:gid:comment:home:quota. */
function vpasswdEntry({ line, fields }: { readonly line: number; readonly fields: readonly string[] }): Entry {
  const [address = "", hash = ""] = fields;
  if (fields.length !== 2 && fields.length < 7) {
    return { line, fault: `${fields.length} fields: address:hash, or name:hash:uid:gid:comment:home:quota` };
  }
  const plain = plainHash(hash);
  if (plain === undefined) return { line, fault: "the second field is not a crypt(3) string" };
  return { line, address, password: plain, hashed: true, quota: fields[6] ?? "", name: fields[4] ?? "" };
}

/** Lines of fields with colons; empty ones and comments are none. */
class LineSplitter {
  #rest = "";
  #line = 0;
  #skipping = false;

  push(text: string): CsvRecord[] {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    const records = lines.flatMap((line) => this.#record(line));
    if (this.#rest.length > RECORD_CHARACTERS_MAX) {
      if (!this.#skipping) {
        records.push({ line: this.#line + 1, fault: `longer than ${RECORD_CHARACTERS_MAX} characters` });
      }
      this.#skipping = true;
      this.#rest = "";
    }
    return records;
  }

  end(): CsvRecord[] {
    return this.#rest === "" ? [] : this.#record(this.#rest);
  }

  #record(text: string): CsvRecord[] {
    this.#line++;
    const wasSkipping = this.#skipping;
    this.#skipping = false;
    const line = text.endsWith("\r") ? text.slice(0, -1) : text;
    if (wasSkipping || line === "" || line.startsWith("#")) return [];
    if (line.length > RECORD_CHARACTERS_MAX) {
      return [{ line: this.#line, fault: `longer than ${RECORD_CHARACTERS_MAX} characters` }];
    }
    return [{ line: this.#line, fields: line.split(":") }];
  }
}
