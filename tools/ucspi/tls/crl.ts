/**
 * Certificate revocation lists, for -L: which certificates of which authority are revoked [rfc5280 5.1]. The lists are
 * believed as they lie on disk; their signatures are not checked. A list past its next update still counts.
 */
import { Temporary } from "../../../core/errors.ts";

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const EXPLICIT_0 = 0xa0;
/** Revoked certificates of one file. */
const REVOKED_MAX = 1_000_000;

interface Element {
  readonly tag: number;
  /** With its head. */
  readonly whole: Uint8Array;
  readonly value: Uint8Array;
}

/** The elements of a constructed value. Throws RangeError when it is not DER. */
function elements(bytes: Uint8Array): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length;) {
    const tag = bytes[at]!;
    const first = bytes[at + 1];
    if (first === undefined) throw new RangeError("DER ends too early");
    let head = 2;
    let length = first;
    if (first >= 128) {
      const size = first & 127;
      if (size < 1 || size > 4) throw new RangeError("DER length");
      length = 0;
      for (let index = 0; index < size; index++) length = length * 256 + (bytes[at + 2 + index] ?? 0);
      head += size;
    }
    const end = at + head + length;
    if (end > bytes.length) throw new RangeError("DER ends too early");
    found.push({ tag, whole: bytes.subarray(at, end), value: bytes.subarray(at + head, end) });
    at = end;
  }
  return found;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function nameOf(issuer: Element, serial: Element): string {
  return `${hex(issuer.whole)} ${hex(serial.value)}`;
}

/** Issuer and serial number of a certificate. Throws RangeError when it is none. */
export function certificateName(der: Uint8Array): string {
  const [certificate] = elements(der);
  const [body] = elements(certificate?.value ?? new Uint8Array());
  const parts = elements(body?.value ?? new Uint8Array());
  const at = parts[0]?.tag === EXPLICIT_0 ? 1 : 0;
  const [serial, , issuer] = parts.slice(at);
  if (serial?.tag !== INTEGER || issuer?.tag !== SEQUENCE) throw new RangeError("not a certificate");
  return nameOf(issuer, serial);
}

function addRevoked(der: Uint8Array, revoked: Set<string>): void {
  const [list] = elements(der);
  const [body] = elements(list?.value ?? new Uint8Array());
  const parts = elements(body?.value ?? new Uint8Array());
  const at = parts[0]?.tag === INTEGER ? 1 : 0;
  const [, issuer, , ...rest] = parts.slice(at);
  if (issuer?.tag !== SEQUENCE) throw new RangeError("not a revocation list");
  const entries = rest.find(({ tag }) => tag !== UTC_TIME && tag !== GENERALIZED_TIME);
  if (entries?.tag !== SEQUENCE) return; // nothing is revoked
  for (const entry of elements(entries.value)) {
    const [serial] = elements(entry.value);
    if (serial?.tag !== INTEGER || revoked.size >= REVOKED_MAX) throw new RangeError("not a revocation list");
    revoked.add(nameOf(issuer, serial));
  }
}

/** What a file of lists in PEM revokes, as `certificateName` gives it. Throws Temporary naming `path`. */
export function parseRevoked(text: string, path: string): ReadonlySet<string> {
  const revoked = new Set<string>();
  const blocks = text.match(/-----BEGIN X509 CRL-----[^-]*-----END X509 CRL-----/g);
  if (!blocks) throw new Temporary(`${path} has no revocation list`);
  try {
    for (const block of blocks) {
      const base64 = block.replace(/-----[^-]*-----/g, "").replace(/\s/g, "");
      addRevoked(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)), revoked);
    }
  } catch {
    throw new Temporary(`${path} is not a list of revoked certificates in PEM`);
  }
  return revoked;
}
