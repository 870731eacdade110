/**
 * vlimit: shows and sets the limits of a virtual domain, or of one user.
 */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import { VERSION } from "../../core/version.ts";
import { type Command, COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import { LIMITS_ENV } from "../../storage/accounts/domains/limit_checks.ts";
import { checkDomainName } from "../../storage/accounts/names.ts";
import { type Limits, LIMITS_DEFAULT } from "../../storage/accounts/tables/vlimits.ts";
import { LIMIT_OPTIONS, limitChanges } from "./limit_options.ts";
import { formatLimits } from "./limit_text.ts";

const OPTIONS = {
  version: { flag: "v", help: "print the version" },
  show: { flag: "s", help: "print the limits" },
  remove: { flag: "D", help: "remove the limits: the defaults (mostly none) hold again" },
  ...LIMIT_OPTIONS,
} as const;

export const applet = defineApplet({
  names: ["vlimit"],
  section: 1,
  summary: "show or set the limits of a domain",
  role: "admin",
  dialect: "admin",
  options: OPTIONS,
  operands: [{ name: "domain", help: "a virtual domain, or user@domain for one user of it", optional: true }],
  description:
    `vlimit changes the limits that its options name and keeps the others. A user without limits of its own has those of
the domain, and starts from them when it gets its own. Limits hold where the environment variable DOMAIN_LIMITS is set, or
where vmoddomain -l 1 has set the domain so.

Flags of -g: u no dialup, d no change of password, s no SMTP with a password, i no IMAP, p no POP3, w no webmail, r no
relaying, x none of all. -g sets those named and clears the others; with -T those named are turned over and the others
stay.

Flags of -p, -a, -f, -r, -l, -u, -o, -x and -z say what may not be done in the domain: c create, m modify, d delete, a all
three, 0 nothing. Commands obey them for users (-p), aliases, forwards, autoresponders, groups (-l), members of groups (-u)
and quotas (-x); -o and -z are for front ends.

A command that would pass a limit changes nothing and says which one it is. -P counts users with groups; -A addresses with
alias lines, without abuse, mailer-daemon and groups; -F those that send mail to another domain; -R vacations, and
addresses with a line for vacation or autoresponder; -L groups; -Q and -M what the quotas of the users come to together.
Users with the bit of vmoduser -o are exempt.`,
  env: { ...COMMAND_ENV, ...LIMITS_ENV },
  control: COMMAND_CONTROL,
  exits: { 0: "shown or set", 1: "there is no such domain, there are no limits, or a step failed" },
  examples: [
    { command: "vlimit -P 100 -Q 10g example.org", help: "at most 100 users and 10 gigabytes" },
    { command: "vlimit -g pr example.org", help: "no POP3 and no relaying for its users" },
  ],
  seeAlso: ["vmoddomain(1)", "vmoduser(1)", "vadduser(1)", "valias(1)", "vgroup(1)", "vsetuserquota(1)"],
  source: ["[man vlimit.1]", "[decision 0087]"],
  async run(proc) {
    const { options } = proc;
    const [operand] = proc.args;
    if (options.version) await say(proc, `version: ${VERSION}\n`);
    if (operand === undefined) {
      if (options.version) return;
      throw new Usage("missing domain");
    }
    const change = limitChanges(options, proc.clock.nowMs());
    if (options.show && options.remove) throw new Usage("-s or -D");
    if (!change && !options.show && !options.remove) throw new Usage("nothing to change: give an option");
    if (change && (options.show || options.remove)) throw new Usage("-s and -D stand alone");
    await withCommand(proc, {}, async (command) => {
      const key = await keyOf(command, operand);
      const { limits } = command.accounts;
      if (options.remove) {
        if (!await limits.remove(key.text)) throw new Permanent(`there are no limits of ${key.text}`);
        await say(proc, "Limits deleted\n");
      } else {
        const row = await presentLimits(command, key);
        if (options.show && !row) throw new Permanent(`there are no limits of ${key.text}`);
        if (options.show) return await say(proc, formatLimits(row ?? LIMITS_DEFAULT));
        await limits.set(key.text, change!(row ?? LIMITS_DEFAULT));
      }
      await command.forget();
    });
  },
});

async function say(proc: Proc<typeof OPTIONS>, text: string): Promise<void> {
  await proc.stdout.write(new TextEncoder().encode(text));
}

/** What a row of vlimits is found by: a domain, or a user of one. */
interface Key {
  readonly text: string;
  readonly domain: string;
}

async function keyOf(command: Command, operand: string): Promise<Key> {
  if (operand.includes("@")) {
    const { name, domain } = (await command.locate(operand)).address;
    return { text: `${name}@${domain}`, domain };
  }
  const { domain } = await command.realDomain(checkDomainName(operand));
  return { text: domain, domain };
}

/** The row of the key, for a user without one the domain's. */
async function presentLimits({ accounts }: Command, key: Key): Promise<Limits | undefined> {
  const own = await accounts.limits.row(key.text);
  return own ?? (key.text === key.domain ? undefined : await accounts.limits.row(key.domain));
}
