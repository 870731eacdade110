/**
 * vsetuserquota: sets the quota of a user of a virtual domain, in the database and in the user's maildirsize.
 */
import { defineApplet } from "../../core/applet.ts";
import { Permanent } from "../../core/errors.ts";
import { COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import { LIMITS_ENV, limitsInForce, refuseForbidden } from "../../storage/accounts/domains/limit_checks.ts";
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
    "mailbox is taken again at once. A domain whose limits are in force and forbid it keeps its quotas.",
  env: { ...COMMAND_ENV, ...LIMITS_ENV },
  control: COMMAND_CONTROL,
  exits: { 0: "the quota is set", 1: "there is no such user, or a step failed" },
  examples: [{ command: "vsetuserquota alice@example.org 5g", help: "alice may keep 5 gigabytes" }],
  seeAlso: ["vadduser(1)", "vmoduser(1)", "resetquota(8)", "vlimit(1)"],
  source: ["[man vsetuserquota.1]"],
  async run(proc) {
    const [operand = "", change = ""] = proc.args;
    const text = await withCommand(proc, {}, async (command) => {
      const { address, domain: entry } = await command.locate(operand);
      const { name, domain } = address;
      const user = await command.accounts.users.find(name, domain);
      if (!user) throw new Permanent(`there is no user ${name}@${domain}`);
      const limits = await limitsInForce(command, entry, { name, environment: proc.env.get("DOMAIN_LIMITS") });
      refuseForbidden(limits, domain, { of: "quota", act: "modify" });
      const quota = changedQuota(user.quota, change);
      await command.accounts.users.update(name, domain, { quota });
      const usage = await settleQuota(command, { ...user, quota }, proc.clock.nowMs());
      await command.forget(`${name}@${domain}`);
      const used = usage ? `, ${usage.bytes} bytes in ${usage.messages} messages are used` : "";
      return proc.options.verbose ? `${name}@${domain} has quota ${quota}${used}\n` : "";
    });
    await proc.stdout.write(new TextEncoder().encode(text));
    return await runPostHandle(proc, [operand, change]);
  },
});
