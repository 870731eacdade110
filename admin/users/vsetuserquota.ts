/**
 * vsetuserquota: sets the quota of a user of a virtual domain, in the database and in the user's maildirsize.
 */
import { defineApplet } from "../../core/applet.ts";
import { Permanent } from "../../core/errors.ts";
import { COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import { LIMITS_ENV } from "../../storage/accounts/domains/limit_checks.ts";
import { checkUserQuota } from "../../storage/accounts/domains/limit_quotas.ts";
import { runPostHandle } from "../../storage/accounts/post_handle.ts";
import { changedQuota } from "../../storage/accounts/user_store.ts";
import { settleQuota } from "../../storage/accounts/user_quota.ts";

export const applet = defineApplet({
  names: ["vsetuserquota"],
  section: 1,
  summary: "set the quota of a user of a virtual domain",
  role: "admin",
  dialect: "admin",
  options: { verbose: { flag: "v", help: "tell the quota and what is used" } },
  operands: [
    { name: "address", help: "user@domain; without a domain the default one" },
    { name: "quota", help: "bytes, with k, m or g, bytes,messages, or NOQUOTA; +N and -N change the present one" },
  ],
  stopsAtOperand: true,
  description:
    "The user's mail is counted and maildirsize written anew. Where that leaves room, mail that bounced for the full " +
    "mailbox is taken again at once. Where the limits of the domain are in force they may forbid it altogether, or that " +
    "the quotas of its users come to more than that of the domain (vlimit -Q, -M); less is always possible.",
  env: { ...COMMAND_ENV, ...LIMITS_ENV },
  control: COMMAND_CONTROL,
  exits: { 0: "the quota is set", 1: "there is no such user, or a step failed" },
  examples: [{ command: "vsetuserquota alice@example.org 5g", help: "alice may keep 5 gigabytes" }],
  seeAlso: ["vadduser(1)", "vmoduser(1)", "resetquota(8)", "vlimit(1)"],
  source: ["[man vsetuserquota.1]", "[decision 0087]"],
  async run(proc) {
    const [operand = "", change = ""] = proc.args;
    const text = await withCommand(proc, {}, async (command) => {
      const { address: { name, domain }, domain: entry } = await command.locate(operand);
      const { users } = command.accounts;
      const environment = proc.env.get("DOMAIN_LIMITS");
      const user = await command.domains.locked(async () => {
        const found = await users.find(name, domain);
        if (!found) throw new Permanent(`there is no user ${name}@${domain}`);
        const quota = changedQuota(found.quota, change);
        await checkUserQuota(command, entry, { user: found, quota, environment });
        await users.update(name, domain, { quota });
        return { ...found, quota };
      });
      const usage = await settleQuota(command, user, proc.clock.nowMs());
      await command.forget(`${name}@${domain}`);
      const used = usage ? `, ${usage.bytes} bytes in ${usage.messages} messages are used` : "";
      return proc.options.verbose ? `${name}@${domain} has quota ${user.quota}${used}\n` : "";
    });
    await proc.stdout.write(new TextEncoder().encode(text));
    return await runPostHandle(proc, [operand, change]);
  },
});
