/**
 * The record that a login program of Courier's kind gives an authentication module on descriptor 3: lines of service, type
 * and what belongs to the type [spec formats 11] [man authlib.7].
 */
import { Usage } from "../../core/errors.ts";
import { escapedText } from "../../core/environment.ts";
import { cString } from "../../core/libc/libc.ts";
import { parseBase64 } from "../../mail/sasl/base64.ts";
import type { CramHash } from "../../mail/sasl/exchange.ts";

/** Longest record, bytes [man authlib.7]. */
export const RECORD_BYTES_MAX = 8189;

const CRAM_TYPES: Readonly<Record<string, CramHash>> = {
  "cram-md5": "md5",
  "cram-sha1": "sha1",
  "cram-sha256": "sha256",
  "cram-sha512": "sha512",
  "cram-ripemd": "ripemd160",
};

/** What a record asks for. */
export type AuthRequest =
  | { readonly kind: "password"; readonly name: string; readonly password: string }
  | {
    readonly kind: "cram";
    readonly name: string;
    readonly hash: CramHash;
    readonly challenge: string;
    readonly digestHex: string;
  }
  /** A type that is none of ours (`pass`, or one that came later): another module may know it. */
  | { readonly kind: "other"; readonly type: string }
  /** Challenge or response make no sense: nobody can be let in by them. */
  | { readonly kind: "malformed"; readonly reason: string };

/** A record. */
export interface AuthRecord {
  /** `imap`, `pop3`, `webmail` … */
  readonly service: string;
  readonly request: AuthRequest;
  readonly bytes: Uint8Array;
}

/** Reads a record. Throws Usage when it is too long or its lines are missing. */
export function parseAuthRecord(bytes: Uint8Array): AuthRecord {
  if (bytes.length > RECORD_BYTES_MAX) throw new Usage(`more than ${RECORD_BYTES_MAX} bytes on descriptor 3`);
  const [service, type, first, second] = escapedText(bytes).split("\n");
  if (service === undefined || type === undefined || first === undefined || second === undefined) {
    throw new Usage("the record on descriptor 3 needs the lines service, type, and two more");
  }
  return { service, request: requestOf(type, first, second), bytes };
}

function requestOf(type: string, first: string, second: string): AuthRequest {
  if (type === "login" || type === "plain") return { kind: "password", name: first, password: second };
  const hash = CRAM_TYPES[type];
  if (hash === undefined) return { kind: "other", type };
  const [challenge, response] = [first, second].map((text) => {
    const decoded = parseBase64(text.trim());
    return decoded && escapedText(decoded);
  });
  if (challenge === undefined || response === undefined) return { kind: "malformed", reason: "not base64" };
  const blank = response.lastIndexOf(" ");
  if (blank < 1) return { kind: "malformed", reason: "the response has no user and digest" };
  const [name, digestHex] = [response.slice(0, blank), response.slice(blank + 1).toLowerCase()];
  return { kind: "cram", name, hash, challenge, digestHex };
}

/**
 * The bytes of a record: service, type, then the two lines that belong to the type. Undefined when a text holds a line end or a
 * NUL, or the whole is too long: no module can be asked about such a login.
 */
export function formatAuthRecord(lines: readonly [string, string, string, string]): Uint8Array | undefined {
  if (lines.some((line) => /[\n\0]/.test(line))) return undefined;
  const bytes = cString(`${lines.join("\n")}\n`).subarray(0, -1);
  return bytes.length > RECORD_BYTES_MAX ? undefined : bytes;
}

/** The type of a record for a CRAM mechanism; undefined when modules know none. */
export function cramType(hash: CramHash): string | undefined {
  return Object.entries(CRAM_TYPES).find(([, known]) => known === hash)?.[0];
}
