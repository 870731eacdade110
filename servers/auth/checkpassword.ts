/**
 * The checkpassword interface: a login on descriptor 3, an exit code or the next program as the answer [spec formats 11]
 * [man vchkpass.8]. Whoever asks gives a user and a secret; a program that cannot tell hands the same bytes to the next.
 */
import { concatBytes } from "../../core/bytes.ts";
import { errorText, Temporary, Usage } from "../../core/errors.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import { escapedText } from "../../core/environment.ts";
import { closeFd, descriptor, isInheritedFd, openPipe } from "../../core/libc/fd.ts";
import { cString } from "../../core/libc/libc.ts";
import { placeFd } from "../../core/libc/socket.ts";
import type { Proc } from "../../core/applet.ts";
import type { CramHash } from "../../mail/sasl/exchange.ts";
import type { ScramHash } from "../../mail/sasl/scram.ts";

/** Most bytes on descriptor 3 [spec formats 11]. */
export const LOGIN_BYTES_MAX = 512;
/** Where the login is read, and where it is put for the next program. */
const LOGIN_FD = 3;

/** How the client proved itself. */
export type LoginMethod =
  /** The password itself: LOGIN, PLAIN. */
  | { readonly kind: "password" }
  | { readonly kind: "cram"; readonly hash: CramHash }
  | { readonly kind: "digest" }
  | { readonly kind: "scram"; readonly hash: ScramHash }
  /** XOAUTH2: a token in place of the password. */
  | { readonly kind: "token" };

/** The byte after the third NUL; 0 or none from callers that know the password only [spec formats 11]. */
const METHODS: Readonly<Record<number, LoginMethod>> = {
  0: { kind: "password" },
  1: { kind: "password" },
  2: { kind: "password" },
  3: { kind: "cram", hash: "md5" },
  4: { kind: "cram", hash: "sha1" },
  5: { kind: "cram", hash: "sha224" },
  6: { kind: "cram", hash: "sha256" },
  7: { kind: "cram", hash: "sha384" },
  8: { kind: "cram", hash: "sha512" },
  9: { kind: "cram", hash: "ripemd160" },
  10: { kind: "digest" },
  11: { kind: "scram", hash: "sha-1" },
  12: { kind: "scram", hash: "sha-256" },
  13: { kind: "scram", hash: "sha-512" },
  14: { kind: "scram", hash: "sha-1" },
  15: { kind: "scram", hash: "sha-256" },
  16: { kind: "scram", hash: "sha-512" },
  17: { kind: "token" },
};

/** Exit code of a right password whose owner may not send through us [man vchkpass.8]. */
export const ACCEPTED_WITHOUT_RELAY = 3;

/** What came on descriptor 3. */
export interface Login {
  readonly name: string;
  /** The password or token; of the other methods the challenge. */
  readonly password: string;
  /** The client's answer to a challenge; else empty. */
  readonly response: string;
  readonly method: LoginMethod;
  /** True when `password` is one. */
  readonly plain: boolean;
  /** All bytes, for the next program. */
  readonly bytes: Uint8Array;
}

/** The variables that every such program reads, for the applets to declare. */
export const CHAIN_ENV = {
  NATIVE_CHECKPASSWORD: "if set, a right password runs the program and a wrong one exits 1, instead of the reverse",
  DOVECOT_VERSION: "if set (by Dovecot), as NATIVE_CHECKPASSWORD, and userdb_uid, userdb_gid and EXTRA are given",
  EXTRA: "names of variables that Dovecot takes; added to",
} as const;

/** The operands of such a program. */
export const CHAIN_OPERANDS = [
  { name: "program", help: "the next checkpassword program, run when the login is wrong", optional: true },
  { name: "argument", help: "its arguments", optional: true, repeat: true },
] as const;

/** Reads a login. Throws Usage when the bytes are none, as a checkpassword program is misused then. */
export function parseLogin(bytes: Uint8Array): Login {
  if (bytes.length > LOGIN_BYTES_MAX) throw new Usage(`more than ${LOGIN_BYTES_MAX} bytes on descriptor 3`);
  const [first, second, third] = nuls(bytes);
  if (first === undefined || second === undefined) throw new Usage("no name and password on descriptor 3");
  const byte = third === undefined ? 0 : bytes[third + 1] ?? 0;
  const method = METHODS[byte];
  if (!method) throw new Usage(`no method with number ${byte}`);
  return {
    name: escapedText(bytes.subarray(0, first)),
    password: escapedText(bytes.subarray(first + 1, second)),
    response: escapedText(bytes.subarray(second + 1, third ?? bytes.length)),
    method,
    plain: method.kind === "password",
    bytes,
  };
}

/** What came on descriptor 3 to set a password. */
export interface PasswordChange {
  readonly name: string;
  readonly oldPassword: string;
  readonly newPassword: string;
  readonly bytes: Uint8Array;
}

/** Reads a change of a password: three texts; the NUL of the last may be missing. Throws Usage. */
export function parsePasswordChange(bytes: Uint8Array): PasswordChange {
  if (bytes.length > LOGIN_BYTES_MAX) throw new Usage(`more than ${LOGIN_BYTES_MAX} bytes on descriptor 3`);
  const [first, second, third] = nuls(bytes);
  if (first === undefined || second === undefined) throw new Usage("no name and passwords on descriptor 3");
  return {
    name: escapedText(bytes.subarray(0, first)),
    oldPassword: escapedText(bytes.subarray(first + 1, second)),
    newPassword: escapedText(bytes.subarray(second + 1, third ?? bytes.length)),
    bytes,
  };
}

