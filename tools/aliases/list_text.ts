/**
 * The text form of a mailing list, one entry a line, and its binary form, each ended by NUL: `&address`, or a name that
 * begins with a dot or slash for another list. Latin1 text [man setmaillist.1] [spec formats 19].
 */
import { Permanent } from "../../core/errors.ts";
import { checkedAddress, refuseNul } from "./limits.ts";

/** Longest entry in a binary list that is an address. */
const ENTRY_BYTES_MAX = 900;

/** The entry of a line, with its NUL; "" for an empty line or a comment. Throws Permanent. */
export function listEntry(line: string, lineNumber: number): string {
  const where = `line ${lineNumber}`;
  const text = line.replace(/[ \t\n]+$/, "");
  if (text === "" || text.startsWith("#")) return "";
  refuseNul(text, where);
  if (text.startsWith(".") || text.startsWith("/")) return `${text}\0`;
  const address = checkedAddress(text, where);
  return `${address.startsWith("&") ? "" : "&"}${address}\0`;
}

/** The line of an entry without its NUL. Throws Permanent for what no list has. */
export function listLine(entry: string): string {
  const isPlain = !entry.includes("\n") && !/[ \t]$/.test(entry);
  const isList = entry.startsWith(".") || entry.startsWith("/");
  const isAddress = entry.startsWith("&") && entry.length < ENTRY_BYTES_MAX;
  if (isPlain && (isList || isAddress)) return `${entry}\n`;
  throw new Permanent(`not a binary mailing list: an entry ${JSON.stringify(entry.slice(0, 80))}`);
}
