/** sys-checkpwd, formerly systpass: the checkpassword program of the system's own accounts [man sys-checkpwd.8]. */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { Temporary, Usage } from "../../core/errors.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import { accountByName, groupsOf } from "../../core/libc/account.ts";
import { passwordFieldByName, shadowByName, shadowRefusal } from "../../core/libc/shadow.ts";
import { enterHome } from "./accepted_user.ts";
import {
  CHAIN_ENV,
  isNative,
  type Login,
  passOn,
  POSTAUTH_ENV,
  readLogin,
  runAccepted,
  runPostAuth,
} from "./checkpassword.ts";
import { DISABLED_ENV, isDisabled } from "./disabled_methods.ts";
import { isRight } from "./system_password.ts";

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
  operands: [
    { name: "program", help: "the next checkpassword program, run when the login is wrong", optional: true },
    { name: "argument", help: "its arguments", optional: true, repeat: true },
  ],
  description:
    "sys-checkpwd reads a login from descriptor 3 as vchkpass does and compares it with the shadow password file; it has to " +
    "be started by root or with the group shadow. Accounts and passwords that are locked or have expired count as wrong. " +
    "With CRAM and DIGEST-MD5 the stored hash is the secret; SCRAM and tokens count as wrong.\n\nAfter a right login " +
    "POSTAUTH is run with the name as its argument, and its exit code is that of sys-checkpwd. A right login exits 0; after " +
    "a wrong one the program is executed, with the same login on its descriptor 3. With NATIVE_CHECKPASSWORD it is the " +
    "reverse: the program is executed after a right login, as that user, in the home directory, with USER, HOME and " +
    "SHELL set; a wrong one exits 1.",
  env: {
    ...CHAIN_ENV,
    ...POSTAUTH_ENV,
    ...DISABLED_ENV,
    STRIP_DOMAIN: "if set, a name ends before its @",
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
    const refusal = await refusalFor(proc, { ...login, name });
    if (env.get("DEBUG") !== undefined) {
      proc.log.line(`${proc.name}: ${JSON.stringify(name)}: ${refusal ?? "accepted"}`);
      await proc.log.flush();
    }
    if (refusal !== undefined) {
      return isNative(proc) ? EXIT_DIALECTS.checkpassword.denied : await passOn(proc, login);
    }
    const account = accountByName(name);
    if (!account) throw new Temporary(`${JSON.stringify(name)} has gone from the password file`);
    const variables = { USER: account.name, HOME: account.home, SHELL: account.shell };
    const status = await runPostAuth(proc, name, variables);
    if (status !== 0 || !isNative(proc)) return status;
    if (env.get("DOVECOT_VERSION") === undefined) {
      enterHome({ ...account, groups: groupsOf(account.name, account.gid) }, account.home);
    }
    return runAccepted(proc, variables);
  },
});

async function refusalFor(proc: Proc, login: Login): Promise<string | undefined> {
  if (isDisabled(login.method, (name) => proc.env.get(name))) return "that method is switched off";
  const field = NAME.test(login.name) ? passwordFieldByName(login.name) : undefined;
  const shadow = field === undefined ? undefined : shadowByName(login.name);
  if (field === SHADOWED && !shadow && proc.uid !== 0) {
    throw new Temporary("cannot read the shadow password file: start this program as root");
  }
  if (!await isRight(login, shadow?.hash ?? field)) return "wrong user or password";
  return shadow && shadowRefusal(shadow, Math.floor(proc.clock.nowMs() / DAY_MS));
}
