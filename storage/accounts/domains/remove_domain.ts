/**
 * Removing a virtual domain with its alias domains, users, mail and rows, or an alias domain alone [man vdeldomain.9]. After
 * a crash the same call finishes the work. The caller holds DomainStore's lock.
 */
import type { Command } from "../command.ts";

/** Removes the domain; false when there is none. `told` hears of each step. */
export async function removeDomain(command: Command, domain: string, told: (step: string) => void): Promise<boolean> {
  const { domains } = command;
  const entry = await domains.find(domain);
  const real = entry ? entry.aliasOf : domains.linkedDomain(domain);
  if (real !== undefined) {
    told(`removing ${domain}, an alias domain of ${real}`);
    await domains.removeAlias(domain);
    return true;
  }
  if (!entry) return false;
  for (const alias of await aliasesOf(command, domain)) {
    told(`removing alias domain ${alias}`);
    await domains.removeAlias(alias);
  }
  told(`removing ${domain} from rcpthosts and virtualdomains`);
  await domains.deactivate(domain);
  for (const former of await domains.formerNamesOf(entry.directory)) await domains.unassign(former);
  const users = await command.users.removeAll(entry);
  told(`removed ${users} users of ${domain}`);
  told(`removing ${entry.directory} and the line in users/assign`);
  await domains.remove(domain);
  return true;
}

/** Its alias domains, also those that are half removed: there is still a link. */
async function aliasesOf({ disk, domains, paths }: Command, domain: string): Promise<ReadonlySet<string>> {
  const names = await disk.readDirectory(paths.domains);
  const linked = names.filter((name) => !name.startsWith(".") && domains.linkedDomain(name) === domain);
  return new Set([...await domains.aliasesOf(domain), ...linked]);
}
