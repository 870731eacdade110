/** Setting the password of a user, as vpasswd and vsetpass do it: the row, lastauth, and what the daemons remember. */
import { Denied, Permanent } from "../../core/errors.ts";
import { ControlFiles } from "../control/control.ts";
import type { Command, LocatedUser } from "./command.ts";
import { limitsInForce } from "./domains/limit_checks.ts";
import { makePassword, type PasswordChoice } from "./password_choice.ts";
import { limitFlags } from "./tables/vlimits.ts";
import { USER_FLAGS, type UserRow } from "./users.ts";

/**
 * The user whose password may be changed; `environment` is DOMAIN_LIMITS. Throws Permanent for an unknown one, Denied where
 * a flag forbids it, or the domain's limits that are in force do.
 */
export async function userToChange(
  command: Command,
  { address, domain }: LocatedUser,
  environment: string | undefined,
): Promise<UserRow> {
  const user = await command.accounts.users.find(address.name, address.domain);
  const named = `${address.name}@${address.domain}`;
  if (!user) throw new Permanent(`there is no user ${named}`);
  const limits = await limitsInForce(command, domain, { name: user.name, flags: user.flags, environment });
  const flags = user.flags | (limits ? limitFlags(limits) : 0);
  if (flags & USER_FLAGS.noPasswordChange) throw new Denied(`the password of ${named} may not be changed`);
  return user;
}

/** Stores the new password of a user in the form that options, environment and control files choose. Throws Permanent. */
export async function changePassword(
  command: Command,
  located: LocatedUser & { readonly user: UserRow },
  password: { readonly clear: string; readonly choice: PasswordChoice; readonly environment: string | undefined },
): Promise<void> {
  const { user, domain } = located;
  const { clear, choice, environment } = password;
  const control = [new ControlFiles(domain.directory), command.control];
  const { users } = command.accounts;
  await users.update(user.name, user.domain, await makePassword(clear, choice, { environment, control }));
  await command.users.note(user, "pass");
  await command.forget(`${user.name}@${user.domain}`);
}
