/**
 * Adding a whole virtual domain: files, postmaster, aliases, then mail [man vadddomain.9]. For vadddomain and for the first
 * start of `indimail serve`. After a crash the same call finishes the work.
 */
import { accountByName } from "../../core/libc/account.ts";
import { Permanent } from "../../core/errors.ts";
import type { Command } from "./command.ts";
import type { DomainEntry, DomainOptions } from "./domain_store.ts";
import { openMailRoot } from "./mail_roots.ts";
import { POSTMASTER_ALIASES, shown } from "./names.ts";
import { quotaText } from "./user_store.ts";

/** What a new domain is made of. */
export interface NewDomain {
  readonly domain: string;
  readonly files: DomainOptions;
  /** Columns of the postmaster, from makePassword. */
  readonly password: string;
  readonly scram: string;
  /** Quota of the postmaster as option -q has it. */
  readonly quota?: string;
}

/** Account that owns the files of virtual domains. */
const OWNER = "indimail";

/** Who owns a new domain: a named account, else the account indimail, else (not root, or none such) ourselves. */
export function domainOwner(account?: string): { readonly uid: number; readonly gid: number } {
  if (account !== undefined && !/^[^\p{Cc}:/]+$/u.test(account)) {
    throw new Permanent(`${shown(account)} is not the name of an account`);
  }
  const found = account !== undefined || Deno.uid() === 0 ? accountByName(account ?? OWNER) : undefined;
  if (account !== undefined && !found) throw new Permanent(`there is no account ${account}`);
  return { uid: found?.uid ?? Deno.uid() ?? 0, gid: found?.gid ?? Deno.gid() ?? 0 };
}

/** Adds the domain; "exists" when it was complete already. `told` hears of each step. */
export async function addDomain(
  command: Command,
  added: NewDomain,
  told: (step: string) => void,
): Promise<DomainEntry | "exists"> {
  const { domain, files } = added;
  return await command.domains.locked(async () => {
    if (await command.domains.isComplete(domain)) return "exists";
    const half = await command.domains.find(domain);
    if (half?.aliasOf !== undefined) {
      throw new Permanent(`${domain} is an alias domain of ${half.aliasOf}, half made: finish it with vaddaliasdomain`);
    }
    const fallback = files.fallback.startsWith("/") ? files.fallback.replace(/\/+$/, "") : undefined;
    for (const folder of [files.parent, files.basePath, fallback]) {
      if (folder !== undefined && await openMailRoot(command, folder)) told(`adding ${folder} to control/mailroots`);
    }
    told(`making ${command.domains.directoryOf(domain, files.parent)} and users/assign`);
    const entry = await command.domains.prepare(domain, files);
    told(`adding postmaster@${domain}`);
    await addPostmaster(command, entry, added);
    for (const alias of POSTMASTER_ALIASES) await command.accounts.aliases.add(alias, domain, `&postmaster@${domain}`);
    told("adding the domain to virtualdomains and rcpthosts");
    await command.domains.activate(domain, { checkRecipients: files.checkRecipients ?? false });
    return entry;
  });
}

/** Where a call before this one made it already, it gets this call's password. */
async function addPostmaster(command: Command, entry: DomainEntry, added: NewDomain): Promise<void> {
  const { password, scram, quota } = added;
  const { domain } = entry;
  const { active, inactive } = await command.accounts.users.count(domain);
  if (active + inactive === 0) await command.users.resetTree(entry); // of places taken for nobody
  const result = await command.users.add({ name: "postmaster", domain }, entry, {
    password,
    scram,
    gecos: "Postmaster",
    inactive: false,
    makeDirectory: true,
    ...(quota === undefined ? {} : { quota }),
  });
  if (result !== "exists") return;
  const columns = { password, scram, ...(quota === undefined ? {} : { quota: quotaText(quota) }) };
  await command.accounts.users.update("postmaster", domain, columns);
  const postmaster = await command.accounts.users.find("postmaster", domain);
  if (postmaster) await command.users.note(postmaster, "add");
}
