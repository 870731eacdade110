/**
 * vdominfo: shows virtual domains.
 */
import { defineApplet } from "../../core/applet.ts";
import { Permanent } from "../../core/errors.ts";
import { type Command, COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import type { DomainEntry } from "../../storage/accounts/domain_store.ts";
import { readLineFile } from "../../storage/accounts/line_file.ts";

/** What can be shown, in this order. */
type Field = "name" | "uid" | "gid" | "directory" | "base" | "users" | "aliases" | "ports";
const FIELDS: readonly Field[] = ["name", "uid", "gid", "directory", "base", "users", "aliases", "ports"];

export const applet = defineApplet({
  names: ["vdominfo"],
  section: 1,
  summary: "show virtual domains",
  role: "admin",
  dialect: "admin",
  options: {
    all: { flag: "a", help: "all that follows (the default)" },
    name: { flag: "n", help: "the domain's name" },
    uid: { flag: "u", help: "its user id" },
    gid: { flag: "g", help: "its group id" },
    directory: { flag: "d", help: "its folder" },
    base: { flag: "b", help: "the base of its users' homes" },
    users: { flag: "t", help: "how many users it has" },
    aliases: { flag: "l", help: "its alias domains" },
    ports: { flag: "p", help: "its SMTP ports, in a cluster" },
  },
  operands: [{ name: "domain", help: "one domain; all unless given", optional: true }],
  description:
    "vdominfo shows what users/assign, the domains' folders and the database say of one domain or of all. With one of " +
    "the letters only those fields are shown, one a line and without a heading.",
  env: {
    ...COMMAND_ENV,
    BASE_PATH: "base of the users' homes; default /home/mail",
    DOMAIN_LIMITS: "limits are applied",
  },
  control: COMMAND_CONTROL,
  exits: { 0: "shown", 1: "there is no such domain, or something could not be read" },
  seeAlso: ["vadddomain(1)", "vuserinfo(1)"],
  source: ["[man vdominfo.1]"],
  async run(proc) {
    const { options } = proc;
    const asked = FIELDS.filter((field) => options[field]);
    const heading = asked.length === 0 || options.all;
    const fields = heading ? FIELDS : asked;
    const text = await withCommand(proc, {}, async (command) => {
      const name = proc.args[0]?.toLowerCase();
      const entries = (await command.domains.list()).filter((entry) => name === undefined || entry.domain === name);
      if (name !== undefined && entries.length === 0) throw new Permanent(`domain ${name} does not exist`);
      const limits = proc.env.get("DOMAIN_LIMITS") !== undefined;
      const blocks: string[] = [];
      for (const entry of entries) blocks.push(await shown(command, entry, { fields, heading, limits }));
      return blocks.join(heading ? "\n" : "");
    });
    await proc.stdout.write(new TextEncoder().encode(text));
  },
});

interface Shape {
  readonly fields: readonly Field[];
  readonly heading: boolean;
  readonly limits: boolean;
}

async function shown(command: Command, entry: DomainEntry, shape: Shape): Promise<string> {
  const lines: string[] = [];
  const line = (label: string, value: string | number) =>
    lines.push(shape.heading ? `${label.padEnd(13)}: ${value}` : String(value));
  for (const field of shape.fields) await addField(command, entry, { field, line });
  if (shape.heading && entry.aliasOf === undefined) line("vlimits", shape.limits ? "enabled" : "disabled");
  return lines.map((one) => `${one}\n`).join("");
}

async function addField(
  command: Command,
  entry: DomainEntry,
  shown: { readonly field: Field; readonly line: (label: string, value: string | number) => void },
): Promise<void> {
  const { line } = shown;
  switch (shown.field) {
    case "name":
      return line("Domain", entry.aliasOf === undefined ? entry.domain : `${entry.domain} alias of ${entry.aliasOf}`);
    case "uid":
      return line("uid", entry.uid);
    case "gid":
      return line("gid", entry.gid);
    case "directory":
      return line("Domain Dir", entry.directory);
    case "base": {
      const [base] = await readLineFile(command.disk, `${entry.directory}/.base_path`) ?? [];
      return line("Base Dir", base || command.paths.mail);
    }
    case "users": {
      if (entry.aliasOf !== undefined) return;
      const { active, inactive } = await command.accounts.users.count(entry.domain);
      return line("Users", active + inactive);
    }
    case "aliases": {
      if (entry.aliasOf !== undefined) return;
      for (const alias of await command.domains.aliasesOf(entry.domain)) line("AliasDomains", alias);
      return;
    }
    case "ports":
      return; // only a cluster has them, in table smtp_port of its central database
  }
}
