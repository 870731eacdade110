/**
 * Which SASL mechanisms the servers offer, and so which credentials a new password needs: control/authmechanisms, one
 * name a line. A mechanism that some account has no credential for must not be offered: clients pick the strongest name
 * and do not fall back. Without the file, as in an installation of the original, only those that work with any hash.
 * The environment of a service takes names away from it [decision 0012] [decision 0071].
 */
import {
  needsClearText,
  SASL_MECHANISMS,
  type SaslMechanism,
  scramHashOf,
  takesToken,
} from "../../mail/sasl/mechanisms.ts";
import type { ScramHash } from "../../mail/sasl/scram.ts";
import type { ControlFiles } from "../control/control.ts";
import { SCRAM_METHODS } from "./credentials.ts";
import { tokensConfigured } from "./token_settings.ts";

/** The control file. */
export const MECHANISMS_FILE = "authmechanisms";

/** Offered without the file. */
export const MECHANISMS_DEFAULT: readonly SaslMechanism[] = ["PLAIN", "LOGIN"];

/** What a new installation writes into the file: all that needs no clear text on disk. */
export const MECHANISMS_OF_NEW_INSTALLATIONS: readonly SaslMechanism[] = ["PLAIN", "LOGIN", "SCRAM-SHA-256"];

/** Variables that take a mechanism away from a service, for the services' declarations [man qmail-smtpd.8]. */
export const MECHANISM_ENV = {
  DISABLE_AUTH_LOGIN: "AUTH LOGIN is not offered",
  DISABLE_AUTH_PLAIN: "AUTH PLAIN is not offered",
  DISABLE_AUTH_OAUTH2: "neither OAUTHBEARER nor XOAUTH2 are offered",
  DISABLE_CRYPT: "neither PLAIN nor LOGIN are offered",
  DISABLE_CRAM_MD5: "CRAM-MD5 is not offered",
  DISABLE_CRAM_SHA1: "CRAM-SHA1 is not offered",
  DISABLE_CRAM_SHA224: "CRAM-SHA224 is not offered",
  DISABLE_CRAM_SHA256: "CRAM-SHA256 is not offered",
  DISABLE_CRAM_SHA384: "CRAM-SHA384 is not offered",
  DISABLE_CRAM_SHA512: "CRAM-SHA512 is not offered",
  DISABLE_CRAM_RIPEMD: "CRAM-RIPEMD is not offered",
  DISABLE_DIGEST_MD5: "DIGEST-MD5 is not offered",
  DISABLE_SCRAM_SHA1: "SCRAM-SHA-1 is not offered",
  DISABLE_SCRAM_SHA256: "SCRAM-SHA-256 is not offered",
  DISABLE_SCRAM_SHA512: "SCRAM-SHA-512 is not offered",
  DISABLE_SCRAM_SHA1_PLUS: "SCRAM-SHA-1-PLUS is not offered",
  DISABLE_SCRAM_SHA256_PLUS: "SCRAM-SHA-256-PLUS is not offered",
  DISABLE_SCRAM_SHA512_PLUS: "SCRAM-SHA-512-PLUS is not offered",
} as const;

/** A variable of MECHANISM_ENV. */
export type MechanismVariable = keyof typeof MECHANISM_ENV;

const DISABLED_BY: Readonly<Record<SaslMechanism, readonly MechanismVariable[]>> = {
  LOGIN: ["DISABLE_AUTH_LOGIN", "DISABLE_CRYPT"],
  PLAIN: ["DISABLE_AUTH_PLAIN", "DISABLE_CRYPT"],
  OAUTHBEARER: ["DISABLE_AUTH_OAUTH2"],
  XOAUTH2: ["DISABLE_AUTH_OAUTH2"],
  "CRAM-MD5": ["DISABLE_CRAM_MD5"],
  "CRAM-SHA1": ["DISABLE_CRAM_SHA1"],
  "CRAM-SHA224": ["DISABLE_CRAM_SHA224"],
  "CRAM-SHA256": ["DISABLE_CRAM_SHA256"],
  "CRAM-SHA384": ["DISABLE_CRAM_SHA384"],
  "CRAM-SHA512": ["DISABLE_CRAM_SHA512"],
  "CRAM-RIPEMD": ["DISABLE_CRAM_RIPEMD"],
  "DIGEST-MD5": ["DISABLE_DIGEST_MD5"],
  "SCRAM-SHA-1": ["DISABLE_SCRAM_SHA1"],
  "SCRAM-SHA-256": ["DISABLE_SCRAM_SHA256"],
  "SCRAM-SHA-512": ["DISABLE_SCRAM_SHA512"],
  "SCRAM-SHA-1-PLUS": ["DISABLE_SCRAM_SHA1_PLUS"],
  "SCRAM-SHA-256-PLUS": ["DISABLE_SCRAM_SHA256_PLUS"],
  "SCRAM-SHA-512-PLUS": ["DISABLE_SCRAM_SHA512_PLUS"],
};

/** The mechanisms that the control file lists, strongest first. Names that are not known are passed over. */
export function listedMechanisms(control: ControlFiles): readonly SaslMechanism[] {
  const lines = control.lines(MECHANISMS_FILE);
  if (!lines) return MECHANISMS_DEFAULT;
  const wanted = new Set(lines.map((line) => line.trim().toUpperCase()));
  return SASL_MECHANISMS.filter((name) => wanted.has(name));
}

/**
 * The mechanisms that a service offers: those listed that its environment does not switch off, and tokens only where
 * there is somebody to check them.
 */
export function offeredMechanisms(
  control: ControlFiles,
  env: (name: MechanismVariable) => string | undefined = () => undefined,
): readonly SaslMechanism[] {
  const tokens = tokensConfigured(control);
  return listedMechanisms(control).filter((name) =>
    (tokens || !takesToken(name)) && DISABLED_BY[name].every((variable) => env(variable) === undefined)
  );
}

/** What must be stored of a password so that every listed mechanism works with it. */
export interface NeededCredential {
  readonly method: keyof typeof SCRAM_METHODS | undefined;
  readonly clearText: boolean;
}

/** The hash of the SCRAM records that passwords get where these are listed; undefined: none. */
export function scramHashOfRecords(listed: readonly SaslMechanism[]): ScramHash | undefined {
  const { method, clearText } = neededCredential(listed);
  // records of SHA-512 and clear text do not fit into the column together
  return method === undefined || (method === "SCRAM-SHA-512" && clearText) ? undefined : SCRAM_METHODS[method];
}

const METHODS = { "sha-1": "SCRAM-SHA-1", "sha-256": "SCRAM-SHA-256", "sha-512": "SCRAM-SHA-512" } as const;

/** The credential that the mechanisms need: CRAM and DIGEST-MD5, or SCRAM of two hashes, take the clear text. */
export function neededCredential(listed: readonly SaslMechanism[]): NeededCredential {
  const hashes = new Set(
    SASL_MECHANISMS.filter((name) => listed.includes(name)).flatMap((name) => scramHashOf(name) ?? []),
  );
  const [strongest] = hashes;
  return {
    method: strongest && METHODS[strongest],
    clearText: hashes.size > 1 || listed.some(needsClearText),
  };
}
