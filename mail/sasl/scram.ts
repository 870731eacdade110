/**
 * The arithmetic of SCRAM [rfc5802 3]: keys from a password, the client's proof, the server's signature. For the client,
 * for the lookup daemon (which holds the stored keys) and for the making of stored credentials. Hash names are node's.
 */
import { Buffer } from "node:buffer";
import { createHash, createHmac, pbkdf2, timingSafeEqual } from "node:crypto";
import { saslprep } from "./saslprep.ts";

/** The hash of a SCRAM mechanism; SHA-512 occurs in stored credentials of the original [spec formats 12]. */
export type ScramHash = "sha-1" | "sha-256" | "sha-512";

/** Iterations when nothing else is asked for [rfc7677 4]. */
export const SCRAM_ITERATIONS_DEFAULT = 4096;

/** Iterations above which a credential is refused: it would hold a processor for seconds. */
export const SCRAM_ITERATIONS_MAX = 10_000_000;

const NODE_HASH = { "sha-1": "sha1", "sha-256": "sha256", "sha-512": "sha512" } as const;

/** Bytes of a digest. */
export const SCRAM_DIGEST_BYTES = { "sha-1": 20, "sha-256": 32, "sha-512": 64 } as const;

/** What a server keeps of a password. */
export interface ScramKeys {
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

/**
 * SaltedPassword := Hi(Normalize(password), salt, i) [rfc5802 2.2]; off the event loop. A password that SASLprep refuses
 * is taken as its bytes, so that it can still be used with itself.
 */
export function saltedPassword(
  password: string,
  salt: Uint8Array,
  options: { readonly hash: ScramHash; readonly iterations: number },
): Promise<Uint8Array> {
  const { hash, iterations } = options;
  return new Promise((resolve, reject) => {
    const prepared = Buffer.from(saslprep(password) ?? password, "utf8");
    pbkdf2(prepared, salt, iterations, SCRAM_DIGEST_BYTES[hash], NODE_HASH[hash], (error, key) => {
      if (error) reject(error);
      else resolve(new Uint8Array(key));
    });
  });
}

/** HMAC(key, text) with a mechanism's hash. */
export function scramHmac(hash: ScramHash, key: Uint8Array, text: string): Uint8Array {
  return new Uint8Array(createHmac(NODE_HASH[hash], key).update(text, "utf8").digest());
}

function digest(hash: ScramHash, bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash(NODE_HASH[hash]).update(bytes).digest());
}

/** StoredKey and ServerKey of a salted password [rfc5802 3]. */
export function scramKeys(hash: ScramHash, salted: Uint8Array): ScramKeys {
  return {
    storedKey: digest(hash, scramHmac(hash, salted, "Client Key")),
    serverKey: scramHmac(hash, salted, "Server Key"),
  };
}

function xor(left: Uint8Array, right: Uint8Array): Uint8Array {
  return left.map((byte, at) => byte ^ (right[at] ?? 0));
}

/** ClientProof of a salted password over an AuthMessage [rfc5802 3]. */
export function scramClientProof(hash: ScramHash, salted: Uint8Array, authMessage: string): Uint8Array {
  const clientKey = scramHmac(hash, salted, "Client Key");
  return xor(clientKey, scramHmac(hash, digest(hash, clientKey), authMessage));
}

/** Whether `proof` proves the password behind `storedKey`, in constant time [rfc5802 3]. */
export function verifyScramProof(
  storedKey: Uint8Array,
  proof: Uint8Array,
  exchange: { readonly hash: ScramHash; readonly authMessage: string },
): boolean {
  const { hash, authMessage } = exchange;
  if (proof.length !== SCRAM_DIGEST_BYTES[hash] || storedKey.length !== proof.length) return false;
  const clientKey = xor(proof, scramHmac(hash, storedKey, authMessage));
  return timingSafeEqual(digest(hash, clientKey), storedKey);
}

/** ServerSignature [rfc5802 3]. */
export function scramServerSignature(hash: ScramHash, serverKey: Uint8Array, authMessage: string): Uint8Array {
  return scramHmac(hash, serverKey, authMessage);
}

/** The attributes of a SCRAM message by letter, in order of appearance; undefined when it is not one [rfc5802 7]. */
export function parseScramAttributes(message: string): readonly (readonly [string, string])[] | undefined {
  const attributes: (readonly [string, string])[] = [];
  for (const part of message.split(",")) {
    if (!/^[A-Za-z]=/.test(part)) return undefined;
    attributes.push([part.charAt(0), part.slice(2)]);
  }
  return attributes;
}

/** A user name as SCRAM sends it: `=` and `,` escaped [rfc5802 5.1]. */
export function formatScramName(name: string): string {
  return name.replaceAll("=", "=3D").replaceAll(",", "=2C");
}

/** The user name back; undefined when an escape is wrong [rfc5802 5.1]. */
export function parseScramName(text: string): string | undefined {
  if (/=(?!2C|3D)/.test(text)) return undefined;
  return text.replaceAll("=2C", ",").replaceAll("=3D", "=");
}
