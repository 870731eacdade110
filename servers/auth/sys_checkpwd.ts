/** sys-checkpwd, formerly systpass: the checkpassword program of the system's own accounts [man sys-checkpwd.8]. */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { errorText, Temporary, Usage } from "../../core/errors.ts";
import { accountByName, groupsOf } from "../../core/libc/account.ts";
import {
  parseShadowLine,
  passwordFieldByName,
  shadowByName,
  type ShadowEntry,
  shadowRefusal,
} from "../../core/libc/shadow.ts";
import { enterHome } from "./accepted_user.ts";
import {
  CHAIN_ENV,
  CHAIN_OPERANDS,
  goOnRefused,
  isNative,
  type Login,
  POSTAUTH_ENV,
  readLogin,
  runAccepted,
  runPostAuth,
} from "./checkpassword.ts";
import { DISABLED_ENV, isDisabled } from "./disabled_methods.ts";
import { checkSystemLogin } from "./system_password.ts";

const DAY_MS = 86_400_000;
/** In the password file: the hash is in the shadow file. */
const SHADOWED = "x";
/** Names that the C library is asked about. */
const NAME = /^[^\0:/\n]{1,256}$/;

export const applet = defineApplet({
  names: ["sys-checkpwd", "systpass"],
  section: 8,
  summary: "check a login of an account of the system",
  role: "tool",
  dialect: "checkpassword",
  options: {},
  stopsAtOperand: true,
  operands: CHAIN_OPERANDS,
  description:
    "sys-checkpwd reads a login from descriptor 3 as vchkpass does and compares it with the shadow password file; it has to " +
    "be started by root or with the group shadow. Accounts and passwords that are locked or have expired count as wrong. " +
    "CRAM and DIGEST-MD5 need a secret that the system does not keep: with ENABLE_CRAM it is the stored hash, which " +
    "clients then have as their password. SCRAM and tokens count as wrong.\n\nAfter a right login " +
    "POSTAUTH is run with the name as its argument, and its exit code is that of sys-checkpwd. A right login exits 0; after " +
    "a wrong one the program is executed, with the same login on its descriptor 3. With NATIVE_CHECKPASSWORD it is the " +
    "reverse: the program is executed after a right login, as that user, in the home directory, with USER, HOME and " +
    "SHELL set; a wrong one exits 1.",
  env: {
    ...CHAIN_ENV,
    ...POSTAUTH_ENV,
    ...DISABLED_ENV,
    STRIP_DOMAIN: "if set, a name ends before its @",
    ENABLE_CRAM: "if set, the stored hash is the secret of CRAM and DIGEST-MD5",
    USE_QPWGR: "if set, /etc/passwd and /etc/shadow are read, whatever nsswitch.conf names",
    DEBUG: "if set, the name and the result are written to standard error, never a password",
  },
  exits: { 0: "the login is right", 1: "it is wrong (NATIVE_CHECKPASSWORD)", 2: "misuse", 111: "temporary trouble" },
  files: { "/etc/shadow": "the password hashes" },
  examples: [{
    command: "vchkpass sys-checkpwd /bin/false 3<login",
    help: "virtual users first, then those of the system",
  }],
  seeAlso: ["vchkpass(8)", "pam-checkpwd(8)", "shadow(5)"],
  source: ["[man sys-checkpwd.8]", "[spec formats 11]", "[decision 0085]"],
  async run(proc) {
    if (proc.args.length === 0) throw new Usage("missing program");
    const login = await readLogin(proc);
    const { env } = proc;
    const name = env.get("STRIP_DOMAIN") === undefined ? login.name : login.name.split("@", 1)[0] ?? "";
    const { refusal, proof } = await verdictOn(proc, { ...login, name });
    if (env.get("DEBUG") !== undefined) {
      proc.log.line(`${proc.name}: ${JSON.stringify(name)}: ${refusal ?? "accepted"}`);
      await proc.log.flush();
    }
    if (refusal !== undefined) {
      return await goOnRefused(proc, login);
    }
    const account = accountByName(name);
    if (!account) throw new Temporary(`${JSON.stringify(name)} has gone from the password file`);
    const variables = { USER: account.name, HOME: account.home, SHELL: account.shell };
    const status = await runPostAuth(proc, name, variables);
    if (!isNative(proc)) await proc.stdout.write(new TextEncoder().encode(proof));
    if (status !== 0 || !isNative(proc)) return status;
    if (env.get("DOVECOT_VERSION") === undefined) {
      enterHome({ ...account, groups: groupsOf(account.name, account.gid) }, account.home);
    }
    return runAccepted(proc, variables);
  },
});

interface Verdict {
  readonly refusal: string | undefined;
  /** What the client is shown in turn. */
  readonly proof: string;
}

async function verdictOn(proc: Proc, login: Login): Promise<Verdict> {
  const { env } = proc;
  const refused = (refusal: string): Verdict => ({ refusal, proof: "" });
  if (isDisabled(login.method, (name) => env.get(name))) return refused("that method is switched off");
  const { field, shadow } = NAME.test(login.name)
    ? env.get("USE_QPWGR") === undefined ? byLibrary(login.name) : byFiles(login.name)
    : {};
  if (field === SHADOWED && !shadow && proc.uid !== 0) {
    throw new Temporary("cannot read the shadow password file: start this program as root");
  }
  const hashIsSecret = env.get("ENABLE_CRAM") !== undefined;
  const { right, proof } = await checkSystemLogin(login, shadow?.hash ?? field, { hashIsSecret });
  if (!right) return refused("wrong user or password");
  return { refusal: shadow && shadowRefusal(shadow, Math.floor(proc.clock.nowMs() / DAY_MS)), proof };
}

/** What is known of an account: the field of the password file, and the shadow entry. */
interface Entries {
  readonly field?: string | undefined;
  readonly shadow?: ShadowEntry | undefined;
}

function byLibrary(name: string): Entries {
  const field = passwordFieldByName(name);
  return { field, shadow: field === undefined ? undefined : shadowByName(name) };
}

function byFiles(name: string): Entries {
  const field = linesOf("/etc/passwd").find((line) => line.startsWith(`${name}:`))?.split(":")[1];
  if (field !== SHADOWED) return { field };
  for (const line of linesOf("/etc/shadow")) {
    const shadow = parseShadowLine(line, name);
    if (shadow) return { field, shadow };
  }
  return { field };
}

function linesOf(path: string): readonly string[] {
  try {
    return Deno.readTextFileSync(path).split("\n");
  } catch (error) {
    throw new Temporary(`cannot read ${path}: ${errorText(error)}`);
  }
}
