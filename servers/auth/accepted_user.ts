/**
 * What a program does before it executes the next one for a user whose password was right: his ids, his home directory, his
 * variables, as the checkpassword interface has it [spec formats 11].
 */
import { errorText, Temporary } from "../../core/errors.ts";
import { becomeUser } from "../../core/libc/account.ts";
import type { UserIds } from "../../core/libc/process.ts";
import type { Account } from "../../storage/accounts/lookup_types.ts";

/** Virtual users have no shell. */
const NO_SHELL = "/bin/false";

/** The variables of a virtual user. */
export function userVariables(account: Account): Readonly<Record<string, string>> {
  return { USER: account.address, HOME: account.home, SHELL: NO_SHELL };
}

/** Gives up root for those ids, if this is root, and goes to the home directory. Throws Temporary. */
export function enterHome(owner: UserIds, home: string): void {
  const { uid, gid, groups = [gid] } = owner;
  try {
    if (Deno.uid() === 0 && uid !== 0) becomeUser({ uid, gid, groups });
    Deno.chdir(home);
  } catch (error) {
    throw new Temporary(`cannot go to the home directory ${home}: ${errorText(error)}`);
  }
}
