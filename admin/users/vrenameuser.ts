/**
 * vrenameuser: gives a user of a virtual domain another address, in the same or in another domain of this host.
 */
import { defineApplet } from "../../core/applet.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import { VERSION } from "../../core/version.ts";
import {
  type Command,
  COMMAND_CONTROL,
  COMMAND_ENV,
  type LocatedUser,
  withCommand,
} from "../../storage/accounts/command.ts";
import type { DomainEntry } from "../../storage/accounts/domain_store.ts";
import { LIMITS_ENV, limitsInForce, refuseForbidden } from "../../storage/accounts/domains/limit_checks.ts";
import { checkNewAccount } from "../../storage/accounts/domains/limit_counts.ts";
import { checkQuotaSum } from "../../storage/accounts/domains/limit_quotas.ts";
import { OLD_HOME_MS } from "../../storage/accounts/move_home.ts";
import { runPostHandle } from "../../storage/accounts/post_handle.ts";
import { moveUser } from "../../storage/accounts/user_moves.ts";
import type { UserRow } from "../../storage/accounts/users.ts";

export const applet = defineApplet({
  names: ["vrenameuser"],
  section: 1,
  summary: "change the address of a user of a virtual domain",
  role: "admin",
  dialect: "admin",
  options: {
    verbose: { flag: "v", help: "tell the new home" },
    version: { flag: "V", help: "print the version, and do nothing" },
  },
  operands: [
    { name: "old", help: "user@domain as it is", optional: true },
    { name: "new", help: "user@domain as it shall be", optional: true },
  ],
  description:
    "Password, quota, flags, aliases, filters and mail stay with the user; the home moves to the new name's place. The old " +
    "address is unknown afterwards: an alias or vadduser can take mail for it again. When a step fails, the same command " +
    "finishes the work. Another domain whose limits are in force (vlimit) must have room for the user and its quota.",
  env: { ...COMMAND_ENV, ...LIMITS_ENV },
  control: COMMAND_CONTROL,
  exits: { 0: "the user has the new address", 1: "no such user, the new address is taken, or a step failed" },
  examples: [{ command: "vrenameuser ann@example.org anna@example.org", help: "ann is anna now" }],
  seeAlso: ["vmoveuserdir(1)", "vadduser(1)", "valias(1)"],
  source: ["[man vrenameuser.9]"],
  async run(proc) {
    if (proc.options.version) return await proc.stdout.write(new TextEncoder().encode(`vrenameuser ${VERSION}\n`));
    const [before, after] = proc.args;
    if (before === undefined || after === undefined) throw new Usage("give the old and the new address");
    const text = await withCommand(proc, {}, async (command) => {
      const [old, target] = [await command.locate(before), await command.locate(after)];
      const { name, domain } = old.address;
      const moved = await command.domains.locked(async () => {
        const user = await command.accounts.users.find(name, domain);
        if (!user) throw new Permanent(`there is no user ${name}@${domain}`);
        if (name === "postmaster") {
          throw new Permanent("postmaster of a domain keeps the name: mail programs rely on it");
        }
        await checkMove(command, { user, from: old.domain, to: target, environment: proc.env.get("DOMAIN_LIMITS") });
        return await moveUser(command, {
          user,
          domain: old.domain,
          address: { name: target.address.name, domain: target.domain },
          home: () => command.users.takePlace(target.address.name, target.domain),
        });
      });
      for (const address of [old.address, target.address]) await command.forget(`${address.name}@${address.domain}`);
      await proc.clock.sleep(OLD_HOME_MS);
      await moved.end();
      if (!proc.options.verbose) return "";
      return `${name}@${domain} is ${target.address.name}@${target.address.domain}, home ${moved.home}\n`;
    });
    await proc.stdout.write(new TextEncoder().encode(text));
    return await runPostHandle(proc, [before, after]);
  },
});

interface Move {
  readonly user: UserRow;
  readonly from: DomainEntry;
  readonly to: LocatedUser;
  /** DOMAIN_LIMITS. */
  readonly environment: string | undefined;
}

/** Throws Permanent when limits in force forbid the new name, or in another domain the new user. */
async function checkMove(command: Command, { user, from, to, environment }: Move): Promise<void> {
  const { flags } = user;
  const limits = await limitsInForce(command, from, { name: user.name, flags, environment });
  const { name, domain } = to.address;
  if (domain === user.domain) return refuseForbidden(limits, domain, { of: "account", act: "modify" });
  refuseForbidden(limits, user.domain, { of: "account", act: "delete" });
  const others = await limitsInForce(command, to.domain, { name, flags, environment });
  await checkNewAccount(command, domain, others);
  await checkQuotaSum(command.accounts.users, { user: `${name}@${domain}`, after: user.quota }, others);
}
