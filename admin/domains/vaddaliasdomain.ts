/**
 * vaddaliasdomain: gives a virtual domain another name beside its own.
 */
import { defineApplet } from "../../core/applet.ts";
import { COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import { checkDomainName } from "../../storage/accounts/names.ts";
import { runPostHandle } from "../../storage/accounts/post_handle.ts";

export const applet = defineApplet({
  names: ["vaddaliasdomain"],
  section: 1,
  summary: "make a domain an alias of a virtual domain",
  role: "admin",
  dialect: "admin",
  options: {},
  operands: [
    { name: "new_domain", help: "the further name" },
    { name: "old_domain", help: "the virtual domain that has the users" },
  ],
  description:
    `vaddaliasdomain lets mail and logins for every user of old_domain come under new_domain as well: it makes a link in
the domains' folder, a line in users/assign and in the domain's .aliasdomains, and last adds the name to virtualdomains
and rcpthosts. When a step fails, the same command finishes the work. vdeldomain removes such a name.`,
  env: COMMAND_ENV,
  control: [...COMMAND_CONTROL, "morercpthosts"],
  files: { "domains/DOMAIN/.aliasdomains": "the alias domains of a domain" },
  exits: { 0: "the alias domain is there", 1: "a step failed; the message says which" },
  examples: [{ command: "vaddaliasdomain example.net example.org", help: "alice@example.net is alice@example.org" }],
  seeAlso: ["vadddomain(1)", "vrenamedomain(1)", "vdeldomain(1)", "vdominfo(1)"],
  source: ["[man vaddaliasdomain.9]"],
  async run(proc) {
    const [alias, real] = [checkDomainName(proc.args[0] ?? ""), checkDomainName(proc.args[1] ?? "")];
    await withCommand(proc, {}, async (command) => {
      await command.domains.locked(() => command.domains.addAlias(alias, real));
      await command.reload();
    });
    return await runPostHandle(proc, [alias, real]);
  },
});
