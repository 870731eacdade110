/**
 * vsetpass: changes the password of a virtual user who knows the old one, by the setpassword interface on descriptor 3
 * [man vsetpass.8]. The change is the one that vpasswd makes.
 */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { Denied, Permanent } from "../../core/errors.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import { changePassword, userToChange } from "../../storage/accounts/change_password.ts";
import { type Command, COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import { LIMITS_ENV } from "../../storage/accounts/domains/limit_checks.ts";
import { NO_PASSWORD_CHOICE } from "../../storage/accounts/password_choice.ts";
import { verifyPassword } from "../../storage/accounts/passwords.ts";
import { parsePasswordChange, passOn, type PasswordChange, readLoginBytes } from "./checkpassword.ts";

/** How long a failure waits [man vsetpass.8]. */
const FAILURE_WAIT_MS = 5000;

export const applet = defineApplet({
  names: ["vsetpass"],
  section: 8,
  summary: "change the password of a virtual user who gives the old one",
  role: "admin",
  dialect: "checkpassword",
  options: {},
  stopsAtOperand: true,
  operands: [
    { name: "program", help: "the next setpassword program, run when the old password is wrong", optional: true },
    { name: "argument", help: "its arguments", optional: true, repeat: true },
  ],
  description:
    "vsetpass reads from descriptor 3 a name, the password and the new password, each ended by NUL. Where the password is " +
    "right it stores the new one as vpasswd does: hashed as PASSWORD_HASH, or hash_method of the domain or the system say, " +
    "with the credentials that control/authmechanisms asks for.\n\nWhen the password is wrong or the user unknown it waits " +
    "5 seconds and executes the program with the same bytes on its descriptor 3; without a program it exits 1. Each attempt " +
    "is written to standard error, never with a password.",
  env: { ...COMMAND_ENV, ...LIMITS_ENV, TCPREMOTEIP: "address of the client, for the log" },
  control: COMMAND_CONTROL,
  exits: {
    0: "the password is changed",
    1: "the password is wrong, or may not be changed, or the new one cannot be taken",
    2: "misuse",
    111: "temporary trouble",
  },
  examples: [{ command: "env PASSWORD_COMMAND='vsetpass /bin/false' ...", help: "what qmail-poppass runs" }],
  seeAlso: ["qmail-poppass(8)", "vpasswd(1)", "vchkpass(8)"],
  source: ["[man vsetpass.8]", "[spec formats 11]", "[decision 0085]"],
  async run(proc) {
    const change = parsePasswordChange(await readLoginBytes(proc));
    const refusal = await withCommand(proc, {}, (command) => tryChange(proc, command, change));
    const ip = proc.env.get("TCPREMOTEIP");
    const who = `${JSON.stringify(change.name)}${ip === undefined ? "" : ` from ${ip}`}`;
    proc.log.line(`vsetpass: ${who}: ${refusal ?? "password changed"}`);
    await proc.log.flush();
    if (refusal === undefined) return;
    await proc.clock.sleep(FAILURE_WAIT_MS);
    return proc.args.length === 0 ? EXIT_DIALECTS.checkpassword.denied : await passOn(proc, change);
  },
});

/** Makes the change; why not where the password is not right. Throws Denied and Permanent when it is, and nobody else can. */
async function tryChange(proc: Proc, command: Command, change: PasswordChange): Promise<string | undefined> {
  const known = await findUser(command, change.name);
  const stored = known?.user.password;
  const right = await verifyPassword(change.oldPassword, stored);
  if (!known || !right || change.oldPassword === "") return "wrong user or password";
  const { located } = known;
  const user = await userToChange(command, located, proc.env.get("DOMAIN_LIMITS"));
  const clear = change.newPassword;
  if (/\p{Cc}/u.test(clear)) throw new Denied("the new password holds a control character");
  const environment = proc.env.get("PASSWORD_HASH");
  await changePassword(command, { ...located, user }, { clear, choice: NO_PASSWORD_CHOICE, environment });
  return undefined;
}

async function findUser(command: Command, name: string) {
  const { accounts } = command;
  try {
    const located = await command.locate(name.toLowerCase());
    const user = await accounts.users.find(located.address.name, located.address.domain);
    return user && { located, user };
  } catch (error) {
    if (error instanceof Permanent) return undefined; // no such domain, or no name at all
    throw error;
  }
}
