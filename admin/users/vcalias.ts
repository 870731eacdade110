/**
 * vcalias: takes the .qmail-NAME files of a domain into the table valias.
 */
import { defineApplet } from "../../core/applet.ts";
import { latin1Text } from "../../core/bytes.ts";
import { Permanent } from "../../core/errors.ts";
import { type Command, COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import type { DomainEntry } from "../../storage/accounts/domain_store.ts";
import { checkDomainName } from "../../storage/accounts/names.ts";
import { runPostHandle } from "../../storage/accounts/post_handle.ts";

/** Longest line that the table's column holds, characters. */
const LINE_MAX = 190;

export const applet = defineApplet({
  names: ["vcalias"],
  section: 8,
  summary: "turn .qmail files of a virtual domain into aliases",
  role: "admin",
  dialect: "admin",
  options: { verbose: { flag: "v", help: "tell each alias" } },
  operands: [{ name: "domain", help: "the virtual domain" }],
  description:
    "Every .qmail-NAME of the domain's folder but .qmail-default becomes the alias NAME, a line of the table for each " +
    "line that delivers; then the file is removed. A colon in the file's name is a dot of the address. A file that " +
    "discards all mail, or whose lines are too long for the table, stays as it is.",
  env: COMMAND_ENV,
  control: COMMAND_CONTROL,
  files: { "domains/DOMAIN/.qmail-NAME": "read, then removed" },
  exits: { 0: "done", 1: "there is no such domain, or a step failed" },
  seeAlso: ["vcaliasrev(8)", "valias(1)", "dot-qmail(5)"],
  source: ["[man vcalias.8]"],
  async run(proc) {
    const operand = proc.args[0] ?? "";
    const lines = await withCommand(proc, {}, async (command) => {
      const domain = await command.realDomain(checkDomainName(operand));
      const done = await command.domains.locked(() => takeIn(command, domain));
      await command.forget();
      return done;
    });
    const kept = lines.filter((line) => line.startsWith("kept "));
    await proc.stdout.write(new TextEncoder().encode((proc.options.verbose ? lines : kept).join("")));
    return await runPostHandle(proc, [operand]);
  },
});

async function takeIn(command: Command, domain: DomainEntry): Promise<string[]> {
  const { disk, accounts } = command;
  const told: string[] = [];
  for (const file of (await disk.readDirectory(domain.directory)).sort()) {
    if (!file.startsWith(".qmail-") || file === ".qmail-default") continue;
    const alias = file.slice(".qmail-".length).replaceAll(":", ".").toLowerCase();
    const path = `${domain.directory}/${file}`;
    if ((await disk.lstat(path)).kind !== "file") continue;
    const lines = linesOf(latin1Text(await disk.readFile(path)));
    const tooLong = lines.some((line) => line.length > LINE_MAX);
    if (alias === "" || lines.length === 0 || tooLong) {
      told.push(`kept ${path}: ${tooLong ? `a line is longer than ${LINE_MAX} characters` : "it delivers nowhere"}\n`);
      continue;
    }
    for (const line of lines) await accounts.aliases.add(alias, domain.domain, line);
    await disk.unlink(path);
    told.push(...lines.map((line) => `${alias}@${domain.domain} -> ${line}\n`));
  }
  await disk.syncDirectory(domain.directory);
  return told;
}

/** The lines that deliver; comments and empty ones do not. Throws Permanent for what a table cannot say. */
function linesOf(text: string): string[] {
  const lines = text.split("\n").map((line) => line.trimEnd()).filter((line) => line !== "" && !line.startsWith("#"));
  for (const line of lines) {
    if (/\p{Cc}/u.test(line)) throw new Permanent(`${JSON.stringify(line)}: a control character in a .qmail file`);
  }
  return lines;
}
