/**
 * vcaliasrev: writes the aliases of a domain as .qmail-NAME files and takes them out of the table valias.
 */
import { defineApplet } from "../../core/applet.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { Permanent } from "../../core/errors.ts";
import { pathExists } from "../../core/path_exists.ts";
import { type Command, COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import type { DomainEntry } from "../../storage/accounts/domain_store.ts";
import { writeLineFile } from "../../storage/accounts/line_file.ts";
import { checkDomainName } from "../../storage/accounts/names.ts";
import { runPostHandle } from "../../storage/accounts/post_handle.ts";

/** Longest name of a file, bytes [POSIX NAME_MAX]. */
const NAME_BYTES_MAX = 255;

export const applet = defineApplet({
  names: ["vcaliasrev", "vcaliasrev.sh"],
  section: 8,
  summary: "turn aliases of a virtual domain into .qmail files",
  role: "admin",
  dialect: "admin",
  options: {
    verbose: { flag: "v", help: "tell each file" },
    keep: { flag: "k", help: "leave the table as it is" },
  },
  operands: [{ name: "domain", help: "the virtual domain" }],
  description:
    "Every alias of the table becomes the file .qmail-NAME of the domain's folder, a dot of the address being a colon of " +
    "the name. An alias whose file is there already is refused before anything is written.",
  env: COMMAND_ENV,
  control: COMMAND_CONTROL,
  files: { "domains/DOMAIN/.qmail-NAME": "written" },
  exits: { 0: "done", 1: "there is no such domain, a file is there already, or a step failed" },
  seeAlso: ["vcalias(8)", "valias(1)", "dot-qmail(5)"],
  source: ["[man vcaliasrev.8]", "[man vcalias.8]"],
  async run(proc) {
    const operand = proc.args[0] ?? "";
    const paths = await withCommand(proc, {}, async (command) => {
      const domain = await command.realDomain(checkDomainName(operand));
      const written = await command.domains.locked(() => giveOut(command, domain, { keep: proc.options.keep }));
      await command.forget();
      return written;
    });
    if (proc.options.verbose) {
      await proc.stdout.write(new TextEncoder().encode(paths.map((path) => `${path}\n`).join("")));
    }
    return await runPostHandle(proc, [operand]);
  },
});

async function giveOut(command: Command, domain: DomainEntry, options: { readonly keep: boolean }): Promise<string[]> {
  const { accounts, disk } = command;
  const byAlias = new Map<string, string[]>();
  for (const { alias, line } of await accounts.aliases.list(domain.domain)) {
    byAlias.set(alias, [...byAlias.get(alias) ?? [], line]);
  }
  const files = [...byAlias].map(([alias, lines]) => {
    const path = `${domain.directory}/.qmail-${alias.replaceAll(".", ":")}`;
    if (alias.includes("/") || latin1Bytes(`.qmail-${alias}`).length > NAME_BYTES_MAX) {
      throw new Permanent(`alias ${alias}@${domain.domain} cannot be the name of a file`);
    }
    if (pathExists(path)) throw new Permanent(`${path} is there already: move it away, or take it in with vcalias`);
    return { alias, path, lines };
  });
  for (const { alias, path, lines } of files) {
    await writeLineFile(disk, path, lines);
    if (!options.keep) await accounts.aliases.remove(alias, domain.domain);
  }
  return files.map(({ path }) => path);
}
