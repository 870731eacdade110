/**
 * A login that modules of Courier's kind decide [man authlib.7]: the chain of the command line is run with the record on its
 * descriptor 3 and `env -0` in the place of the server and its Maildir, so that what the modules found comes back as their
 * environment [decision 0085].
 */
import type { Proc } from "../../core/applet.ts";
import { errorText, Temporary, Usage } from "../../core/errors.ts";
import { escapedText } from "../../core/environment.ts";
import { becomeUser } from "../../core/libc/account.ts";
import { formatBase64 } from "../../mail/sasl/base64.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { cramHashOf, type SaslMechanism } from "../../mail/sasl/mechanisms.ts";
import type { SaslVerifier } from "../../mail/sasl/server.ts";
import { offeredMechanisms } from "../../storage/accounts/auth_mechanisms.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { cramType, formatAuthRecord } from "./auth_module.ts";

/** Words of the command line after the modules: the server and its Maildir. */
const SERVER_WORDS = 2;
/** Bytes of the environment that modules give back. */
const ENVIRONMENT_BYTES_MAX = 1024 * 1024;
/** How long the modules may take together. */
const MODULES_TIMEOUT_MS = 60_000;

/** Who has logged in, as the modules tell. */
export interface ModuleUser {
  readonly user: string;
  /** Absolute. */
  readonly maildir: string;
  /** For example `5242880S,1000C`; may be empty. */
  readonly quota: string;
}

/** The modules of a command line `module… server Maildir`. Throws Usage when there is none. */
export function modulesOf(args: readonly string[]): readonly string[] {
  if (args.length <= SERVER_WORDS) throw new Usage("name one or more modules, the server and its Maildir");
  return args.slice(0, -SERVER_WORDS);
}

/** The mechanisms that modules can decide, of those offered here. */
export function moduleMechanisms(proc: Proc): readonly SaslMechanism[] {
  return offeredMechanisms(new ControlFiles(proc.paths.control)).filter((name) => {
    const hash = cramHashOf(name);
    return name === "PLAIN" || name === "LOGIN" || (hash !== undefined && cramType(hash) !== undefined);
  });
}

/** What a login of modules means to a protocol: its result for who was let in, and for nobody. */
export interface ModuleMeaning<R> {
  readonly service: "imap" | "pop3";
  accepted(user: ModuleUser): R;
  readonly denied: R;
  succeeded(result: R): boolean;
}

/** A verifier that runs the modules for each login. What modules cannot decide is denied. */
export function moduleVerifier<R>(
  proc: Proc,
  { service, accepted, denied, succeeded }: ModuleMeaning<R>,
): SaslVerifier<R> {
  const decide = async (type: string, first: string, second: string): Promise<R> => {
    const record = formatAuthRecord([service, type, first, second]);
    const user = record && await runModules(proc, service, record);
    return user ? accepted(user) : denied;
  };
  const base64 = (text: string) => formatBase64(utf8Bytes(text));
  return {
    verifyPassword: (user, password) =>
      user === "" || password === "" ? Promise.resolve(denied) : decide("login", user, password),
    verifyCram(user, { hash, challenge, digestHex }) {
      const type = cramType(hash);
      return type === undefined
        ? Promise.resolve(denied)
        : decide(type, base64(challenge), base64(`${user} ${digestHex}`));
    },
    verifyDigest: () => Promise.resolve({ result: denied, rspauth: "" }),
    scramParameters: () => Promise.resolve({ saltBase64: "", iterations: 4096 }),
    verifyScram: () => Promise.resolve({ result: denied, serverSignatureBase64: "" }),
    verifyToken: () => Promise.resolve(denied),
    succeeded,
  };
}

/** Runs the chain; who was let in. Throws Temporary when it cannot tell. */
async function runModules(proc: Proc, service: string, record: Uint8Array): Promise<ModuleUser | undefined> {
  const [program = "", ...args] = [...modulesOf(proc.args), "env", "-0"];
  const child = await proc.spawn({
    program,
    args,
    env: { ...withoutLogin(proc.env.all()), AUTHARGC: "1", AUTHARGV0: "false", PROTOCOL: service.toUpperCase() },
    fds: { 0: "null", 1: "pipe-out", 2: 2, 3: "pipe-in" },
  });
  const [writer, reader] = [child.writers.get(3), child.readers.get(1)];
  if (!writer || !reader) throw new Error("no pipes to the modules");
  const timer = setTimeout(() => child.kill("SIGKILL"), MODULES_TIMEOUT_MS);
  try {
    await writer.write(record).catch(() => {}); // a module that does not read says so by its exit code
    writer.close();
    const output = await readAll(reader);
    const { code, signal } = await child.ended;
    if (signal !== 0) throw new Temporary(`${program} was killed by signal ${signal}`);
    if (code === TEMPORARY) throw new Temporary(`${program} has temporary trouble`);
    return code === 0 ? parseModuleUser(output) : undefined;
  } finally {
    clearTimeout(timer);
    reader.close();
    record.fill(0);
  }
}

/** A module that cannot tell now. */
const TEMPORARY = 111;

/** An environment in which nobody has logged in. */
function withoutLogin(env: Readonly<Record<string, string>>): Record<string, string> {
  const { AUTHENTICATED: _user, MAILDIR: _maildir, MAILDIRQUOTA: _quota, ...rest } = env;
  return rest;
}

async function readAll(reader: { read(into: Uint8Array): Promise<number | null> }): Promise<Uint8Array> {
  const bytes = new Uint8Array(ENVIRONMENT_BYTES_MAX);
  for (let filled = 0;;) {
    const count = filled < bytes.length ? await reader.read(bytes.subarray(filled)) : null;
    if (count === null) return bytes.subarray(0, filled);
    filled += count;
  }
}

/** The user of an environment as `env -0` prints it; undefined when it names none. */
export function parseModuleUser(output: Uint8Array): ModuleUser | undefined {
  const variables = new Map(
    escapedText(output).split("\0").map((line) => [line.split("=", 1)[0] ?? "", line.slice(line.indexOf("=") + 1)]),
  );
  const [user, home = ""] = [variables.get("AUTHENTICATED"), variables.get("HOME")];
  if (!user) return undefined;
  const maildir = variables.get("MAILDIR") || "Maildir";
  return {
    user,
    maildir: maildir.startsWith("/") ? maildir : `${home}/${maildir}`,
    quota: variables.get("MAILDIRQUOTA") ?? "",
  };
}

/**
 * Gives up root for the owner of the Maildir, for good. Throws Temporary when it cannot be, belongs to root, or this process
 * serves others as well.
 */
export function becomeOwner(proc: Proc, maildir: string): void {
  if (proc.uid !== 0) return;
  if (proc.connection) throw new Temporary("mail is not served by root: start tcpserver with -u and -g");
  try {
    const { uid, gid } = Deno.statSync(maildir);
    if (uid === null || gid === null || uid === 0) throw new Temporary("it belongs to root, whose mail is not served");
    becomeUser({ uid, gid });
  } catch (error) {
    throw new Temporary(`cannot serve ${maildir}: ${errorText(error)}`);
  }
}
