/**
 * /etc/aliases and :include: lists as sendmail has them, made into records and entries. Latin1 text, the last recipient
 * of a line first, as the original writes them [man inewaliases.1] [man newinclude.1].
 */
import { Permanent } from "../../core/errors.ts";
import {
  type AddressDefaults,
  completeAddress,
  parseRecipientList,
  type RecipientEntry,
} from "../../mail/address/recipient_list.ts";
import type { ForwardRecord } from "./forward_text.ts";
import { checkedAddress, INSTRUCTION_BYTES_MAX, refuseNul } from "./limits.ts";

/** A line with those that go on with it, and the number of its first line. */
export interface LogicalLine {
  readonly text: string;
  readonly lineNumber: number;
}

const OWNER = "owner-";

/** Joins lines that begin with white space to the one before; empty lines end nothing; comments go on likewise. */
export function* logicalLines(text: string): Generator<LogicalLine> {
  let parts: string[] = [];
  let size = 0;
  let first = 0;
  let lineNumber = 0;
  for (const line of text.split("\n")) {
    lineNumber++;
    if (line === "") continue;
    if (line.startsWith(" ") || line.startsWith("\t")) {
      if (parts.length === 0) first = lineNumber;
      size += line.length;
      if (size > INSTRUCTION_BYTES_MAX) throw new Permanent(`line ${lineNumber}: the alias is too long`);
      parts.push(line);
      continue;
    }
    if (parts.length > 0) yield { text: parts.join("\n"), lineNumber: first };
    parts = [line];
    size = line.length;
    first = lineNumber;
  }
  if (parts.length > 0) yield { text: parts.join("\n"), lineNumber: first };
}

/** The name of a list as it stands in instructions, but for the `.bin` of its binary form. Throws Permanent. */
function listName(name: string, where: string): string {
  if (name === "") throw new Permanent(`${where}: :include: without a file name`);
  if (/[\n\0]/.test(name)) throw new Permanent(`${where}: a file name with a line end or NUL`);
  return name.startsWith(".") || name.startsWith("/") ? name : `./${name}`;
}

function entriesOf(line: LogicalLine, where: string): readonly RecipientEntry[] {
  const entries = parseRecipientList(line.text, { includes: true });
  if (!entries) throw new Permanent(`${where}: cannot be read as addresses: ${line.text.trim().slice(0, 200)}`);
  return entries;
}

/** The records of one alias: the owner of the list that it is named after, if it is, and its instructions. */
export function aliasRecords(line: LogicalLine, path: string, defaults: AddressDefaults): ForwardRecord[] {
  const where = `${path} line ${line.lineNumber}`;
  if (line.text.startsWith("#")) return [];
  let instructions = "";
  let target: RecipientEntry | undefined;
  for (const entry of entriesOf(line, where)) {
    const { kind, text, hasAt } = entry;
    refuseNul(text, where);
    if (kind === "include") instructions += `${listName(text, where)}.bin\0`;
    else if (text === "") throw new Permanent(`${where}: an empty address`);
    else if (!hasAt && text.startsWith("/")) {
      throw new Permanent(`${where}: delivery to the file ${text} is not supported`);
    } else if (!hasAt && text.startsWith("|")) instructions += `!${text.slice(1)}\0`;
    else {
      if (target) instructions += `&${checkedAddress(completeAddress(target, defaults), where)}\0`;
      target = entry; // the first of the line, which is the last here, is what the instructions are for
    }
  }
  if (!target && instructions === "") return [];
  if (!target || instructions === "") throw new Permanent(`${where}: an alias needs a name, a colon and a recipient`);
  const name = target.hasAt ? target.text : `${target.text}@`;
  const full = checkedAddress(completeAddress(target, defaults), where);
  const owner = name.startsWith(OWNER) ? [{ key: `?${name.slice(OWNER.length)}`.toLowerCase(), data: full }] : [];
  return [...owner, { key: `:${name}`.toLowerCase(), data: instructions }];
}

/** A line as nearly all are: one address, complete as it is. */
const PLAIN_ADDRESS = /^[A-Za-z0-9._-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}$/;

/** The entries of one line of an :include: list, each with its NUL. Throws Permanent. */
export function includeEntries(line: LogicalLine, path: string, defaults: AddressDefaults): string {
  if (PLAIN_ADDRESS.test(line.text)) return `&${line.text}\0`;
  const where = `${path} line ${line.lineNumber}`;
  if (line.text.startsWith("#")) return "";
  let entries = "";
  for (const entry of entriesOf(line, where)) {
    const { kind, text, hasAt } = entry;
    refuseNul(text, where);
    if (kind === "include") {
      const name = listName(text, where);
      entries += `${name.endsWith(".bin") ? name : `${name}.bin`}\0`;
      continue;
    }
    if (text === "") continue;
    if (!hasAt && (text.startsWith("/") || text.startsWith("|"))) {
      const what = text.startsWith("/") ? "delivery to the file" : "the program";
      throw new Permanent(`${where}: ${what} ${text} is not supported in a list`);
    }
    const address = checkedAddress(completeAddress(entry, defaults), where);
    if (address.includes("\n")) throw new Permanent(`${where}: an address with a line end`);
    if (/[ \t]$/.test(address)) throw new Permanent(`${where}: an address with a blank at its end`);
    entries += `&${address}\0`;
  }
  return entries;
}
