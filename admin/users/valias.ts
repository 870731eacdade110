/**
 * valias: shows and changes the alias lines of virtual addresses.
 */
import { defineApplet } from "../../core/applet.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import {
  type Command,
  COMMAND_CONTROL,
  COMMAND_ENV,
  warnNoCluster,
  withCommand,
} from "../../storage/accounts/command.ts";
import { checkAliasLine, checkAliasName } from "../../storage/accounts/alias_line.ts";
import type { DomainEntry } from "../../storage/accounts/domain_store.ts";
import { LIMITS_ENV, limitsInForce } from "../../storage/accounts/domains/limit_checks.ts";
import { checkLineChange, refuseMemberChange } from "../../storage/accounts/domains/limit_counts.ts";
import { checkDomainName, GROUP_MARK, shown as quoted } from "../../storage/accounts/names.ts";
import { runPostHandle } from "../../storage/accounts/post_handle.ts";

/** Addresses that -S follows from alias to alias. */
const TRACKED_MAX = 10_000;
/** Longest line of the table, which an address is looked for in. */
const ADDRESS_CHARACTERS_MAX = 190;

export const applet = defineApplet({
  names: ["valias"],
  section: 1,
  summary: "show and change aliases of a virtual domain",
  role: "admin",
  dialect: "admin",
  options: {
    verbose: { flag: "v", help: "tell what was changed" },
    show: { flag: "s", help: "show the lines (what is done without -i, -d and -u)" },
    track: { flag: "S", help: "show the aliases that deliver to the address, straight or by other aliases" },
    anywhere: { flag: "m", help: "in a cluster, the address of a line may be on another host; a warning elsewhere" },
    remove: { flag: "d", value: "line", help: "remove this line; an empty one: all lines of the alias" },
    insert: { flag: "i", value: "line", help: "add this line" },
    update: { flag: "u", value: "line", help: "replace this line by that of -i" },
  },
  operands: [{
    name: "address",
    optional: true,
    help:
      "alias@domain, an alias of the default domain, or a domain (also as @domain) to show all its aliases; default: all",
  }],
  description:
    "An alias has one or more lines; mail for it goes to all of them. A line is an address (with or without &), a " +
    "Maildir or mbox file that begins with / or ., or a program that begins with a vertical bar.\n\nWhere the limits of " +
    "the domain are in force (vlimit), -i and -u are refused when they would make one alias, one forward or one " +
    "autoresponder too many: an address is counted once, whatever the number of its lines; a forward sends mail to " +
    "another domain; an autoresponder has a line for vacation or autoresponder. The aliases abuse and mailer-daemon, " +
    "and the members of groups, are not counted.",
  env: { ...COMMAND_ENV, ...LIMITS_ENV },
  control: COMMAND_CONTROL,
  exits: { 0: "done", 1: "there is no such alias or domain, or a step failed" },
  examples: [{ command: "valias -i '&alice@example.org' info@example.org", help: "mail for info goes to alice" }],
  seeAlso: ["vadduser(1)", "vadddomain(1)", "vlimit(1)", "dot-qmail(5)"],
  source: ["[man valias.1]", "[spec tables, valias]", "[spec formats 6]", "[decision 0087]"],
  async run(proc) {
    const { options } = proc;
    const [operand] = proc.args;
    const changes = options.insert !== undefined || options.remove !== undefined || options.update !== undefined;
    if (options.update !== undefined && options.insert === undefined) throw new Usage("-u needs the new line with -i");
    if (options.remove !== undefined && options.insert !== undefined) throw new Usage("-d and -i exclude each other");
    if (operand === undefined && (changes || options.track)) throw new Usage("missing address");
    if (options.anywhere) await warnNoCluster(proc, "-m");
    const text = await withCommand(proc, {}, async (command) => {
      if (options.track && !changes) return await tracked(command, trackedAddress(operand ?? ""));
      const { alias, entry } = operand === undefined ? {} : await aliasOf(command, operand);
      if (!changes) return await shown(command, alias, entry?.domain);
      if (alias === undefined || !entry) throw new Usage(`${operand} is a domain: give alias@domain`);
      const environment = proc.env.get("DOMAIN_LIMITS");
      const done = await command.domains.locked(() => changed(command, entry, { alias, environment, ...options }));
      await command.forget(`${alias}@${entry.domain}`);
      return options.verbose ? `${done}\n` : "";
    });
    await proc.stdout.write(new TextEncoder().encode(text));
    return changes ? await runPostHandle(proc, [operand ?? ""]) : undefined;
  },
});

