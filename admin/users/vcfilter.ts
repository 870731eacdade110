/**
 * vcfilter: shows, adds, changes and removes the rules that a user's mail is sorted by.
 */
import { defineApplet } from "../../core/applet.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import { COMPARISONS, FILTER_HEADERS, filterAction, type FilterRule, NOT_TO_ME } from "../../mail/filter/rules.ts";
import { evaluateExpression } from "../../mail/filter/expression.ts";
import { LinearRegex } from "../../mail/filter/regex.ts";
import {
  type Command,
  COMMAND_CONTROL,
  COMMAND_ENV,
  warnNoCluster,
  withCommand,
} from "../../storage/accounts/command.ts";
import { removeTree } from "../../storage/accounts/domain_store.ts";
import { writeLineFile } from "../../storage/accounts/line_file.ts";
import { shown as quoted } from "../../storage/accounts/names.ts";
import { filterHeaderNames } from "../../storage/control/header_list.ts";
import { runPostHandle } from "../../storage/accounts/post_handle.ts";

/** Most rules of one address [man vcfilter.9]. */
const RULES_MAX = 255;
/** Widths of the table's columns. */
const WIDTHS = { name: 32, keyword: 64, destination: 156, bounceAction: 64 } as const;
/** Addresses of a domain's own rules: no users. */
const GLOBAL_NAMES = ["prefilt", "postfilt"];
const EXPRESSION = 6;
const REGEX = 7;

export const applet = defineApplet({
  names: ["vcfilter"],
  section: 1,
  summary: "show and change the filter rules of a user",
  role: "admin",
  dialect: "admin",
  options: {
    verbose: { flag: "v", help: "tell what was changed" },
    cluster: { flag: "C", help: "in a cluster, a user of any host; a warning elsewhere" },
    show: { flag: "s", help: "show the rules" },
    raw: { flag: "r", help: "show them as numbers, with tabs between" },
    insert: { flag: "i", help: "add a rule" },
    remove: { flag: "d", value: "number", help: "remove that rule" },
    update: { flag: "u", value: "number", help: "change that rule: what is not given stays" },
    name: { flag: "t", value: "name", help: "name of the rule" },
    comparison: { flag: "c", value: "comparison", help: "how to compare: a number from 0 to 7, or its name" },
    header: { flag: "h", value: "header", help: "the header field, by its number or name; -1 for comparison 5" },
    keyword: { flag: "k", value: "keyword", help: "what the field is compared with" },
    folder: { flag: "f", value: "folder", help: "a folder, Inbox or /NoDeliver" },
    bounce: { flag: "b", value: "action", default: "0", help: "0, 1 (bounce), 2&address, 2|command, 3 (also bounce)" },
  },
  operands: [{ name: "address", help: "user@domain; prefilt@domain and postfilt@domain are for all users" }],
  description: `Comparisons: ${COMPARISONS.map((name, number) => `${number} ${name}`).join(", ")}.

Headers: ${
    FILTER_HEADERS.map((name, number) => `${number} ${name}`).join(", ")
  }. A control file headerlist, or the file of the original in the folder above, replaces the list.

In an expression %p is the first number of the field. Rules act where the domain delivers by vfilter (vadddomain -f).`,
  env: COMMAND_ENV,
  control: [...COMMAND_CONTROL, "headerlist"],
  files: { "Maildir/.vfilter": "there while the user has rules" },
  exits: { 0: "done", 1: "there is no such user or rule, or a step failed" },
  examples: [{
    command: "vcfilter -i -t lists -h List-Id -c Contains -k deno -f Lists ann@example.org",
    help: "mail of a list goes to a folder",
  }],
  seeAlso: ["vfilter(8)", "vadddomain(1)"],
  source: ["[man vcfilter.9]", "[spec formats 24]"],
  async run(proc) {
    const { options } = proc;
    const asked = [options.insert, options.remove !== undefined, options.update !== undefined].filter(Boolean).length;
    if (asked > 1) throw new Usage("only one of -i, -d and -u");
    const operand = proc.args[0] ?? "";
    if (options.cluster) await warnNoCluster(proc, "-C");
    const text = await withCommand(proc, {}, async (command) => {
      const { address: { name, domain } } = await command.locate(operand);
      const address = `${name}@${domain}`;
      const user = GLOBAL_NAMES.includes(name) ? undefined : await command.accounts.users.find(name, domain);
      if (!user && !GLOBAL_NAMES.includes(name)) throw new Permanent(`there is no user ${address}`);
      const { filters } = command.accounts;
      const rules = await filters.list(address);
      const headers = filterHeaderNames(command.control);
      if (asked === 0) return rules.map((rule) => shown(rule, { raw: options.raw, headers })).join("");
      let done: string;
      if (options.remove !== undefined) {
        const number = ruleNumber("-d", options.remove);
        if (await filters.remove(address, number) === 0) throw new Permanent(`${address} has no rule ${number}`);
        done = `removed rule ${number} of ${address}\n`;
      } else {
        const number = options.update === undefined
          ? await filters.freeNumber(address)
          : ruleNumber("-u", options.update);
        const before = rules.find((rule) => rule.number === number);
        if (options.update !== undefined && !before) throw new Permanent(`${address} has no rule ${number}`);
        if (!before && rules.length >= RULES_MAX) throw new Permanent(`${address} has ${RULES_MAX} rules already`);
        const rule = checkedRule({ address, number, ...changedParts(options, before, headers) }, headers);
        if (before) await filters.set(rule);
        else if (await filters.add(rule) === "exists") throw new Permanent(`${address} has such a rule already`);
        done = `${before ? "changed" : "added"} rule ${number} of ${address}\n`;
      }
      if (user) await markMaildir(command, user.home, (await filters.list(address)).length > 0);
      await command.forget(address);
      return options.verbose ? done : "";
    });
    await proc.stdout.write(new TextEncoder().encode(text));
    return asked === 0 ? undefined : await runPostHandle(proc, [operand]);
  },
});

