/**
 * The arithmetic of DIGEST-MD5 [rfc2831 2.1.2.1], for the client and for the lookup daemon: what both sides hash of the
 * password and the exchange. Only qop=auth: nobody encrypts by this mechanism what TLS encrypts.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { DigestExchange } from "./exchange.ts";

/** Who proves what. */
export interface DigestSecret {
  readonly user: string;
  readonly password: string;
}

/** The proofs of both sides, 32 hexadecimal digits each. */
export interface DigestKeys {
  readonly response: string;
  readonly rspauth: string;
}

/** The client's proof and the server's [rfc2831 2.1.2.1] [rfc2831 2.1.3]. */
export function digestKeys(secret: DigestSecret, exchange: Omit<DigestExchange, "response">): DigestKeys {
  const { realm, nonce, cnonce, nc, qop, uri, authzid } = exchange;
  const userHash = md5(hashedText(secret.user), ":", hashedText(realm), ":", hashedText(secret.password));
  const a1 = md5(userHash, `:${nonce}:${cnonce}${authzid === undefined ? "" : `:${authzid}`}`).toString("hex");
  const proof = (a2: string) => md5(`${a1}:${nonce}:${nc}:${cnonce}:${qop}:${md5(a2).toString("hex")}`).toString("hex");
  return { response: proof(`AUTHENTICATE:${uri}`), rspauth: proof(`:${uri}`) };
}

/** Bytes of a name or password: of ISO 8859-1 where all its characters are in there, else of UTF-8 [rfc2831 2.1.2.1]. */
function hashedText(text: string): Uint8Array {
  return /^[\p{Cc}\x20-\xff]*$/u.test(text) ? Buffer.from(text, "latin1") : Buffer.from(text, "utf8");
}

function md5(...parts: readonly (string | Uint8Array)[]): Buffer {
  const hash = createHash("md5");
  for (const part of parts) hash.update(part);
  return hash.digest();
}