/**
 * The bytes of a login by password, as qmail-poppass gives them: name, password, two empty texts [man qmail-poppass.8].
 * Throws RangeError when they hold a NUL or are too many: the caller checks lengths.
 */
export function formatLogin(name: string, password: string): Uint8Array {
  return nulEnded([name, password, "", ""]);
}

/** The bytes of a change of a password, each text ended by NUL [man vsetpass.8]. Throws as formatLogin does. */
export function formatPasswordChange(change: Omit<PasswordChange, "bytes">): Uint8Array {
  return nulEnded([change.name, change.oldPassword, change.newPassword]);
}

function nulEnded(texts: readonly string[]): Uint8Array {
  const bytes = concatBytes(...texts.map(cString));
  if (bytes.length > LOGIN_BYTES_MAX) throw new RangeError(`more than ${LOGIN_BYTES_MAX} bytes for descriptor 3`);
  return bytes;
}

function nuls(bytes: Uint8Array): number[] {
  const ends: number[] = [];
  for (let at = bytes.indexOf(0); at >= 0; at = bytes.indexOf(0, at + 1)) ends.push(at);
  return ends;
}

/** Reads descriptor 3 to its end and closes it, at most one byte more than allowed. Throws Usage when it is not open. */
export async function readLoginBytes(proc: Pick<Proc, "fd">, mostBytes = LOGIN_BYTES_MAX): Promise<Uint8Array> {
  // a number that was free at the start is the runtime's own by now
  if (!isInheritedFd(LOGIN_FD)) throw new Usage(`descriptor ${LOGIN_FD} is not open: there is no login to read`);
  const bytes = new Uint8Array(mostBytes + 1);
  let filled = 0;
  const reader = proc.fd(LOGIN_FD);
  try {
    while (filled < bytes.length) {
      const count = await reader.read(bytes.subarray(filled));
      if (count === null) break;
      filled += count;
    }
  } catch (error) {
    throw new Temporary(`cannot read the login: ${errorText(error)}`);
  }
  reader.close();
  return bytes.subarray(0, filled);
}

/** The login on descriptor 3. Throws Usage, or Temporary when it cannot be read. */
export async function readLogin(proc: Pick<Proc, "fd">): Promise<Login> {
  return parseLogin(await readLoginBytes(proc));
}

/** Executes the next program, by default the operands, with the same bytes on its descriptor 3. */
export async function passOn(
  proc: Proc,
  { bytes }: { readonly bytes: Uint8Array },
  next: readonly string[] = proc.args,
): Promise<never> {
  const { reading, writing } = openPipe();
  await descriptor(writing).write(bytes);
  closeFd(writing);
  placeFd(reading, LOGIN_FD);
  await proc.log.flush();
  const [program = "", ...args] = next;
  return proc.exec(program, args);
}

/** Whether the caller wants the program run after a right password, not after a wrong one. */
export function isNative(proc: Proc): boolean {
  return proc.env.get("NATIVE_CHECKPASSWORD") !== undefined || proc.env.get("DOVECOT_VERSION") !== undefined;
}

/** What follows a wrong login: the next program, or the exit code. */
export async function goOnRefused(proc: Proc, login: Login): Promise<number> {
  return isNative(proc) ? EXIT_DIALECTS.checkpassword.denied : await passOn(proc, login);
}

/** What Dovecot wants to find in the environment; nothing for others. */
function dovecotVariables(proc: Proc): Readonly<Record<string, string>> {
  if (proc.env.get("DOVECOT_VERSION") === undefined) return {};
  const extra = proc.env.get("EXTRA");
  return {
    userdb_uid: "indimail",
    userdb_gid: "indimail",
    EXTRA: extra ? `userdb_uid userdb_gid ${extra}` : "userdb_uid userdb_gid",
  };
}

/** Executes the program after a right password, with those variables added to the environment. */
export function runAccepted(proc: Proc, variables: Readonly<Record<string, string>>): never {
  const [program = "", ...args] = proc.args;
  return proc.exec(program, args, { ...proc.env.all(), ...variables, ...dovecotVariables(proc) });
}

/** The variable that names a program to run after a right password, for the applets to declare. */
export const POSTAUTH_ENV = {
  POSTAUTH: "program to run after a right password, with the name as its argument; its exit code is that of this one",
} as const;

/** Runs POSTAUTH with the name as its argument, if there is such a program; its exit code. Throws Temporary. */
export async function runPostAuth(
  proc: Proc,
  name: string,
  variables: Readonly<Record<string, string>>,
): Promise<number> {
  const program = proc.env.get("POSTAUTH");
  if (!program || !isExecutable(program)) return 0;
  const child = await proc.spawn({ program, args: [name], env: { ...proc.env.all(), ...variables } });
  const { code, signal } = await child.ended;
  if (signal !== 0) throw new Temporary(`POSTAUTH ${program} was killed by signal ${signal}`);
  return code;
}

function isExecutable(path: string): boolean {
  try {
    const { isFile, mode } = Deno.statSync(path);
    return isFile && ((mode ?? 0) & 0o111) !== 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
