/**
 * Which SASL mechanisms the servers offer, and so which credentials a new password needs: control/authmechanisms, one
 * name a line. A mechanism that some account has no credential for must not be offered: clients pick the strongest name
 * and do not fall back. Without the file, as in an installation of the original, only those that work with any hash.
 */
import { SASL_MECHANISMS, type SaslMechanism } from "../../mail/sasl/server.ts";
import type { ControlFiles } from "../control/control.ts";

/** The control file. */
export const MECHANISMS_FILE = "authmechanisms";

/** Offered without the file. */
export const MECHANISMS_DEFAULT: readonly SaslMechanism[] = ["PLAIN", "LOGIN"];

/** What a new installation writes into the file: all that needs no clear text on disk. */
export const MECHANISMS_OF_NEW_INSTALLATIONS: readonly SaslMechanism[] = ["PLAIN", "LOGIN", "SCRAM-SHA-256"];

/** The mechanisms to offer, strongest first. Names that are not known are passed over. */
export function offeredMechanisms(control: ControlFiles): readonly SaslMechanism[] {
  const lines = control.lines(MECHANISMS_FILE);
  if (!lines) return MECHANISMS_DEFAULT;
  const wanted = new Set(lines.map((line) => line.trim().toUpperCase()));
  return SASL_MECHANISMS.filter((name) => wanted.has(name));
}

/** What must be stored of a password so that every offered mechanism works with it. */
export interface NeededCredential {
  readonly method: "SCRAM-SHA-256" | "SCRAM-SHA-1" | undefined;
  readonly clearText: boolean;
}

/** The credential that the offered mechanisms need: CRAM-MD5, or SCRAM of two hashes, take the clear text. */
export function neededCredential(offered: readonly SaslMechanism[]): NeededCredential {
  const strong = offered.includes("SCRAM-SHA-256");
  const weak = offered.includes("SCRAM-SHA-1");
  return {
    method: strong ? "SCRAM-SHA-256" : weak ? "SCRAM-SHA-1" : undefined,
    clearText: offered.includes("CRAM-MD5") || (strong && weak),
  };
}