/** The alias and the domain that are meant; without an alias a whole domain. */
async function aliasOf(
  command: Command,
  operand: string,
): Promise<{ readonly alias: string | undefined; readonly entry: DomainEntry }> {
  const at = operand.lastIndexOf("@");
  const { control } = command;
  // a word without a dot that is no domain of ours is an alias of the default domain
  const usual = at < 0 && !operand.includes(".") ? control.line("envnoathost") ?? control.line("me") : undefined;
  if (usual !== undefined && operand !== "" && !(await command.domains.find(operand.toLowerCase()))) {
    return { alias: checkAliasName(operand), entry: await command.realDomain(checkDomainName(usual)) };
  }
  const entry = await command.realDomain(checkDomainName(operand.slice(at + 1)));
  if (at <= 0) return { alias: undefined, entry };
  const alias = operand.slice(0, at).toLowerCase();
  if (/[\s:\p{Cc}]/u.test(alias)) throw new Permanent(`${JSON.stringify(operand)}: not an alias`);
  return { alias, entry };
}

interface Asked {
  readonly insert: string | undefined;
  readonly remove: string | undefined;
  readonly update: string | undefined;
}

/** The lines of an alias, of all aliases of a domain, or of all domains. */
async function shown(command: Command, alias: string | undefined, domain: string | undefined): Promise<string> {
  const { aliases } = command.accounts;
  const rows = alias === undefined || domain === undefined
    ? await aliases.list(domain)
    : (await aliases.lines(alias, domain)).map((line) => ({ alias, domain, line }));
  if (alias !== undefined && rows.length === 0) throw new Permanent(`there is no alias ${alias}@${domain}`);
  return rows.map((row) => `${row.alias}@${row.domain} -> ${row.line}\n`).join("");
}

/** An address, of whatever domain, that lines may lead to. */
function trackedAddress(text: string): string {
  const at = text.lastIndexOf("@");
  if (at <= 0 || text.length > ADDRESS_CHARACTERS_MAX || /[\s\p{Cc}]/u.test(text)) {
    throw new Usage(`${quoted(text)} is not an address: user@domain`);
  }
  return `${text.slice(0, at).toLowerCase()}@${checkDomainName(text.slice(at + 1))}`;
}

/** The aliases that deliver to an address, and those that deliver to them, each once. */
async function tracked(command: Command, address: string): Promise<string> {
  const told: string[] = [];
  const addresses = new Set([address]);
  for (const one of addresses) {
    for (const { alias, domain, line } of await command.accounts.aliases.leadingTo(one)) {
      told.push(`${alias}@${domain} -> ${line}\n`);
      if (addresses.size < TRACKED_MAX) addresses.add(`${alias}@${domain}`);
    }
  }
  return told.join("");
}

interface Change extends Asked {
  readonly alias: string;
  /** DOMAIN_LIMITS. */
  readonly environment: string | undefined;
}

/** Does what the options ask for, unless limits in force forbid it; what is to be told. */
async function changed(command: Command, entry: DomainEntry, change: Change): Promise<string> {
  const { alias, environment, insert, remove, update } = change;
  const { aliases, users } = command.accounts;
  const { domain } = entry;
  const named = `${alias}@${domain}`;
  const before = await aliases.lines(alias, domain);
  if (update === undefined && remove === undefined) checkAliasName(alias);
  const line = remove === undefined ? checkAliasLine(insert ?? "") : "";
  const gone = update ?? remove;
  if (gone !== undefined && !(gone === "" && update === undefined ? before.length > 0 : before.includes(gone))) {
    throw new Permanent(`alias ${named} has no line ${quoted(gone)}`);
  }
  if (update === undefined && before.includes(line)) throw new Permanent(`alias ${named} has that line already`);
  const user = await users.find(alias, domain);
  const limits = await limitsInForce(command, entry, { name: alias, flags: user?.flags ?? 0, environment });
  const kept = before.filter((one) => gone === undefined || (gone !== "" && one !== gone));
  const after = remove === undefined ? [...kept, line] : kept;
  const act = remove !== undefined ? "delete" : update !== undefined ? "modify" : "create";
  if (user?.gecos.startsWith(GROUP_MARK)) refuseMemberChange(limits, domain, act);
  else await checkLineChange(command, entry, { limits, change: { name: alias, before, after, act } });
  if (remove !== undefined) {
    return `removed ${await aliases.remove(alias, domain, remove === "" ? undefined : remove)} lines of ${named}`;
  }
  if (update !== undefined) {
    await aliases.replace(alias, domain, { from: update, to: line });
    return `changed ${named}: ${line}`;
  }
  await aliases.add(alias, domain, line);
  return `added ${named} -> ${line}`;
}
