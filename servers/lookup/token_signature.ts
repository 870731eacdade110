/**
 * Signed tokens: JSON Web Tokens [rfc7519] in compact form [rfc7515 7.1], with RS256, ES256 or EdDSA (Ed25519)
 * [rfc7518 3.1] [rfc8037 3.1]. Nothing else is taken: `none` and the mechanisms with a shared secret least of all.
 */
import { Buffer } from "node:buffer";
import { claimsOf } from "./token_claims.ts";

/** Algorithms taken. */
export type TokenAlgorithm = "RS256" | "ES256" | "EdDSA";

const ALGORITHMS: readonly TokenAlgorithm[] = ["RS256", "ES256", "EdDSA"];
/** Bits of an RSA key [rfc7518 3.3]. */
const RSA_BITS_MIN = 2048;
const BASE64URL = /^[A-Za-z0-9_-]+$/;

/** A token taken apart; nothing of it is believed yet. */
export interface SignedToken {
  readonly algorithm: TokenAlgorithm;
  readonly keyId: string | undefined;
  readonly claims: ReadonlyMap<string, unknown>;
  readonly signedBytes: Uint8Array<ArrayBuffer>;
  readonly signature: Uint8Array<ArrayBuffer>;
}

function parsePart(text: string): ReadonlyMap<string, unknown> | undefined {
  try {
    return claimsOf(JSON.parse(Buffer.from(text, "base64url").toString("utf8")));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Whether a token has the form of a signed one. */
export function looksSigned(token: string): boolean {
  const parts = token.split(".");
  return parts.length === 3 && parts.every((part) => BASE64URL.test(part));
}

/** Takes a token apart; undefined when it is none, or of an algorithm that is not taken. */
export function tryParseSignedToken(token: string): SignedToken | undefined {
  if (!looksSigned(token)) return undefined;
  const [head = "", body = "", signature = ""] = token.split(".");
  const [header, claims] = [parsePart(head), parsePart(body)];
  const algorithm = ALGORITHMS.find((name) => name === header?.get("alg"));
  // crit names extensions that must be understood: none is [rfc7515 4.1.11]
  if (!header || !claims || !algorithm || header.has("crit")) return undefined;
  const keyId = header.get("kid");
  return {
    algorithm,
    keyId: typeof keyId === "string" ? keyId : undefined,
    claims,
    signedBytes: new Uint8Array(Buffer.from(`${head}.${body}`, "latin1")),
    signature: new Uint8Array(Buffer.from(signature, "base64url")),
  };
}

/** A public key that signs tokens. */
export interface SigningKey {
  readonly keyId: string | undefined;
  readonly algorithm: TokenAlgorithm;
  readonly key: CryptoKey;
}

const IMPORTS = {
  RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
  ES256: { name: "ECDSA", namedCurve: "P-256" },
  EdDSA: { name: "Ed25519" },
} as const;

function text(key: ReadonlyMap<string, unknown>, name: string): string | undefined {
  const value = key.get(name);
  return typeof value === "string" ? value : undefined;
}

/** The algorithm of a key by its kind; undefined for keys that cannot sign here [rfc7517 4] [rfc7518 6] [rfc8037 2]. */
function algorithmOf(key: ReadonlyMap<string, unknown>): TokenAlgorithm | undefined {
  const [kind, curve] = [text(key, "kty"), text(key, "crv")];
  const bits = Buffer.from(text(key, "n") ?? "", "base64url").length * 8;
  const algorithm = kind === "RSA" && bits >= RSA_BITS_MIN
    ? "RS256"
    : kind === "EC" && curve === "P-256"
    ? "ES256"
    : kind === "OKP" && curve === "Ed25519"
    ? "EdDSA"
    : undefined;
  const said = text(key, "alg");
  const use = text(key, "use");
  const fits = (said === undefined || said === algorithm || (said === "Ed25519" && algorithm === "EdDSA")) &&
    (use === undefined || use === "sig");
  return fits ? algorithm : undefined;
}

/** The keys of a JWKS [rfc7517 5]; those that cannot be used are passed over. Undefined when it is no JWKS. */
export async function parseKeySet(value: unknown): Promise<readonly SigningKey[] | undefined> {
  const list = claimsOf(value)?.get("keys");
  if (!Array.isArray(list)) return undefined;
  const keys: SigningKey[] = [];
  for (const one of list.slice(0, KEYS_MAX)) {
    const parts = claimsOf(one);
    const algorithm = parts && algorithmOf(parts);
    if (!parts || !algorithm) continue;
    const jwk: JsonWebKey = {};
    for (const name of ["kty", "crv", "n", "e", "x", "y"] as const) {
      const part = text(parts, name);
      if (part !== undefined) jwk[name] = part;
    }
    try {
      const key = await crypto.subtle.importKey("jwk", jwk, IMPORTS[algorithm], false, ["verify"]);
      keys.push({ keyId: text(parts, "kid"), algorithm, key });
    } catch (error) {
      if (!(error instanceof DOMException || error instanceof TypeError)) throw error; // a key that makes no sense
    }
  }
  return keys;
}

/** Keys of a set that are looked at. */
export const KEYS_MAX = 100;

const VERIFIES = {
  RS256: { name: "RSASSA-PKCS1-v1_5" },
  ES256: { name: "ECDSA", hash: "SHA-256" },
  EdDSA: { name: "Ed25519" },
} as const;

/** The keys that may have signed a token: of its algorithm, and of its key id where it names one. */
export function keysFor(token: SignedToken, keys: readonly SigningKey[]): readonly SigningKey[] {
  return keys.filter((one) =>
    one.algorithm === token.algorithm && (token.keyId === undefined || one.keyId === token.keyId)
  );
}

/** Whether one of the keys has signed the token. */
export async function isSignedBy(token: SignedToken, keys: readonly SigningKey[]): Promise<boolean> {
  for (const { key, algorithm } of keys) {
    if (await crypto.subtle.verify(VERIFIES[algorithm], key, token.signature, token.signedBytes)) return true;
  }
  return false;
}
