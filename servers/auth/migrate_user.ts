/** MIGRATEUSER: a program that runs once for each Maildir, at the first login [man login_tasks.9]. */
import type { Proc } from "../../core/applet.ts";
import { pathExists } from "../../core/path_exists.ts";
import type { Account } from "../../storage/accounts/lookup_types.ts";

const PROGRAM_DEFAULT = "/usr/local/bin/migrateuser";
const FLAG_DEFAULT = "Qmail.txt";

/**
 * Runs the program with the user as its argument, unless the flag in the Maildir tells that it has run. Whatever it exits, the
 * login goes on; after another code than 0 it runs again at the next.
 */
export async function runMigration(
  proc: Proc,
  { address, home }: Account,
  variables: Readonly<Record<string, string>>,
): Promise<void> {
  const program = proc.env.get("MIGRATEUSER") || PROGRAM_DEFAULT;
  const flag = `${home}/Maildir/${proc.env.get("MIGRATEFLAG") || FLAG_DEFAULT}`;
  if (!pathExists(program) || pathExists(flag)) return;
  const child = await proc.spawn({ program, args: [address], env: { ...proc.env.all(), ...variables } });
  const { code, signal } = await child.ended;
  if (code === 0 && signal === 0) Deno.writeTextFileSync(flag, "");
  else proc.log.line(`authindi: warning: ${program} for ${address} ended with ${signal ? `signal ${signal}` : code}`);
}
