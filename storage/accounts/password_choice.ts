/**
 * The options about passwords that vadduser, vpasswd, vmoduser and vadddomain share, and what they make of a password
 * [man vadduser.9] [man vpasswd.9].
 */
import type { OptionSpecs } from "../../core/applet.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import { readFirstLine } from "../../core/first_line.ts";
import type { ControlFiles } from "../control/control.ts";
import { listedMechanisms, type NeededCredential, neededCredential } from "./auth_mechanisms.ts";
import { shown } from "./names.ts";
import { type CredentialOptions, isScramMethod, makeCredential } from "./credentials.ts";
import { chooseHashScheme, hashPassword, randomPassword } from "./passwords.ts";

/** Longest password, characters: the width of its column [spec tables]. */
export const PASSWORD_CHARACTERS_MAX = 128;
const RANDOM_CHARACTERS_MIN = 8;
/** The method of option -m that stores the clear text and nothing else [man vadduser.9]. */
const CRAM = "CRAM";

/** The options, for an applet's declaration. */
export const PASSWORD_OPTIONS = {
  encrypted: {
    flag: "e",
    help:
      "the password is stored exactly as given: it is hashed already, or is to be clear text (13 letters, digits, " +
      "dots or slashes are taken for a DES hash)",
  },
  hash: { flag: "h", value: "hash", default: "SHA-512", help: "DES, MD5, SHA-256, SHA-512 or YESCRYPT" },
  scram: {
    flag: "m",
    value: "method",
    default: "what control/authmechanisms needs",
    help: "store a SCRAM credential as well: SCRAM-SHA-1, SCRAM-SHA-256 or SCRAM-SHA-512; CRAM is the same as -C",
  },
  clear: { flag: "C", help: "store the clear text as well, for CRAM-MD5 and kin" },
  salt: { flag: "S", value: "base64", default: "random", help: "salt of the SCRAM credential" },
  iterations: { flag: "I", value: "count", default: "4096", help: "iterations of the SCRAM credential" },
} as const satisfies OptionSpecs;

/** Option -r, where the program has it. */
export const RANDOM_OPTION = {
  random: { flag: "r", value: "length", help: "make a random password of this many characters and print it" },
} as const satisfies OptionSpecs;

/** The options as given. */
export interface PasswordChoice {
  readonly encrypted: boolean;
  readonly hash: string | undefined;
  readonly scram: string | undefined;
  readonly clear: boolean;
  readonly salt: string | undefined;
  readonly iterations: string | undefined;
}

/** No option given. */
export const NO_PASSWORD_CHOICE: PasswordChoice = {
  encrypted: false,
  hash: undefined,
  scram: undefined,
  clear: false,
  salt: undefined,
  iterations: undefined,
};

/** What decides about the hash where no option does. */
export interface HashDefaults {
  /** PASSWORD_HASH. */
  readonly environment: string | undefined;
  /** Control files of the domain, then of the system. */
  readonly control: readonly ControlFiles[];
}

/** The columns pw_passwd and scram for a password. Throws Usage or Permanent naming what is wrong. */
export async function makePassword(
  password: string,
  choice: PasswordChoice,
  defaults: HashDefaults,
): Promise<{ readonly password: string; readonly scram: string }> {
  if (password === "") throw new Permanent("the password is empty");
  if (password.length > PASSWORD_CHARACTERS_MAX) {
    throw new Permanent(`the password is longer than ${PASSWORD_CHARACTERS_MAX} characters`);
  }
  const system = defaults.control.at(-1);
  const needed = neededCredential(!choice.encrypted && system ? listedMechanisms(system) : []);
  const scram = await makeCredential(password, credentialOptions(choice, needed));
  if (choice.encrypted) return { password, scram };
  const files = defaults.control.map((control) => control.line("hash_method"));
  return {
    password: await hashPassword(password, chooseHashScheme(choice.hash, defaults.environment, ...files)),
    scram,
  };
}

function credentialOptions(choice: PasswordChoice, needed: NeededCredential): CredentialOptions {
  const { salt, iterations } = choice;
  const isCram = choice.scram === CRAM;
  const method = isCram ? undefined : choice.scram ?? needed.method;
  if (method !== undefined && !isScramMethod(method)) {
    throw new Usage(`-m ${shown(method)}: CRAM, SCRAM-SHA-1, SCRAM-SHA-256 or SCRAM-SHA-512`);
  }
  if (iterations !== undefined && !/^[1-9]\d{0,7}$/.test(iterations)) {
    throw new Usage(`-I ${shown(iterations)}: not a number`);
  }
  return {
    ...(method === undefined ? {} : { method }),
    keepClearText: choice.clear || isCram || needed.clearText,
    ...(salt === undefined ? {} : { saltBase64: salt }),
    ...(iterations === undefined ? {} : { iterations: Number(iterations) }),
  };
}

/** The random password of option -r. Throws Usage when the length makes no sense. */
export function randomPasswordOf(length: string): string {
  const characters = /^\d{1,3}$/.test(length) ? Number(length) : 0;
  if (characters < RANDOM_CHARACTERS_MIN || characters > PASSWORD_CHARACTERS_MAX) {
    throw new Usage(`-r ${shown(length)}: ${RANDOM_CHARACTERS_MIN} to ${PASSWORD_CHARACTERS_MAX} characters`);
  }
  return randomPassword(characters);
}

/** What asking for a password needs of a program. */
export interface PasswordAsker {
  readonly stdin: { read(into: Uint8Array): Promise<number | null> };
  readPassword(prompt: string): Promise<string | undefined>;
}

/**
 * Asks for a password: twice on a terminal, else the first line of standard input. Throws Permanent when both differ or
 * there is none.
 */
export async function askPassword(asker: PasswordAsker, address: string): Promise<string> {
  const first = await asker.readPassword(`New IndiMail password for ${address}: `);
  if (first === undefined) return await readLine(asker);
  if (first !== await asker.readPassword("Retype new IndiMail password: ")) {
    throw new Permanent("passwords do not match");
  }
  return first;
}

async function readLine(asker: PasswordAsker): Promise<string> {
  const line = await readFirstLine(asker.stdin);
  if (line === "") throw new Usage("no password: give it as the last argument or on standard input");
  return line;
}
