/**
 * Rules as people write them, for tcprules: one line, `address:allow,NAME="value",!NAME`, becomes records of a cdb. Bytes
 * in, bytes out: what is not a network or an IPv6 address is byte-equal to the original's [man tcprules.1, spec formats 10].
 */
import { latin1Bytes, latin1Text } from "../../../core/bytes.ts";
import { Permanent } from "../../../core/errors.ts";
import { tryParseIp } from "../../../core/ip_address.ts";
import { expandedKey, networkKey } from "./rule_keys.ts";

const COLON = 0x3a;
const COMMA = 0x2c;
const EQUALS = 0x3d;
const BANG = 0x21;
const MINUS = 0x2d;
const PLUS = 0x2b;
const DOT = 0x2e;
const AT = 0x40;
const SLASH = 0x2f;
const HASH = 0x23;
/** A range of numbers ends here at the latest. */
const NUMBER_MAX = 255;

const ALLOW = latin1Bytes("allow");
const DENY = latin1Bytes("deny");
const DENY_LETTER = 0x44;

/** Takes a record; key and data are views that are valid during the call only. */
export type AddRule = (key: Uint8Array, data: Uint8Array) => void;

function badLine(line: Uint8Array): Permanent {
  return new Permanent(`unable to parse this line: ${latin1Text(line)}`);
}

function startsWith(bytes: Uint8Array, word: Uint8Array, at: number): boolean {
  for (let index = 0; index < word.length; index++) if (bytes[at + index] !== word[index]) return false;
  return true;
}

/** The line without blanks at its end. */
function trimmed(line: Uint8Array): Uint8Array {
  let end = line.length;
  while (end > 0 && (line[end - 1] === 0x20 || line[end - 1] === 0x09)) end--;
  return end === line.length ? line : line.subarray(0, end);
}

/** The colon before the instructions: IPv6 addresses have others. -1 when there is none. */
function instructionColon(line: Uint8Array): number {
  for (let at = line.indexOf(COLON); at >= 0; at = line.indexOf(COLON, at + 1)) {
    if (startsWith(line, ALLOW, at + 1) || startsWith(line, DENY, at + 1)) return at;
  }
  return -1;
}

/** Where the data of a record is made; it grows to the longest line. */
let scratch = new Uint8Array(1024);

/** Reads one line without its line feed and hands its records to `add`. Throws Permanent showing the line. */
export function parseRule(whole: Uint8Array, add: AddRule): void {
  const line = trimmed(whole);
  if (line.length === 0 || line[0] === HASH) return;
  const colon = instructionColon(line);
  if (colon < 0) throw badLine(line);
  const denied = line[colon + 1] === DENY[0];
  const at = colon + 1 + (denied ? DENY : ALLOW).length;
  if (scratch.length < line.length + 2) scratch = new Uint8Array(2 * line.length + 2);
  let length = 0;
  if (denied) {
    scratch[0] = DENY_LETTER;
    scratch[1] = 0;
    length = 2;
  }
  length = parseSettings(line, at, length);
  addAddress(line, { address: line.subarray(0, colon), data: scratch.subarray(0, length), add });
}

/** Copies into the scratch at `length`; the length then. Pieces are short: a loop is faster than a view. */
function put(line: Uint8Array, from: { at: number; end: number }, length: number): number {
  for (let at = from.at; at < from.end; at++) scratch[length++] = line[at]!;
  return length;
}

/** Writes `,NAME="value"` and `,!NAME` as `+NAME=value` NUL and `-NAME` NUL behind `used` bytes; how many there are then. */
function parseSettings(line: Uint8Array, start: number, used: number): number {
  let length = used;
  const piece = { at: 0, end: 0 };
  for (let at = start; at < line.length;) {
    if (line[at] !== COMMA) throw badLine(line);
    if (line[at + 1] === BANG) {
      let end = line.indexOf(COMMA, at + 2);
      if (end < 0) end = line.length;
      const nameEnd = line[end - 1] === EQUALS ? end - 1 : end;
      if (nameEnd === at + 2 || line.subarray(at + 2, nameEnd).includes(EQUALS)) throw badLine(line);
      scratch[length++] = MINUS;
      piece.at = at + 2;
      piece.end = nameEnd;
      length = put(line, piece, length);
      scratch[length++] = 0;
      at = end;
      continue;
    }
    const equals = line.indexOf(EQUALS, at);
    const quote = line[equals + 1];
    const end = equals < 0 || quote === undefined ? -1 : line.indexOf(quote, equals + 2);
    if (end < 0) throw badLine(line);
    scratch[length++] = PLUS;
    piece.at = at + 1;
    piece.end = equals + 1;
    length = put(line, piece, length);
    piece.at = equals + 2;
    piece.end = end;
    length = put(line, piece, length);
    scratch[length++] = 0;
    at = end + 1;
  }
  return length;
}

interface Rule {
  readonly address: Uint8Array;
  readonly data: Uint8Array;
  readonly add: AddRule;
}

function addAddress(line: Uint8Array, rule: Rule): void {
  const { address, data, add } = rule;
  if (isPlain(address)) return add(address, data);
  if (address.includes(EQUALS)) return add(address, data);
  const at = address.lastIndexOf(AT);
  if (address.includes(COLON)) {
    const six = address.subarray(at + 1);
    const key = six.includes(SLASH) ? at < 0 ? networkKey(latin1Text(six)) : undefined : expandedIp(six);
    if (key === undefined) throw badLine(line);
    return add(at < 0 ? key : concat(address.subarray(0, at + 1), key), data);
  }
  if (at >= 0) return add(address, data);
  if (address.includes(SLASH)) {
    const key = networkKey(latin1Text(address));
    if (key === undefined) throw badLine(line);
    return add(key, data);
  }
  const minus = address.indexOf(MINUS);
  if (minus < 0) return add(address, data);
  addRange(line, rule, minus);
}

/** True when nothing in the address has a meaning: digits, letters, dots. */
function isPlain(address: Uint8Array): boolean {
  for (let at = 0; at < address.length; at++) {
    const byte = address[at]!;
    if (byte === EQUALS || byte === AT || byte === COLON || byte === SLASH || byte === MINUS) return false;
  }
  return true;
}

function expandedIp(address: Uint8Array): Uint8Array | undefined {
  const ip = tryParseIp(latin1Text(address));
  return ip?.length === 16 ? expandedKey(ip) : undefined;
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** `1.2.3.4-7` and `10.2-3.`: a rule for each number. */
function addRange(line: Uint8Array, { address, data, add }: Rule, minus: number): void {
  const left = address.lastIndexOf(DOT, minus) + 1;
  const dot = address.indexOf(DOT, minus);
  const right = dot < 0 ? address.length : dot;
  const [bottom, top] = [parseNumber(address, left, minus), parseNumber(address, minus + 1, right)];
  if (bottom === undefined || top === undefined) throw badLine(line);
  const [before, after] = [latin1Text(address.subarray(0, left)), latin1Text(address.subarray(right))];
  for (let number = bottom; number <= Math.min(top, NUMBER_MAX); number++) {
    add(latin1Bytes(`${before}${number}${after}`), data);
  }
}

/** Decimal digits; none at all are 0, as the original has it. */
function parseNumber(bytes: Uint8Array, start: number, end: number): number | undefined {
  let number = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    number = Math.min(number * 10 + digit, Number.MAX_SAFE_INTEGER);
  }
  return number;
}
