/**
 * A header split into fields, the bytes kept as received: qmail-inject rewrites them, IMAP makes ENVELOPE of them, filters
 * look into them. Text is latin1, one character a byte. Any bytes are taken; what is no field is skipped.
 */
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";

/** Fields of a header above which the rest is not looked at. Ours; real mail has some hundred at most. */
export const HEADER_FIELDS_MAX = 10_000;

/** One field, as places in the header's text. */
export interface HeaderField {
  /** In lower case, without the colon. */
  readonly name: string;
  /** Where it begins. */
  readonly start: number;
  /** Where the value begins, after the colon. */
  readonly valueStart: number;
  /** Behind its last line end. */
  readonly end: number;
}

const LF = 10;
const CR = 13;

/** A parsed header. */
export class Header {
  /** The header as latin1 text, with or without its empty line. */
  readonly text: string;
  #fields: readonly HeaderField[] | undefined;

  constructor(header: Uint8Array | string) {
    this.text = typeof header === "string" ? header : latin1Text(header);
  }

  /** Its fields in order, up to the empty line. */
  get fields(): readonly HeaderField[] {
    this.#fields ??= splitFields(this.text);
    return this.#fields;
  }

  /** The first field of that name, in lower case. */
  find(name: string): HeaderField | undefined {
    for (const field of this.fields) if (field.name === name) return field;
    return undefined;
  }

  /** All fields of that name, in lower case. */
  all(name: string): readonly HeaderField[] {
    return this.fields.filter((field) => field.name === name);
  }

  /** The unfolded value of the first field of that name, without white space around it; undefined without one. */
  value(name: string): string | undefined {
    const field = this.find(name);
    return field && this.valueOf(field);
  }

  /** The unfolded value of a field, without white space around it. */
  valueOf(field: HeaderField): string {
    return unfold(this.text.slice(field.valueStart, field.end));
  }

  /** A field as received, with its line ends. */
  rawOf(field: HeaderField): string {
    return this.text.slice(field.start, field.end);
  }

  /** The header's bytes. */
  bytes(): Uint8Array<ArrayBuffer> {
    return latin1Bytes(this.text);
  }
}

/** Text without line ends and without white space around it; a line end before white space just goes [rfc5322 2.2.3]. */
export function unfold(value: string): string {
  return (value.includes("\n") ? value.replace(/\r?\n(?=[ \t]|$)/g, "").replace(/\r?\n/g, " ") : value).trim();
}

/** Where a header ends: behind its empty line, or the length of the bytes where there is none. */
export function headerEnd(bytes: Uint8Array): number {
  if (bytes[0] === LF) return 1;
  if (bytes[0] === CR && bytes[1] === LF) return 2;
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at + 1] === LF) return at + 2;
    if (bytes[at + 1] === CR && bytes[at + 2] === LF) return at + 3;
  }
  return bytes.length;
}

function splitFields(text: string): HeaderField[] {
  const fields: HeaderField[] = [];
  let start = 0;
  while (start < text.length && fields.length < HEADER_FIELDS_MAX) {
    let lineEnd = text.indexOf("\n", start);
    if (lineEnd < 0) lineEnd = text.length;
    if (lineEnd === start || (lineEnd === start + 1 && text.charCodeAt(start) === CR)) break;
    let end = lineEnd + 1;
    while (isBlank(text.charCodeAt(end))) {
      const next = text.indexOf("\n", end);
      end = next < 0 ? text.length : next + 1;
    }
    const colon = text.indexOf(":", start);
    const nameEnd = colon < lineEnd ? endOfName(text, start, colon) : start;
    if (nameEnd > start) {
      const name = text.slice(start, nameEnd).toLowerCase();
      fields.push({ name, start, valueStart: colon + 1, end: Math.min(end, text.length) });
    }
    start = end;
  }
  return fields;
}

/** Where the name of a field ends that has its colon there; `start` when it is none. White space may follow the name. */
function endOfName(text: string, start: number, colon: number): number {
  let end = colon;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code <= 32 || code > 126) return start;
  }
  return end;
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}
