/** How strong the forms are in which passwords are stored, and which of them an operator wants: control/passwordscheme. */
import { Permanent } from "../../../core/errors.ts";
import type { ControlFiles } from "../../control/control.ts";
import { isScramMethod, makeCredential, parseCredential, SCRAM_METHODS } from "../credentials.ts";
import { hashPassword, type HashScheme, isHashed, parseHashScheme, sameText } from "../passwords.ts";
import { STORED_CHARACTERS_MAX, type StoredPassword } from "./password_renewal.ts";

/** The control file. */
export const PASSWORD_SCHEME_CONTROL = "passwordscheme";

/** From weak to strong: how dear one guess is with the default costs of crypt(3). */
const STRENGTH = ["DES", "MD5", "SHA-256", "SHA-512", "BCRYPT", "YESCRYPT"] as const satisfies readonly HashScheme[];
const SCRAM_STRENGTH = ["sha-1", "sha-256", "sha-512"] as const;

/** What passwords are to become. */
export interface WantedScheme {
  readonly hash?: HashScheme;
  readonly scram?: keyof typeof SCRAM_METHODS;
  /** Clear text in the password column is hashed as well. */
  readonly clearText: boolean;
}

/**
 * Reads control/passwordscheme: a hash, a SCRAM method, the word cleartext, each at most once, on lines or between blanks.
 * Undefined when the file is absent or empty. Throws Permanent naming a word that is none of these.
 */
export function readWantedScheme(control: ControlFiles): WantedScheme | undefined {
  const words = (control.lines(PASSWORD_SCHEME_CONTROL) ?? []).flatMap((line) => line.trim().split(/\s+/));
  let wanted: WantedScheme = { clearText: false };
  for (const word of words) {
    const name = word.toUpperCase();
    const hash = parseHashScheme(word);
    if (isScramMethod(name) && wanted.scram === undefined) wanted = { ...wanted, scram: name };
    else if (hash && wanted.hash === undefined) wanted = { ...wanted, hash };
    else if (name === "CLEARTEXT") wanted = { ...wanted, clearText: true };
    else {
      throw new Permanent(
        `control file ${control.directory}/${PASSWORD_SCHEME_CONTROL}: ${word} is not one hash (${
          STRENGTH.join(" ")
        }), ` +
          `one SCRAM method (${Object.keys(SCRAM_METHODS).join(" ")}) or cleartext`,
      );
    }
  }
  return words.length === 0 ? undefined : wanted;
}

/** The scheme of a stored hash; undefined when it is clear text, or none that libcrypt makes. */
export function schemeOf(stored: string): HashScheme | undefined {
  if (!isHashed(stored)) return undefined;
  const [, prefix] = /^\$([^$]+)\$/.exec(stored) ?? [];
  switch (prefix) {
    case undefined:
      return "DES";
    case "1":
      return "MD5";
    case "5":
      return "SHA-256";
    case "6":
      return "SHA-512";
    case "y":
    case "gy":
    case "7":
      return "YESCRYPT";
    default:
      return prefix.startsWith("2") ? "BCRYPT" : undefined;
  }
}

/** What of a stored password falls short of what is wanted. */
function shortcomings(
  stored: StoredPassword,
  wanted: WantedScheme,
): { readonly hash?: HashScheme; readonly scram?: keyof typeof SCRAM_METHODS } {
  const scheme = schemeOf(stored.password);
  const isClear = stored.password !== "" && !isHashed(stored.password);
  if (scheme === undefined && !(isClear && wanted.clearText)) return {};
  const strength = scheme === undefined ? -1 : STRENGTH.indexOf(scheme);
  const { scram, clearText } = parseCredential(stored.scram);
  const isUnderstood = stored.scram === "" || scram !== undefined || clearText !== undefined;
  const fits = clearText === undefined || wanted.scram !== "SCRAM-SHA-512"; // both are wider than the column
  const scramStrength = scram ? SCRAM_STRENGTH.indexOf(scram.hash) : -1;
  return {
    ...(wanted.hash !== undefined && strength < STRENGTH.indexOf(wanted.hash) ? { hash: wanted.hash } : {}),
    ...(wanted.scram !== undefined && isUnderstood && fits &&
        scramStrength < SCRAM_STRENGTH.indexOf(SCRAM_METHODS[wanted.scram])
      ? { scram: wanted.scram }
      : {}),
  };
}

/** Whether a renewal would change anything; costs nothing. */
export function fallsShort(stored: StoredPassword, wanted: WantedScheme): boolean {
  const { hash, scram } = shortcomings(stored, wanted);
  return hash !== undefined || scram !== undefined;
}

/**
 * The stored form made anew from the password that was just right; undefined when there is nothing to do. What was stored
 * as clear text for CRAM stays there.
 */
export async function strengthened(
  password: string,
  stored: StoredPassword,
  wanted: WantedScheme,
): Promise<StoredPassword | undefined> {
  const { hash, scram } = shortcomings(stored, wanted);
  let after = stored;
  if (scram !== undefined) {
    const { clearText } = parseCredential(stored.scram);
    const isCurrent = clearText === undefined || sameText(clearText, password);
    const column = await makeCredential(password, { method: scram, keepClearText: clearText !== undefined });
    if (isCurrent && parseCredential(column).scram && column.length <= STORED_CHARACTERS_MAX.scram) {
      after = { ...after, scram: column };
    }
  }
  if (hash !== undefined) after = { ...after, password: await hashPassword(password, hash) };
  return after === stored ? undefined : after;
}
