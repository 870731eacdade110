/**
 * vdominfo: shows virtual domains.
 */
import { defineApplet } from "../../core/applet.ts";
import { Permanent } from "../../core/errors.ts";
import { type Command, COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import type { Database } from "../../storage/accounts/database.ts";
import type { DomainEntry } from "../../storage/accounts/domain_store.ts";
import { areLimitsInForce, LIMITS_ENV } from "../../storage/accounts/domains/limit_checks.ts";
import { readLineFile } from "../../storage/accounts/line_file.ts";
import { openMysql } from "../../storage/accounts/mysql.ts";
import { parseMysqlHost } from "../../storage/accounts/mysql_settings.ts";
import { checkDomainName } from "../../storage/accounts/names.ts";
import { chooseHashScheme } from "../../storage/accounts/passwords.ts";
import { smtpPorts } from "../../storage/accounts/domains/smtp_ports.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { formatTrees } from "./domain_text.ts";

/** What can be shown, in this order. */
const FIELDS = ["name", "uid", "gid", "ports", "directory", "base", "hash", "users", "aliases"] as const;
type Field = typeof FIELDS[number];
/** Text is written when there is this much. */
const OUTPUT_CHARACTERS = 64 * 1024;

export const applet = defineApplet({
  names: ["vdominfo"],
  section: 1,
  summary: "show virtual domains",
  role: "admin",
  dialect: "admin",
  options: {
    all: { flag: "a", help: "all that follows (the default)" },
    name: { flag: "n", help: "the domain's name; in a cluster also this host's id and address" },
    uid: { flag: "u", help: "its user id" },
    gid: { flag: "g", help: "its group id" },
    directory: { flag: "d", help: "its folder" },
    base: { flag: "b", help: "the base of its users' homes" },
    users: { flag: "t", help: "how many users it has, how their homes are spread, whether its limits are in force" },
    aliases: { flag: "l", help: "its alias domains" },
    ports: { flag: "p", help: "its SMTP ports, in a cluster" },
  },
  operands: [{ name: "domain", help: "one domain; all unless given", optional: true }],
  description:
    "vdominfo shows what users/assign, the domains' folders and the database say of one domain or of all. With one of " +
    "the letters only those fields are shown. Of an alias domain the users are those of its real domain and not shown.",
  env: { ...COMMAND_ENV, ...LIMITS_ENV, BASE_PATH: "base of the users' homes; default /home/mail" },
  control: [...COMMAND_CONTROL, "host.cntrl", "hostid"],
  files: { "domains/DOMAIN/.base_path": "base of the users' homes" },
  exits: { 0: "shown", 1: "there is no such domain, or something could not be read" },
  seeAlso: ["printdir(1)", "vadddomain(1)", "vlimit(1)", "vuserinfo(1)"],
  source: ["[man vdominfo.1]"],
  async run(proc) {
    const { options } = proc;
    const asked = FIELDS.filter((field) => field !== "hash" && options[field]);
    const all = options.all || asked.length === 0;
    const name = proc.args[0] === undefined ? undefined : checkDomainName(proc.args[0]);
    await withCommand(proc, {}, async (command) => {
      const entries = await command.domains.list();
      const shown = entries.filter((entry) => name === undefined || entry.domain === name);
      if (name !== undefined && shown.length === 0) throw new Permanent(`domain ${name} does not exist`);
      const report = {
        fields: all ? FIELDS : asked,
        all,
        limits: proc.env.get("DOMAIN_LIMITS"),
        aliases: aliasesByDomain(entries),
        central: await openCentral(command),
      };
      try {
        let text = "";
        for (const entry of shown) {
          text += await textOf(command, entry, report);
          if (text.length < OUTPUT_CHARACTERS) continue;
          await proc.stdout.write(new TextEncoder().encode(text));
          text = "";
        }
        await proc.stdout.write(new TextEncoder().encode(text));
      } finally {
        await report.central?.close();
      }
    });
  },
});

/** What is shown of each domain. */
interface Report {
  readonly fields: readonly Field[];
  readonly all: boolean;
  /** DOMAIN_LIMITS. */
  readonly limits: string | undefined;
  readonly aliases: ReadonlyMap<string, readonly string[]>;
  /** The central database, in a cluster. */
  readonly central: Database | undefined;
}

function aliasesByDomain(entries: readonly DomainEntry[]): ReadonlyMap<string, readonly string[]> {
  const aliases = new Map<string, string[]>();
  for (const { domain, aliasOf } of entries) {
    if (aliasOf === undefined) continue;
    const known = aliases.get(aliasOf);
    if (known) known.push(domain);
    else aliases.set(aliasOf, [domain]);
  }
  return aliases;
}

async function openCentral({ control }: Command): Promise<Database | undefined> {
  const line = control.line("host.cntrl");
  return line === undefined ? undefined : await openMysql(parseMysqlHost(line, () => undefined));
}

async function textOf(command: Command, entry: DomainEntry, report: Report): Promise<string> {
  const head = report.all ? entry.domain.padEnd(25) : entry.domain;
  let text = `---- Domain ${head} ${"-".repeat(report.all ? 31 : 16)}\n`;
  for (const field of report.fields) text += await fieldText(command, entry, { field, report });
  return text;
}

/** The lines of one field; users, base, hash and aliases are those of a real domain only. */
async function fieldText(
  command: Command,
  entry: DomainEntry,
  shown: { readonly field: Field; readonly report: Report },
): Promise<string> {
  const { field, report } = shown;
  switch (field) {
    case "name":
      return nameText(command, entry, report);
    case "uid":
      return line("uid", entry.uid);
    case "gid":
      return line("gid", entry.gid);
    case "directory":
      return line("Domain Dir", entry.directory);
    case "ports":
      return report.central ? await portsText(report.central, entry.domain) : "";
    default:
      return entry.aliasOf === undefined ? await realText(command, entry, { field, report }) : "";
  }
}

function line(label: string, value: string | number): string {
  return `${label.padStart(10)}: ${value}\n`;
}

function nameText({ control }: Command, { domain, aliasOf }: DomainEntry, report: Report): string {
  const name = line("domain", aliasOf === undefined ? domain : `${domain} aliased to ${aliasOf}`);
  if (!report.central) return name;
  return name + line("host ID", control.line("hostid") ?? "???") +
    line("IP Addr", ownAddress() ?? "???");
}

/** The first IPv4 address of this host that others may reach. */
function ownAddress(): string | undefined {
  const ipv4 = Deno.networkInterfaces().filter((one) => one.family === "IPv4");
  return ipv4.find((one) => !one.address.startsWith("127."))?.address;
}

async function realText(
  command: Command,
  entry: DomainEntry,
  shown: { readonly field: "base" | "hash" | "users" | "aliases"; readonly report: Report },
): Promise<string> {
  const { report } = shown;
  switch (shown.field) {
    case "base": {
      const [base] = await readLineFile(command.disk, `${entry.directory}/.base_path`) ?? [];
      return line("Base Dir", base || command.paths.mail);
    }
    case "hash": {
      const own = new ControlFiles(entry.directory).line("hash_method");
      return line("crypt Hash", chooseHashScheme(own, command.control.line("hash_method")));
    }
    case "users": {
      const { active, inactive } = await command.accounts.users.count(entry.domain);
      const limits = areLimitsInForce(entry, report.limits) ? "enabled" : "disabled";
      return await formatTrees(command, entry) + line("Users", active + inactive) + line("vlimits", limits);
    }
    case "aliases": {
      const aliases = report.aliases.get(entry.domain) ?? [];
      return aliases.length === 0 ? "" : `AliasDomains:\n${aliases.map((alias) => `${alias}\n`).join("")}`;
    }
  }
}

async function portsText(central: Database, domain: string): Promise<string> {
  const rows = await smtpPorts(central, domain);
  return rows.map(({ from, to, port }, at) =>
    `${at === 0 ? "Ports     " : "          "}: ${from.padStart(18)} ${to.padStart(20)}@-${domain.padEnd(35)} ${port}\n`
  ).join("");
}
