/**
 * vatrn: which domains' waiting mail a user may fetch by ATRN (on-demand mail relay).
 */
import { defineApplet, type OptionSpecs, type Proc } from "../../core/applet.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import type { AtrnAccess } from "../../storage/accounts/tables/atrn_map.ts";
import { type Command, COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import { checkDomainName } from "../../storage/accounts/names.ts";

/** Text is written when there is this much. */
const OUTPUT_CHARACTERS = 64 * 1024;

const OPTIONS = {
  verbose: { flag: "v", help: "tell what was done" },
  show: { flag: "s", help: "print the domains of the user, the users of the domain, or all" },
  add: {
    flag: "i",
    value: "domain",
    help: "the user may fetch this domain; with -u: it takes the place of that one",
  },
  remove: { flag: "d", value: "domain", help: "the user may not fetch this domain any more" },
  update: { flag: "u", value: "domain", help: "the domain that the one of -i takes the place of" },
} as const satisfies OptionSpecs;

export const applet = defineApplet({
  names: ["vatrn"],
  section: 1,
  summary: "say which domains a user may fetch by ATRN",
  role: "admin",
  dialect: "qmail",
  options: OPTIONS,
  operands: [{ name: "user", help: "user@domain; with -s also a domain", optional: true }],
  description:
    `A host that is not always connected fetches the mail that waits for its domains by ATRN [rfc2645]: it logs in as a user
of a virtual domain (vadduser), and gets the domains that vatrn has given to that user. vadddomain -t makes mail of a
domain wait. Table: atrn_map.`,
  env: COMMAND_ENV,
  control: COMMAND_CONTROL,
  exits: {
    0: "printed, or added; with -d and -u: nothing was changed",
    1: "with -d and -u: one domain was changed; with -s: there is none",
    100: "wrong usage, or an argument is none",
    111: "the database cannot be reached",
  },
  examples: [{ command: "vatrn -i office.example relay@example.org", help: "relay@example.org may fetch it" }],
  seeAlso: ["vadddomain(1)", "vadduser(1)"],
  source: ["[man vatrn.1]", "[rfc2645]"],
  async run(proc) {
    const { add, remove, update, show } = proc.options;
    if ((update !== undefined && add === undefined) || (add !== undefined && remove !== undefined)) {
      throw new Usage("-u needs -i, and -d stands alone");
    }
    if (show === (add !== undefined || remove !== undefined)) throw new Usage("one of -s, -i and -d");
    if (!show && proc.args[0] === undefined) throw new Usage("missing user");
    return await withCommand(proc, {}, (command) => show ? print(proc, command) : change(proc, command));
  },
});

type VatrnProc = Proc<typeof OPTIONS>;

async function say(proc: VatrnProc, text: string): Promise<void> {
  if (text !== "") await proc.stdout.write(new TextEncoder().encode(text));
}

async function change(proc: VatrnProc, command: Command): Promise<number> {
  const { add, remove, update, verbose } = proc.options;
  const { atrn, users } = command.accounts;
  const { name, domain } = (await command.locate(proc.args[0] ?? "")).address;
  const listed = checkDomainName(add ?? remove ?? "");
  const before = update === undefined ? "" : checkDomainName(update);
  if (remove !== undefined) {
    const removed = await atrn.remove(name, domain, listed);
    if (verbose) await say(proc, `removed ${removed}\n`);
    return removed;
  }
  if (!await users.find(name, domain)) throw new Permanent(`there is no user ${name}@${domain}: add it with vadduser`);
  if (update !== undefined) {
    const result = await atrn.rename({ name, domain, listed: before }, listed);
    if (result === "exists") throw new Permanent(`${name}@${domain} may fetch ${listed} already`);
    if (verbose) await say(proc, result === "renamed" ? `${before} is now ${listed}\n` : `${before} is not there\n`);
    return result === "renamed" ? 1 : 0;
  }
  const result = await atrn.add(name, domain, listed);
  if (verbose) await say(proc, result === "added" ? `added ${listed}\n` : `${listed} is there already\n`);
  return 0;
}

async function print(proc: VatrnProc, command: Command): Promise<number> {
  let [text, count] = ["", 0];
  for await (const one of accessOf(command, proc.args[0])) {
    text += `${one.name.padEnd(20)} ${one.domain.padEnd(20)} ${one.listed}\n`;
    count++;
    if (text.length < OUTPUT_CHARACTERS) continue;
    await say(proc, text);
    text = "";
  }
  if (count === 0 && proc.options.verbose) text = "no domain is to be fetched by ATRN\n";
  await say(proc, text);
  return count === 0 ? 1 : 0;
}

async function* accessOf(command: Command, operand: string | undefined): AsyncGenerator<AtrnAccess> {
  const { atrn } = command.accounts;
  if (operand === undefined) return yield* atrn.all();
  if (!operand.includes("@")) return yield* await atrn.usersOf(checkDomainName(operand));
  const { name, domain } = (await command.locate(operand)).address;
  for (const listed of await atrn.list(name, domain)) yield { name, domain, listed };
}
