/**
 * vrenamedomain: gives a virtual domain or an alias domain another name.
 */
import { defineApplet } from "../../core/applet.ts";
import { Usage } from "../../core/errors.ts";
import { COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import { checkDomainName } from "../../storage/accounts/names.ts";
import { runPostHandle } from "../../storage/accounts/post_handle.ts";
import { renameDomain } from "../../storage/accounts/domains/rename_domain.ts";

export const applet = defineApplet({
  names: ["vrenamedomain"],
  section: 1,
  summary: "rename a virtual domain or an alias domain",
  role: "admin",
  dialect: "admin",
  options: {},
  operands: [
    { name: "old_domain", help: "the domain's present name" },
    { name: "new_domain", help: "its new name, which no domain has" },
  ],
  description:
    `vrenamedomain moves the domain's folder and its users' homes, gives all that the database has of the domain the new
name, lets its alias domains lead there, and changes control files and users/assign. Alias lines and the domain's
fallback that forward to the old name forward to the new one. Meanwhile mail for the domain waits in the queue. When a
step fails, the same command finishes the work.

Mail for the old name is refused afterwards; vaddaliasdomain lets it come on. What is in the queue under the old name still
reaches its users.`,
  env: { ...COMMAND_ENV, BASE_PATH: "base of the users' homes; default /home/mail" },
  control: [...COMMAND_CONTROL, "chkrcptdomains", "morercpthosts"],
  files: {
    "domains/DOMAIN/.domain_rename": "there while the domain is renamed: the old and the new name",
    "domains/DOMAIN/.former_names": "names under which mail may be in the queue",
  },
  exits: { 0: "the domain has the new name", 1: "a step failed; the message says which" },
  examples: [{ command: "vrenamedomain example.com example.org", help: "alice@example.com is now alice@example.org" }],
  seeAlso: ["vadddomain(1)", "vaddaliasdomain(1)", "vdeldomain(1)", "vdominfo(1)"],
  source: ["[man vrenamedomain.9]"],
  async run(proc) {
    const [from, to] = [checkDomainName(proc.args[0] ?? ""), checkDomainName(proc.args[1] ?? "")];
    if (from === to) throw new Usage(`${from} has that name already`);
    const told = (step: string) => void proc.stdout.write(new TextEncoder().encode(`${step}\n`));
    const sleep = (durationMs: number) => proc.clock.sleep(durationMs);
    await withCommand(proc, {}, (command) => renameDomain(command, { from, to, told, sleep }));
    return await runPostHandle(proc, [from, to]);
  },
});
