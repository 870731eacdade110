/**
 * vdeluser: removes a user of a virtual domain with the user's mail.
 */
import { defineApplet } from "../../core/applet.ts";
import { Permanent } from "../../core/errors.ts";
import { COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import { LIMITS_ENV, limitsInForce, refuseForbidden } from "../../storage/accounts/domains/limit_checks.ts";
import { runPostHandle } from "../../storage/accounts/post_handle.ts";

export const applet = defineApplet({
  names: ["vdeluser"],
  section: 1,
  summary: "remove a user of a virtual domain",
  role: "admin",
  dialect: "admin",
  options: { verbose: { flag: "v", help: "tell what was removed" } },
  operands: [{ name: "address", help: "user@domain; without a domain the default one" }],
  description:
    "vdeluser removes the user's home with all mail, then aliases, filters and everything else that the database " +
    "has of the user, and last the user's row. When a step fails, the same command finishes the work.",
  env: { ...COMMAND_ENV, ...LIMITS_ENV },
  control: COMMAND_CONTROL,
  exits: { 0: "the user is gone", 1: "there is no such user, or a step failed" },
  seeAlso: ["vadduser(1)", "vdeldomain(1)"],
  source: ["[man vdeluser.9]"],
  async run(proc) {
    const text = await withCommand(proc, {}, async (command) => {
      const { address, domain } = await command.locate(proc.args[0] ?? "");
      const named = `${address.name}@${address.domain}`;
      const environment = proc.env.get("DOMAIN_LIMITS");
      const removed = await command.domains.locked(async () => {
        const flags = (await command.accounts.users.find(address.name, address.domain))?.flags ?? 0;
        const limits = await limitsInForce(command, domain, { name: address.name, flags, environment });
        refuseForbidden(limits, address.domain, { of: "account", act: "delete" });
        return await command.users.remove(address, domain);
      });
      if (!removed) throw new Permanent(`there is no user ${named}`);
      await command.forget(named);
      return proc.options.verbose ? `removed ${named}\n` : "";
    });
    await proc.stdout.write(new TextEncoder().encode(text));
    return await runPostHandle(proc, [proc.args[0] ?? ""]);
  },
});
