/**
 * Mailbox names: modified UTF-7 [rfc3501 5.1.3], the rules for a name that a client gives, and the patterns of LIST
 * [rfc3501 6.3.8].
 */
import { Permanent } from "../../core/errors.ts";

/** Longest mailbox name, bytes: a Maildir++ folder is one file name of at most 255. */
export const MAILBOX_NAME_BYTES_MAX = 250;
/** Longest pattern of LIST, characters. Ours. */
export const PATTERN_CHARS_MAX = 300;

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/** Text in modified UTF-7. */
export function encodeMutf7(text: string): string {
  return text.replace(/&|[^\x20-\x7e]+/g, (run) => {
    if (run === "&") return "&-";
    let bits = 0;
    let count = 0;
    let encoded = "";
    for (let at = 0; at < run.length; at++) {
      bits = ((bits << 16) | run.charCodeAt(at)) & 0x3fffff;
      for (count += 16; count >= 6; count -= 6) encoded += BASE64[(bits >> (count - 6)) & 63];
    }
    if (count > 0) encoded += BASE64[(bits << (6 - count)) & 63];
    return `&${encoded}-`;
  });
}

/** The text of modified UTF-7; undefined when it is not in its one right form. */
export function decodeMutf7(name: string): string | undefined {
  let valid = /^[\x20-\x7e]*$/.test(name);
  const text = name.replace(/&([^-]*)(-?)/g, (_all, code: string, end: string) => {
    if (end === "") valid = false;
    if (code === "") return "&";
    let bits = 0;
    let count = 0;
    let decoded = "";
    for (const character of code) {
      const value = BASE64.indexOf(character);
      if (value < 0) valid = false;
      bits = ((bits << 6) | value) & 0x3fffff;
      count += 6;
      if (count < 16) continue;
      count -= 16;
      decoded += String.fromCharCode((bits >> count) & 0xffff);
    }
    return decoded;
  });
  return valid && text.isWellFormed() && encodeMutf7(text) === name ? text : undefined;
}

/** A client's name of an existing mailbox: INBOX in upper case (also as first level), the rest as given. */
export function normalMailboxName(name: string, separator: string): string {
  const first = name.slice(0, 5);
  if (first.toUpperCase() !== "INBOX" || (name.length > 5 && name[5] !== separator)) return name;
  return `INBOX${name.slice(5)}`;
}

/** Checks a name that is to be made; throws Permanent with the reason. Bytes above 127 are refused: it is no modified UTF-7. */
export function checkNewMailboxName(name: string, separator: string): void {
  if (name === "") throw new Permanent("the mailbox name is empty");
  if (name.length > MAILBOX_NAME_BYTES_MAX) throw new Permanent("the mailbox name is too long");
  if (decodeMutf7(name) === undefined) throw new Permanent("the mailbox name is not in modified UTF-7");
  if (/[%*/]/.test(name)) throw new Permanent("the mailbox name holds a character that is not allowed");
  if (name.split(separator).some((level) => level === "")) throw new Permanent("a level of the mailbox name is empty");
}

/** Makes the test for a LIST pattern: `*` matches anything, `%` anything but the separator; INBOX without regard to case. */
export function mailboxMatcher(pattern: string, separator: string): (name: string) => boolean {
  if (pattern.length > PATTERN_CHARS_MAX) throw new Permanent("the mailbox pattern is too long");
  const normal = normalMailboxName(pattern, separator);
  // runs of wildcards mean one: also keeps the match from taking exponential time
  const parts = normal.replace(/[%*]*\*[%*]*/g, "*").replace(/%+/g, "%");
  return (name) => matches({ pattern: parts, name, separator });
}

/** Wildcard match in time pattern x name: rows of reachable places instead of backtracking. */
function matches(given: { readonly pattern: string; readonly name: string; readonly separator: string }): boolean {
  const { pattern, name, separator } = given;
  let reachable = new Uint8Array(name.length + 1);
  reachable[0] = 1;
  for (const character of pattern) {
    const next = new Uint8Array(name.length + 1);
    const wild = character === "*" || character === "%";
    for (let at = 0; at <= name.length; at++) {
      if (wild) {
        const before = at > 0 && next[at - 1] === 1 && (character === "*" || name[at - 1] !== separator);
        next[at] = reachable[at] === 1 || before ? 1 : 0;
      } else if (at > 0 && reachable[at - 1] === 1 && name[at - 1] === character) next[at] = 1;
    }
    reachable = next;
  }
  return reachable[name.length] === 1;
}
