/**
 * valias: shows and changes the alias lines of virtual addresses.
 */
import { defineApplet } from "../../core/applet.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import { type Command, COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import { checkAliasLine, checkAliasName } from "../../storage/accounts/alias_line.ts";
import type { DomainEntry } from "../../storage/accounts/domain_store.ts";
import { LIMITS_ENV, limitsInForce, refuseForbidden, refuseMore } from "../../storage/accounts/domains/limit_checks.ts";
import { checkDomainName, shown as quoted } from "../../storage/accounts/names.ts";
import { runPostHandle } from "../../storage/accounts/post_handle.ts";

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
  env: { ...COMMAND_ENV, ...LIMITS_ENV },
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
      const { alias, entry } = await aliasOf(command, operand);
      const { domain } = entry;
      if (!changes) return await shown(command, { alias, domain, trace: options.trace });
      if (alias === undefined) throw new Usage(`${operand} is a domain: give alias@domain`);
      await checkLimits(command, entry, { alias, environment: proc.env.get("DOMAIN_LIMITS"), ...options });
      const done = await changed(command, { alias, domain, ...options });
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
): Promise<{ readonly alias: string | undefined; readonly entry: DomainEntry }> {
  const at = operand.lastIndexOf("@");
  const entry = await command.realDomain(checkDomainName(operand.slice(at + 1)));
  if (at < 0) return { alias: undefined, entry };
  const alias = operand.slice(0, at).toLowerCase();
  if (alias === "" || /[\s:\p{Cc}]/u.test(alias)) throw new Permanent(`${JSON.stringify(operand)}: not an alias`);
  return { alias, entry };
}

interface Asked {
  readonly insert: string | undefined;
  readonly remove: string | undefined;
  readonly update: string | undefined;
}

/** Throws Permanent when limits in force forbid the change; an alias that is there may have more lines. */
async function checkLimits(
  command: Command,
  entry: DomainEntry,
  asked: Asked & { readonly alias: string; readonly environment: string | undefined },
): Promise<void> {
  const { alias, environment } = asked;
  const limits = await limitsInForce(command, entry, { name: alias, environment });
  if (!limits) return;
  const act = asked.remove !== undefined ? "delete" : asked.update !== undefined ? "modify" : "create";
  refuseForbidden(limits, entry.domain, { of: "alias", act });
  if (act !== "create") return;
  const names = new Set((await command.accounts.aliases.list(entry.domain)).map((one) => one.alias));
  if (!names.has(alias)) refuseMore(limits, entry.domain, { of: "alias", count: names.size });
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

interface Change extends Asked {
  readonly alias: string;
  readonly domain: string;
}

async function changed(command: Command, change: Change): Promise<string> {
  const { alias, domain, insert, remove, update } = change;
  const { aliases } = command.accounts;
  const named = `${alias}@${domain}`;
  if (remove !== undefined) {
    const count = await aliases.remove(alias, domain, remove === "" ? undefined : remove);
    if (count === 0) throw new Permanent(`alias ${named} has no line ${quoted(remove)}`);
    return `removed ${count} lines of ${named}`;
  }
  if (update === undefined) checkAliasName(alias);
  const line = checkAliasLine(insert ?? "");
  if (update !== undefined) {
    if (!await aliases.replace(alias, domain, { from: update, to: line })) {
      throw new Permanent(`alias ${named} has no line ${quoted(update)}`);
    }
    return `changed ${named}: ${line}`;
  }
  if (await aliases.add(alias, domain, line) === "exists") throw new Permanent(`alias ${named} has that line already`);
  return `added ${named} -> ${line}`;
}
