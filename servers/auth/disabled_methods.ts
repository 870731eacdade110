/**
 * Which ways of proving oneself the environment switches off: for vchkpass, sys-checkpwd and authindi [man indimail.7]. A
 * login by one of them counts as wrong.
 */
import type { CramHash } from "../../mail/sasl/exchange.ts";
import type { ScramHash } from "../../mail/sasl/scram.ts";
import type { LoginMethod } from "./checkpassword.ts";

/** The variables, for the applets to declare. */
export const DISABLED_ENV = {
  DISABLE_CRYPT: "no LOGIN and PLAIN",
  DISABLE_CRAM_MD5: "no CRAM-MD5",
  DISABLE_CRAM_SHA1: "no CRAM-SHA1",
  DISABLE_CRAM_SHA224: "no CRAM-SHA224",
  DISABLE_CRAM_SHA256: "no CRAM-SHA256",
  DISABLE_CRAM_SHA384: "no CRAM-SHA384",
  DISABLE_CRAM_SHA512: "no CRAM-SHA512",
  DISABLE_CRAM_RIPEMD: "no CRAM-RIPEMD",
  DISABLE_DIGEST_MD5: "no DIGEST-MD5",
  DISABLE_SCRAM_SHA1: "no SCRAM-SHA-1",
  DISABLE_SCRAM_SHA256: "no SCRAM-SHA-256",
  DISABLE_SCRAM_SHA512: "no SCRAM-SHA-512",
  DISABLE_AUTH_OAUTH2: "no tokens",
} as const;

type Variable = keyof typeof DISABLED_ENV;

const CRAM_VARIABLES: Readonly<Record<CramHash, Variable>> = {
  md5: "DISABLE_CRAM_MD5",
  sha1: "DISABLE_CRAM_SHA1",
  sha224: "DISABLE_CRAM_SHA224",
  sha256: "DISABLE_CRAM_SHA256",
  sha384: "DISABLE_CRAM_SHA384",
  sha512: "DISABLE_CRAM_SHA512",
  ripemd160: "DISABLE_CRAM_RIPEMD",
};
const SCRAM_VARIABLES: Readonly<Record<ScramHash, Variable>> = {
  "sha-1": "DISABLE_SCRAM_SHA1",
  "sha-256": "DISABLE_SCRAM_SHA256",
  "sha-512": "DISABLE_SCRAM_SHA512",
};

function variableOf(method: LoginMethod): Variable {
  switch (method.kind) {
    case "password":
      return "DISABLE_CRYPT";
    case "cram":
      return CRAM_VARIABLES[method.hash];
    case "digest":
      return "DISABLE_DIGEST_MD5";
    case "scram":
      return SCRAM_VARIABLES[method.hash];
    case "token":
      return "DISABLE_AUTH_OAUTH2";
  }
}

/** Whether the environment switches that method off. */
export function isDisabled(method: LoginMethod, env: (name: Variable) => string | undefined): boolean {
  return env(variableOf(method)) !== undefined;
}
