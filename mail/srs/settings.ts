/**
 * Settings of the Sender Rewriting Scheme, and what its addresses look like: for those who mostly find that there is
 * nothing to rewrite, and need no cryptography for it [man indimail-srs.9].
 */

/** How addresses are rewritten. */
export interface SrsSettings {
  /** Domain of rewritten addresses. */
  readonly domain: string;
  /** At least one: the first makes hashes, all of them are believed. */
  readonly secrets: readonly string[];
  /** What follows SRS0 and SRS1. */
  readonly separator: "=" | "-" | "+";
  /** Characters of a hash that are made. */
  readonly hashLength: number;
  /** Characters of a hash that are asked for. */
  readonly hashLengthMin: number;
  readonly ageDaysMax: number;
  /** Rewrites senders of `domain` too. */
  readonly always: boolean;
}

/** Settings where control files do not say: separator, hash lengths, age [man indimail-srs.9]. */
export const SRS_DEFAULTS = {
  separator: "=",
  hashLength: 4,
  hashLengthMin: 4,
  ageDaysMax: 21,
  always: false,
} as const;

/** A rewritten local part: its kind, 0 or 1, the separator, the rest. */
export const SRS_LOCAL: RegExp = /^SRS([01])([-=+])(.*)$/is;

/** True when a local part has the form of a rewritten one. */
export function isSrsAddress(address: string): boolean {
  return SRS_LOCAL.test(address.slice(0, Math.max(address.lastIndexOf("@"), 0)));
}
