/**
 * vdeldomain: removes a virtual domain with its users and their mail, or an alias domain.
 */
import { defineApplet } from "../../core/applet.ts";
import { Permanent } from "../../core/errors.ts";
import { removeAutoturnDomain } from "../../storage/accounts/autoturn.ts";
import { COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import { checkDomainName } from "../../storage/accounts/names.ts";
import { runPostHandle } from "../../storage/accounts/post_handle.ts";
import { removeDomain } from "../../storage/accounts/domains/remove_domain.ts";

export const applet = defineApplet({
  names: ["vdeldomain"],
  section: 1,
  summary: "remove a virtual domain",
  role: "admin",
  dialect: "admin",
  options: {
    cluster: { flag: "c", help: "remove a clustered domain from the central database as well" },
    autoturn: { flag: "T", help: "the domain is one with ETRN or AUTOTURN" },
    verbose: { flag: "v", help: "tell each step" },
    veryVerbose: { flag: "V", help: "tell each step" },
  },
  operands: [{ name: "domain", help: "name of the domain" }],
  description:
    "vdeldomain first takes the domain out of rcpthosts and virtualdomains, so that no more mail comes, then removes " +
    "its alias domains, its users with all mail, what the database has of it, its line in users/assign and its folder. Of " +
    "an alias domain only the name goes. When a step fails, the same command finishes the work.",
  env: COMMAND_ENV,
  control: [...COMMAND_CONTROL, "chkrcptdomains", "morercpthosts", "etrnhosts"],
  exits: { 0: "the domain is gone", 1: "there is no such domain, or a step failed" },
  seeAlso: ["vadddomain(1)", "vdeluser(1)", "vdominfo(1)"],
  source: ["[man vdeldomain.9]"],
  async run(proc) {
    const { options } = proc;
    const domain = checkDomainName(proc.args[0] ?? "");
    if (options.cluster) throw new Permanent("-c: this host is in no cluster (it has no central database)");
    const lines: string[] = [];
    const told = (step: string) => void ((options.verbose || options.veryVerbose) && lines.push(`${step}\n`));
    await withCommand(proc, {}, async (command) => {
      const removed = options.autoturn
        ? await removeAutoturnDomain(command, domain)
        : await command.domains.locked(() => removeDomain(command, domain, told));
      if (!removed) throw new Permanent(`domain ${domain} does not exist`);
      await command.reload();
    });
    await proc.stdout.write(new TextEncoder().encode(lines.join("")));
    return await runPostHandle(proc, [domain]);
  },
});
