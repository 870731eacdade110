/**
 * What both sides of the server's mechanisms share: the verifier and exchange contracts, limits, and the making of steps.
 * Imported through server.ts by the protocols.
 */

import type { ScramHash } from "./scram.ts";

/** Longest response taken, bytes: a line of 12288 characters of base64 [rfc4954 4]. */
export const SASL_RESPONSE_BYTES_MAX = 9216;

/** Longest user name or password taken, bytes. Ours: the original's columns hold 108 and 128. */
export const SASL_TEXT_BYTES_MAX = 1024;

/** Hashes of the CRAM mechanisms, by the names of OpenSSL [spec formats 11]. */
export type CramHash = "md5" | "sha1" | "sha224" | "sha256" | "sha384" | "sha512" | "ripemd160";

/** What a client answers to a CRAM challenge [rfc2195 2]. */
export interface CramExchange {
  readonly hash: CramHash;
  /** As sent. */
  readonly challenge: string;
  /** HMAC of `challenge` with the password, hexadecimal in lower case. */
  readonly digestHex: string;
}

/** What a client answers to a DIGEST-MD5 challenge [rfc2831 2.1.2]; all as sent, without quotes. */
export interface DigestExchange {
  readonly realm: string;
  readonly nonce: string;
  readonly cnonce: string;
  /** Eight hexadecimal digits. */
  readonly nc: string;
  readonly qop: string;
  /** digest-uri. */
  readonly uri: string;
  /** 32 hexadecimal digits in lower case. */
  readonly response: string;
  /** Where the client names one, part of what is hashed; it is the user himself. */
  readonly authzid?: string;
}

/** The end of a SCRAM exchange [rfc5802 3]. */
export interface ScramExchange {
  readonly hash: ScramHash;
  readonly authMessage: string;
  readonly proofBase64: string;
}

/** Who checks credentials. `R` is its result type; it throws Temporary when it cannot tell. */
export interface SaslVerifier<R> {
  /** PLAIN and LOGIN. */
  verifyPassword(user: string, password: string): Promise<R>;
  /** CRAM-MD5 and kin. */
  verifyCram(user: string, exchange: CramExchange): Promise<R>;
  /** DIGEST-MD5; on success the server's own proof, 32 hexadecimal digits, as well [rfc2831 2.1.3]. */
  verifyDigest(user: string, exchange: DigestExchange): Promise<{ readonly result: R; readonly rspauth: string }>;
  /** Salt and iterations, made up for an unknown user [rfc5802 3]. */
  scramParameters(
    user: string,
    hash: ScramHash,
  ): Promise<{ readonly saltBase64: string; readonly iterations: number }>;
  /** The client's proof over the AuthMessage [rfc5802 3]. */
  verifyScram(
    user: string,
    exchange: ScramExchange,
  ): Promise<{ readonly result: R; readonly serverSignatureBase64: string }>;
  /** XOAUTH2 and OAUTHBEARER: a bearer token [rfc7628]. */
  verifyToken(user: string, token: string): Promise<R>;
  /** Whether a result means that the user is who he says. */
  succeeded(result: R): boolean;
}

/** What follows a response: a challenge to send, the end, or a response that breaks the mechanism's rules. */
export type SaslStep<R> =
  | { readonly kind: "challenge"; readonly bytes: Uint8Array }
  | { readonly kind: "finished"; readonly result: R }
  | { readonly kind: "malformed"; readonly reason: string };

/** One exchange. After "finished" or "malformed" it is over. */
export interface SaslExchange<R> {
  /**
   * Takes the client's next response: first its initial response, or undefined when it sent none. Throws what the
   * verifier throws.
   */
  step(response: Uint8Array | undefined): Promise<SaslStep<R>>;
}

const encoder = new TextEncoder();
const EMPTY = new Uint8Array();

/** A malformed step. */
export function malformed(reason: string): { readonly kind: "malformed"; readonly reason: string } {
  return { kind: "malformed", reason };
}

/** A challenge of ASCII or UTF-8 text. */
export function challenge(text: string): { readonly kind: "challenge"; readonly bytes: Uint8Array } {
  return { kind: "challenge", bytes: text === "" ? EMPTY : encoder.encode(text) };
}

/** A response as text; undefined when it is not UTF-8. */
export function responseText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** Why a user name cannot be taken; undefined when it can. */
export function refusedName(user: string): string | undefined {
  if (user === "") return "the user name is empty";
  return tooLong(user) ? `user name longer than ${SASL_TEXT_BYTES_MAX} bytes` : undefined;
}

/** Whether a user name or password is longer than SASL_TEXT_BYTES_MAX. */
export function tooLong(text: string): boolean {
  return text.length > SASL_TEXT_BYTES_MAX || encoder.encode(text).length > SASL_TEXT_BYTES_MAX;
}
