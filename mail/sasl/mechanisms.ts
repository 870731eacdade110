/**
 * The SASL mechanisms by name, strongest first, and what each of them needs: read by the servers (which to offer), by the
 * client (which to choose) and where passwords are stored (what to keep).
 */
import type { CramHash } from "./exchange.ts";
import type { ScramHash } from "./scram.ts";

/**
 * All of them, strongest first [rfc4616] [rfc2195] [rfc2831] [rfc5802] [rfc7677] [rfc7628]; LOGIN, XOAUTH2 and the kin of
 * CRAM-MD5 have no RFC [spec formats 11].
 */
export const SASL_MECHANISMS = [
  "SCRAM-SHA-512-PLUS",
  "SCRAM-SHA-256-PLUS",
  "SCRAM-SHA-1-PLUS",
  "SCRAM-SHA-512",
  "SCRAM-SHA-256",
  "SCRAM-SHA-1",
  "DIGEST-MD5",
  "CRAM-SHA512",
  "CRAM-SHA384",
  "CRAM-SHA256",
  "CRAM-SHA224",
  "CRAM-SHA1",
  "CRAM-RIPEMD",
  "CRAM-MD5",
  "OAUTHBEARER",
  "XOAUTH2",
  "PLAIN",
  "LOGIN",
] as const;

/** The name of a mechanism. */
export type SaslMechanism = (typeof SASL_MECHANISMS)[number];

const CRAM_HASHES: Readonly<Partial<Record<SaslMechanism, CramHash>>> = {
  "CRAM-MD5": "md5",
  "CRAM-SHA1": "sha1",
  "CRAM-SHA224": "sha224",
  "CRAM-SHA256": "sha256",
  "CRAM-SHA384": "sha384",
  "CRAM-SHA512": "sha512",
  "CRAM-RIPEMD": "ripemd160",
};

const SCRAM_HASHES: Readonly<Partial<Record<SaslMechanism, ScramHash>>> = {
  "SCRAM-SHA-1": "sha-1",
  "SCRAM-SHA-1-PLUS": "sha-1",
  "SCRAM-SHA-256": "sha-256",
  "SCRAM-SHA-256-PLUS": "sha-256",
  "SCRAM-SHA-512": "sha-512",
  "SCRAM-SHA-512-PLUS": "sha-512",
};

/** The mechanism of a name as it is written, in upper case; undefined for none. */
export function tryParseMechanism(name: string): SaslMechanism | undefined {
  return SASL_MECHANISMS.find((one) => one === name);
}

/** The hash of CRAM-MD5 and kin; undefined for other mechanisms. */
export function cramHashOf(mechanism: SaslMechanism): CramHash | undefined {
  return CRAM_HASHES[mechanism];
}

/** The hash of a SCRAM mechanism, with or without -PLUS; undefined for other mechanisms. */
export function scramHashOf(mechanism: SaslMechanism): ScramHash | undefined {
  return SCRAM_HASHES[mechanism];
}

/** Whether a mechanism binds the login to the TLS session [rfc5802 4]. */
export function bindsChannel(mechanism: SaslMechanism): boolean {
  return mechanism.endsWith("-PLUS");
}

/** Whether a mechanism takes a bearer token instead of a password [rfc7628]. */
export function takesToken(mechanism: SaslMechanism): boolean {
  return mechanism === "OAUTHBEARER" || mechanism === "XOAUTH2";
}

/** Whether a mechanism sends the password, or a token that is as good, itself: not for plain text connections. */
export function sendsSecret(mechanism: SaslMechanism): boolean {
  return mechanism === "PLAIN" || mechanism === "LOGIN" || takesToken(mechanism);
}

/** Whether the server needs the password as clear text for a mechanism, whatever else it has of it. */
export function needsClearText(mechanism: SaslMechanism): boolean {
  return mechanism === "DIGEST-MD5" || cramHashOf(mechanism) !== undefined;
}
