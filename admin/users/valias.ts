/**
 * valias: shows and changes the alias lines of virtual addresses.
 */
import { defineApplet } from "../../core/applet.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import { type Command, COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import { checkAliasLine } from "../../storage/accounts/alias_line.ts";
import { checkDomainName } from "../../storage/accounts/names.ts";
import { runPostHandle } from "../../storage/accounts/post_handle.ts";
import { LIMIT_PERMISSIONS } from "../../storage/accounts/tables/vlimits.ts";

/** Aliases followed by -S before it is taken for a loop. */
const CHAIN_MAX = 32;

export const applet = defineApplet({
  names: ["valias"],
  section: 1,
  summary: "show and change aliases of a virtual domain",
  role: "admin",
  dialect: "admin",
  options: {
    verbose: { flag: "v", help: "tell what was changed" },
    show: { flag: "s", help: "show the lines (what is done without -i, -d and -u)" },
    trace: { flag: "S", help: "show also the lines of the local addresses that a line leads to" },
    central: { flag: "m", help: "in a cluster, enter the alias into the central database" },
    remove: { flag: "d", value: "line", help: "remove this line; an empty one: all lines of the alias" },
    insert: { flag: "i", value: "line", help: "add this line" },
    update: { flag: "u", value: "line", help: "replace this line by that of -i" },
  },
  operands: [{ name: "address", help: "alias@domain, or a domain to show all its aliases" }],
  description:
    "An alias has one or more lines; mail for it goes to all of them. A line is an address (with or without &), a " +
    "Maildir or mbox file that begins with / or ., or a program that begins with a vertical bar.",
  env: { ...COMMAND_ENV, DOMAIN_LIMITS: "apply the domain's limits" },
  control: COMMAND_CONTROL,
  exits: { 0: "done", 1: "there is no such alias or domain, or a step failed" },
  examples: [{ command: "valias -i '&alice@example.org' info@example.org", help: "mail for info goes to alice" }],
  seeAlso: ["vadduser(1)", "vadddomain(1)", "dot-qmail(5)"],
  source: ["[spec tables, valias]", "[spec formats 6]"],
  async run(proc) {
    const { options } = proc;
    const operand = proc.args[0] ?? "";
    const changes = options.insert !== undefined || options.remove !== undefined || options.update !== undefined;
    if (options.update !== undefined && options.insert === undefined) throw new Usage("-u needs the new line with -i");
    if (options.remove !== undefined && options.insert !== undefined) throw new Usage("-d and -i exclude each other");
    const text = await withCommand(proc, {}, async (command) => {
      const { alias, domain } = await aliasOf(command, operand);
      if (!changes) return await shown(command, { alias, domain, trace: options.trace });
      if (alias === undefined) throw new Usage(`${operand} is a domain: give alias@domain`);
      const limited = proc.env.get("DOMAIN_LIMITS") !== undefined;
      const done = await changed(command, { alias, domain, limited, ...options });
      await command.forget(`${alias}@${domain}`);
      return options.verbose ? `${done}\n` : "";
    });
    await proc.stdout.write(new TextEncoder().encode(text));
    return changes ? await runPostHandle(proc, [operand]) : undefined;
  },
});

async function aliasOf(
  command: Command,
  operand: string,
): Promise<{ readonly alias: string | undefined; readonly domain: string }> {
  const at = operand.lastIndexOf("@");
  const { domain } = await command.realDomain(checkDomainName(operand.slice(at + 1)));
  if (at < 0) return { alias: undefined, domain };
  const alias = operand.slice(0, at).toLowerCase();
  if (alias === "" || /[\s:\p{Cc}]/u.test(alias)) throw new Permanent(`${JSON.stringify(operand)}: not an alias`);
  return { alias, domain };
}

interface Shown {
  readonly alias: string | undefined;
  readonly domain: string;
  readonly trace: boolean;
}

async function shown(command: Command, { alias, domain, trace }: Shown): Promise<string> {
  const { aliases } = command.accounts;
  const rows = alias === undefined
    ? await aliases.list(domain)
    : (await aliases.lines(alias, domain)).map((line) => ({ alias, domain, line }));
  if (alias !== undefined && rows.length === 0) throw new Permanent(`there is no alias ${alias}@${domain}`);
  const lines: string[] = [];
  for (const row of rows) {
    lines.push(`${row.alias}@${row.domain} -> ${row.line}\n`);
    if (trace) await follow(command, row.line, { lines, depth: 1 });
  }
  return lines.join("");
}

async function follow(
  command: Command,
  line: string,
  state: { readonly lines: string[]; readonly depth: number },
): Promise<void> {
  const address = /^&?([^|/.@][^@]*)@([^@]+)$/.exec(line);
  if (!address) return;
  const [, alias = "", domain = ""] = address;
  if (state.depth > CHAIN_MAX) throw new Permanent(`${alias}@${domain} leads back to itself`);
  for (const next of await command.accounts.aliases.lines(alias.toLowerCase(), domain.toLowerCase())) {
    state.lines.push(`${"  ".repeat(state.depth)}${alias}@${domain} -> ${next}\n`);
    await follow(command, next, { lines: state.lines, depth: state.depth + 1 });
  }
}

interface Change {
  readonly alias: string;
  readonly domain: string;
  readonly limited: boolean;
  readonly insert: string | undefined;
  readonly remove: string | undefined;
  readonly update: string | undefined;
}

async function changed(command: Command, change: Change): Promise<string> {
  const { alias, domain, insert, remove, update } = change;
  const { aliases, limits } = command.accounts;
  const named = `${alias}@${domain}`;
  if (change.limited) {
    const limit = await limits.of(alias, domain);
    const bit = remove !== undefined ? "noDelete" : update !== undefined ? "noModify" : "noCreate";
    if (limit.perm_alias & LIMIT_PERMISSIONS[bit]) {
      throw new Permanent(`aliases of ${domain} may not be changed: its limits`);
    }
    const count = new Set((await aliases.list(domain)).map((one) => one.alias)).size;
    const full = bit === "noCreate" && limit.maxaliases >= 0 && count >= limit.maxaliases;
    if (full) throw new Permanent(`${domain} may have ${limit.maxaliases} aliases and has them`);
  }
  if (remove !== undefined) {
    const count = await aliases.remove(alias, domain, remove === "" ? undefined : remove);
    if (count === 0) throw new Permanent(`alias ${named} has no line ${remove}`);
    return `removed ${count} lines of ${named}`;
  }
  const line = checkAliasLine(insert ?? "");
  if (update !== undefined) {
    if (!await aliases.replace(alias, domain, { from: update, to: line })) {
      throw new Permanent(`alias ${named} has no line ${update}`);
    }
    return `changed ${named}: ${line}`;
  }
  if (await aliases.add(alias, domain, line) === "exists") throw new Permanent(`alias ${named} has that line already`);
  return `added ${named} -> ${line}`;
}
