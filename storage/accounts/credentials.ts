/**
 * The column `scram`: credentials for SCRAM and the CRAM family [spec formats 12]. Forms:
 * `{SCRAM-SHA-256}iterations,salt,StoredKey,ServerKey[:hexsalted:cleartext]` and `{CRAM}cleartext`.
 */
import { randomBytes } from "node:crypto";
import { Permanent } from "../../core/errors.ts";
import { shown } from "./names.ts";
import { formatBase64, parseBase64 } from "../../mail/sasl/base64.ts";
import {
  saltedPassword,
  SCRAM_ITERATIONS_DEFAULT,
  SCRAM_ITERATIONS_MAX,
  type ScramHash,
  scramKeys,
} from "../../mail/sasl/scram.ts";

/** What the column says. */
export interface Credential {
  readonly scram?: {
    readonly hash: ScramHash;
    readonly iterations: number;
    readonly saltBase64: string;
    readonly storedKey: Uint8Array;
    readonly serverKey: Uint8Array;
  };
  /** For CRAM-MD5 and kin, and for SCRAM with the other hash. */
  readonly clearText?: string;
}

/** Names of SCRAM methods in the column and in option -m. */
export const SCRAM_METHODS = {
  "SCRAM-SHA-1": "sha-1",
  "SCRAM-SHA-256": "sha-256",
  "SCRAM-SHA-512": "sha-512",
} as const;

/** Width of the column [spec tables]. */
export const CREDENTIAL_CHARACTERS_MAX = 255;
const SALT_BYTES = 16;

/** Whether a text is the name of a SCRAM method. */
export function isScramMethod(name: string): name is keyof typeof SCRAM_METHODS {
  return Object.hasOwn(SCRAM_METHODS, name);
}

/** Reads the column; an empty credential when it is empty or not understood. */
export function parseCredential(column: string): Credential {
  const [, method = "", rest = ""] = /^\{([A-Z0-9-]+)\}([^]*)$/.exec(column) ?? [];
  if (method === "CRAM") return rest === "" ? {} : { clearText: rest };
  if (!isScramMethod(method)) return {};
  const fields = /^(\d{1,9}),([^,:]+),([^,:]+),([^,:]+)(?::[0-9a-fA-F]*:([^]*))?$/.exec(rest);
  if (!fields) return {};
  const [, iterations = "", saltBase64 = "", stored = "", server = "", clearText = ""] = fields;
  const [storedKey, serverKey] = [parseBase64(stored), parseBase64(server)];
  const count = Number(iterations);
  if (!storedKey || !serverKey || !parseBase64(saltBase64) || count < 1 || count > SCRAM_ITERATIONS_MAX) return {};
  return {
    scram: { hash: SCRAM_METHODS[method], iterations: count, saltBase64, storedKey, serverKey },
    ...(clearText === "" ? {} : { clearText }),
  };
}

/** How a credential is made. */
export interface CredentialOptions {
  /** Option -m. */
  readonly method?: keyof typeof SCRAM_METHODS;
  /** Option -C: keep the clear text as well. */
  readonly keepClearText?: boolean;
  /** Option -S: base64. Default: random. */
  readonly saltBase64?: string;
  /** Option -I. */
  readonly iterations?: number;
}

/**
 * The column for a password; empty when neither method nor clear text is asked for; the clear text alone where both do not
 * fit into CREDENTIAL_CHARACTERS_MAX. Throws Permanent naming what is wrong.
 */
export async function makeCredential(password: string, options: CredentialOptions): Promise<string> {
  const { method, keepClearText = false, iterations = SCRAM_ITERATIONS_DEFAULT } = options;
  if (method === undefined) return keepClearText ? `{CRAM}${password}` : "";
  if (!Number.isInteger(iterations) || iterations < 1 || iterations > SCRAM_ITERATIONS_MAX) {
    throw new Permanent(`iteration count ${iterations} is not between 1 and ${SCRAM_ITERATIONS_MAX}`);
  }
  const saltBase64 = options.saltBase64 ?? formatBase64(new Uint8Array(randomBytes(SALT_BYTES)));
  const salt = parseBase64(saltBase64);
  if (!salt || salt.length === 0) throw new Permanent(`salt ${shown(saltBase64)} is not base64`);
  const hash = SCRAM_METHODS[method];
  const salted = await saltedPassword(password, salt, { hash, iterations });
  const { storedKey, serverKey } = scramKeys(hash, salted);
  const keys = `{${method}}${iterations},${saltBase64},${formatBase64(storedKey)},${formatBase64(serverKey)}`;
  if (!keepClearText) return keys;
  const whole = `${keys}:${salted.reduce((hex, byte) => hex + byte.toString(16).padStart(2, "0"), "")}:${password}`;
  // the keys of SHA-512, or a long password: everything can be computed from the clear text as well
  return whole.length <= CREDENTIAL_CHARACTERS_MAX ? whole : `{CRAM}${password}`;
}