function ruleNumber(option: string, text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw new Usage(`${option} ${quoted(text)}: not the number of a rule`);
  return Number(text);
}

function shown(
  rule: FilterRule,
  { raw, headers }: { readonly raw: boolean; readonly headers: readonly string[] },
): string {
  const { number, name, header, comparison, keyword, destination, bounceAction } = rule;
  if (raw) return `${[number, name, header, comparison, keyword, destination, bounceAction].join("\t")}\n`;
  const field = header < 0 ? "" : `${headers[header] ?? `header ${header}`} `;
  const what = `${field}${COMPARISONS[comparison] ?? `comparison ${comparison}`}${
    keyword === "" ? "" : ` "${keyword}"`
  }`;
  return `${number} ${name}: ${what} -> ${destination}${bounceAction === "0" ? "" : `, ${bounceAction}`}\n`;
}

type Parts = Omit<FilterRule, "address" | "number">;

interface AskedParts {
  readonly name: string | undefined;
  readonly comparison: string | undefined;
  readonly header: string | undefined;
  readonly keyword: string | undefined;
  readonly folder: string | undefined;
  readonly bounce: string | undefined;
}

/** The rule before with what was asked; a new rule needs its parts. */
function changedParts(asked: AskedParts, before: Parts | undefined, headers: readonly string[]): Parts {
  const comparison = asked.comparison === undefined ? before?.comparison : indexOf("-c", asked.comparison, COMPARISONS);
  if (comparison === undefined) throw new Usage("a rule needs a comparison: -c");
  const noField = comparison === NOT_TO_ME;
  const header = noField ? -1 : asked.header === undefined ? before?.header : indexOf("-h", asked.header, headers);
  if (header === undefined) throw new Usage("a rule needs a header field: -h");
  const keyword = noField ? "" : asked.keyword ?? before?.keyword;
  if (keyword === undefined) throw new Usage("a rule needs a keyword: -k");
  const destination = asked.folder ?? before?.destination;
  if (destination === undefined) throw new Usage("a rule needs a folder: -f");
  return {
    name: asked.name ?? before?.name ?? "filter",
    header,
    comparison,
    keyword,
    destination,
    bounceAction: asked.bounce ?? before?.bounceAction ?? "0",
  };
}

function indexOf(option: string, text: string, names: readonly string[]): number {
  const index = /^-?\d{1,3}$/.test(text)
    ? Number(text)
    : names.findIndex((name) => name.toLowerCase() === text.toLowerCase());
  if (index < 0 || index >= names.length) {
    throw new Usage(`${option} ${quoted(text)}: neither a number nor a name of the list`);
  }
  return index;
}

function checkedRule(rule: FilterRule, headers: readonly string[]): FilterRule {
  for (const [part, width] of Object.entries(WIDTHS)) {
    const value = rule[part as keyof typeof WIDTHS];
    if (value.length > width) throw new Permanent(`the ${part} is longer than ${width} characters`);
    if (/\p{Cc}/u.test(value)) throw new Permanent(`the ${part} has a control character`);
  }
  if (rule.header >= headers.length) throw new Permanent(`there is no header ${rule.header}`);
  filterAction(rule);
  if (rule.comparison === EXPRESSION) evaluateExpression(rule.keyword, "1");
  if (rule.comparison === REGEX) new LinearRegex(rule.keyword);
  return rule;
}

/** The file that says whether there are rules, as other programs look for it. */
async function markMaildir({ disk }: Command, home: string, hasRules: boolean): Promise<void> {
  const path = `${home}/Maildir/.vfilter`;
  try {
    await disk.stat(`${home}/Maildir`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  if (hasRules) await writeLineFile(disk, path, []);
  else await removeTree(disk, path);
}
