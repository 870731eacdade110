/**
 * Comma-separated values as RFC 4180 has them, of which the text comes in pieces: fields in quotes may hold commas, line
 * feeds and doubled quotes; lines end in LF or CRLF. A record that is wrong is told with its line, and what follows it is
 * read on.
 */

/** Longest record, characters: a user's row is a tenth of it; an open quote takes no more of the file. */
export const RECORD_CHARACTERS_MAX = 16 * 1024;

/** A record, or what is wrong with one; `line` is that of its first character, from 1. */
export type CsvRecord =
  | { readonly line: number; readonly fields: readonly string[] }
  | { readonly line: number; readonly fault: string };

/** What one record is made of: where the next one begins. */
type Parsed =
  | { readonly fields: string[]; readonly next: number }
  | { readonly fault: string; readonly next: number };

/** The records of a text; empty lines are none. [rfc4180 2] */
export class CsvSplitter {
  #rest = "";
  #line = 1;
  /** The rest begins inside a record that was told to be wrong. */
  #skipping = false;

  /** Takes the next piece and gives the records that are complete. */
  push(text: string): CsvRecord[] {
    return this.#take(this.#rest + text, { last: false });
  }

  /** No more comes: the records that are left. */
  end(): CsvRecord[] {
    return this.#take(this.#rest, { last: true });
  }

  #take(text: string, { last }: { readonly last: boolean }): CsvRecord[] {
    const records: CsvRecord[] = [];
    let at = 0;
    while (at < text.length) {
      if (this.#skipping) {
        const end = text.indexOf("\n", at);
        at = end < 0 ? text.length : end + 1;
        if (end < 0) break;
        this.#line++;
        this.#skipping = false;
        continue;
      }
      const parsed = parseRecord(text, at, { last });
      if (!parsed) break;
      const line = this.#line;
      for (let feed = text.indexOf("\n", at); feed >= 0 && feed < parsed.next; feed = text.indexOf("\n", feed + 1)) {
        this.#line++;
      }
      at = parsed.next;
      if ("fault" in parsed) {
        records.push({ line, fault: parsed.fault });
        this.#skipping = text[at - 1] !== "\n";
      } else if (parsed.fields.length > 0) records.push({ line, fields: parsed.fields });
    }
    this.#rest = text.slice(at);
    return records;
  }
}

/** The record at `at`; undefined when its end has not come. An empty line is a record without fields. */
function parseRecord(text: string, at: number, { last }: { readonly last: boolean }): Parsed | undefined {
  const feed = text.indexOf("\n", at);
  const end = feed < 0 ? text.length : feed;
  const next = feed < 0 ? end : end + 1;
  const tooLong = { fault: `longer than ${RECORD_CHARACTERS_MAX} characters: is a quote not closed?`, next };
  if (end - at > RECORD_CHARACTERS_MAX) return tooLong;
  const line = text.slice(at, end > at && text[end - 1] === "\r" ? end - 1 : end);
  if (!line.includes('"')) {
    if (feed < 0 && !last) return undefined;
    return { fields: line === "" ? [] : line.split(","), next };
  }
  // a window of the same size however the text comes, so that the same is found
  const window = text.slice(at, at + RECORD_CHARACTERS_MAX + 1);
  const isWhole = at + window.length === text.length && window.length <= RECORD_CHARACTERS_MAX;
  const parsed = parseQuoted(window, { last: last && isWhole });
  if (parsed !== "incomplete") return { ...parsed, next: at + parsed.next };
  if (!isWhole) return tooLong;
  return last ? { fault: "a quote is not closed", next } : undefined;
}

/** A record with quotes somewhere, character by character. */
function parseQuoted(text: string, { last }: { readonly last: boolean }): Parsed | "incomplete" {
  const fields: string[] = [];
  for (let at = 0; at <= text.length;) {
    const field = text[at] === '"' ? quotedField(text, at) : plainField(text, at);
    if (field === undefined) return "incomplete";
    fields.push(field.text);
    at = field.next;
    if (field.fault !== undefined) return { fault: field.fault, next: afterLine(text, at) };
    const ended = text[at] === undefined ? 0 : text[at] === "\n" ? 1 : text.startsWith("\r\n", at) ? 2 : undefined;
    if (text[at] === undefined && !last) return "incomplete";
    if (ended !== undefined) return { fields, next: at + ended };
    if (text[at] !== ",") {
      if (!last && text[at] === "\r" && at + 1 === text.length) return "incomplete";
      if (last && text[at] === "\r" && at + 1 === text.length) return { fields, next: at + 1 };
      return { fault: "text behind a closing quote", next: afterLine(text, at) };
    }
    at++;
  }
  return "incomplete";
}

interface Field {
  readonly text: string;
  readonly next: number;
  readonly fault?: string;
}

function quotedField(text: string, start: number): Field | undefined {
  let value = "";
  for (let at = start + 1; at < text.length;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) return undefined;
    value += text.slice(at, quote);
    if (text[quote + 1] !== '"') return { text: value, next: quote + 1 };
    value += '"';
    at = quote + 2;
  }
  return undefined;
}

function plainField(text: string, start: number): Field {
  let end = start;
  while (end < text.length && text[end] !== "," && text[end] !== "\n") end++;
  const next = text[end - 1] === "\r" && text[end] !== "," && end > start ? end - 1 : end;
  const value = text.slice(start, next);
  return value.includes('"')
    ? { text: value, next, fault: "a quote inside a field that does not begin with one" }
    : { text: value, next };
}

/** The start of the next line; the end of the text where there is none. */
function afterLine(text: string, at: number): number {
  const feed = text.indexOf("\n", at);
  return feed < 0 ? text.length : feed + 1;
}

/** A record as a line, with CRLF. Fields are in quotes where they must be. [rfc4180 2] */
export function formatCsvRecord(fields: readonly string[]): string {
  const alone = fields.length === 1;
  const quoted = (field: string) =>
    /[",\r\n]/.test(field) || (alone && field === "") ? `"${field.replaceAll('"', '""')}"` : field;
  return `${fields.map(quoted).join(",")}\r\n`;
}
