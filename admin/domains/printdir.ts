/**
 * printdir: shows how the homes of a domain are spread over folders.
 */
import { defineApplet } from "../../core/applet.ts";
import { COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import { checkDomainName } from "../../storage/accounts/names.ts";
import { formatTrees } from "./domain_text.ts";

export const applet = defineApplet({
  names: ["printdir"],
  section: 1,
  summary: "show the directory structure of a virtual domain",
  role: "admin",
  dialect: "admin",
  options: {},
  operands: [{ name: "domain", help: "a virtual domain, or an alias domain of one" }],
  description:
    "printdir shows, for each file system and letter range that the domain has homes in, how many users are there, which " +
    "directory the next one goes to, and the state that this is computed from. Tables: dir_control.",
  env: COMMAND_ENV,
  control: COMMAND_CONTROL,
  files: { "domains/DOMAIN/.filesystems": "the file systems and letter ranges" },
  exits: { 0: "shown", 1: "there is no such domain, or something could not be read" },
  seeAlso: ["vdominfo(1)", "vadduser(1)", "vreorg(8)"],
  source: ["[man printdir.1]"],
  async run(proc) {
    const name = checkDomainName(proc.args[0] ?? "");
    const text = await withCommand(
      proc,
      {},
      async (command) => await formatTrees(command, await command.realDomain(name)),
    );
    await proc.stdout.write(new TextEncoder().encode(text));
  },
});
