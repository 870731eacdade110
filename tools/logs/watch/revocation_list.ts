/**
 * The serial numbers in certificate revocation lists, PEM or several of them: just enough of DER to find them. Who signed
 * a list is not checked: it is the operator's file [rfc5280 5.1].
 */
import { Permanent } from "../../../core/errors.ts";

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const PEM = /-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]+)-----END X509 CRL-----/g;

/** An element: its tag and where its content lies. */
interface Element {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
}

function elementAt(bytes: Uint8Array, at: number, limit: number): Element {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined || at + 2 > limit) throw new Permanent("a revocation list is cut short");
  let length = first;
  let start = at + 2;
  if (first >= 0x80) {
    length = 0;
    for (const count = first & 0x7f; start < at + 2 + count; start++) length = length * 256 + (bytes[start] ?? 0);
  }
  if (start + length > limit) throw new Permanent("a revocation list is cut short");
  return { tag, start, end: start + length };
}

function childrenOf(bytes: Uint8Array, parent: Element): Element[] {
  const children: Element[] = [];
  for (let at = parent.start; at < parent.end;) {
    const child = elementAt(bytes, at, parent.end);
    children.push(child);
    at = child.end;
  }
  return children;
}

function isTime({ tag }: Element): boolean {
  return tag === UTC_TIME || tag === GENERALIZED_TIME;
}

function serialsOf(bytes: Uint8Array): string[] {
  const list = elementAt(bytes, 0, bytes.length);
  const signed = elementAt(bytes, list.start, list.end);
  const fields = childrenOf(bytes, signed);
  const lastTime = fields.findLastIndex(isTime);
  const revoked = fields[lastTime + 1];
  if (revoked?.tag !== SEQUENCE) return []; // nothing is revoked
  return childrenOf(bytes, revoked).map((entry) => {
    const serial = elementAt(bytes, entry.start, entry.end);
    if (serial.tag !== INTEGER) throw new Permanent("a revocation list has an entry without a serial number");
    const digits = [...bytes.subarray(serial.start, serial.end)].map((byte) => byte.toString(16).padStart(2, "0"));
    return digits.join("").toUpperCase().replace(/^0+(?=.)/, "");
  });
}

/** Revoked serial numbers in hexadecimal, upper case, without zeros in front. Throws Permanent. */
export function parseRevokedSerials(text: string): Set<string> {
  const lists = [...text.matchAll(PEM)].map((match) => Uint8Array.fromBase64((match[1] ?? "").replace(/\s/g, "")));
  if (lists.length === 0) throw new Permanent("the file holds no revocation list in PEM form");
  return new Set(lists.flatMap(serialsOf));
}
