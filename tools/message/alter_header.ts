/** Changes to the fields of a header: one inserted at its end, one changed, some removed. Text is latin1. */
import { Header } from "../../mail/header/header.ts";

/** How a field's value is changed. */
export interface HeaderChange {
  readonly name: string;
  readonly with: string;
  readonly mode: "prefix" | "suffix" | "replace";
}

/** The header with a field at its end, before the empty line. */
export function insertField(header: string, field: string, lineEnd: string): string {
  const empty = /(?:^|(?<=\n))\r?\n$/.exec(header);
  const at = empty ? empty.index : header.length;
  const before = header.slice(0, at);
  return `${before}${before === "" || before.endsWith("\n") ? "" : lineEnd}${field}${lineEnd}${header.slice(at)}`;
}

/**
 * The header with the first field of that name changed. What follows the first `;` of its value stays where it is; lines that
 * continue a value without one go with it when it is replaced.
 */
export function changeField(header: string, change: HeaderChange): string {
  const parsed = new Header(header);
  const field = parsed.find(change.name.toLowerCase());
  if (!field) return header;
  const raw = header.slice(field.valueStart, field.end);
  const semicolon = raw.indexOf(";");
  const last = /\r?\n?$/.exec(raw)!.index;
  const end = semicolon < 0 ? last : semicolon;
  const value = raw.slice(0, end);
  const changed = change.mode === "prefix"
    ? ` ${change.with}${value}`
    : change.mode === "suffix"
    ? `${value} ${change.with}`
    : ` ${change.with}`;
  return header.slice(0, field.valueStart) + changed + raw.slice(end) + header.slice(field.end);
}

/** The header without the fields of those names. */
export function removeFields(header: string, names: readonly string[]): string {
  const parsed = new Header(header);
  let text = "";
  let from = 0;
  for (const field of parsed.fields) {
    if (!names.includes(field.name)) continue;
    text += header.slice(from, field.start);
    from = field.end;
  }
  return text + header.slice(from);
}
