/**
 * What a domain has of the things that its limits count [man vlimit.1] [decision 0087]. One address is one alias, one
 * forward or one autoresponder, however many lines it has; groups are mailing lists and none of these. The caller holds
 * DomainStore's lock from the count to the change, so that two commands do not pass a limit together.
 */
import { pathExists } from "../../../core/path_exists.ts";
import type { Command } from "../command.ts";
import type { DomainEntry } from "../domain_store.ts";
import { GROUP_MARK, POSTMASTER_ALIASES } from "../names.ts";
import type { Limits } from "../tables/vlimits.ts";
import { VACATION_FILE } from "../user_files.ts";
import type { UserRow } from "../users.ts";
import { limitsInForce, mostOf, refuseForbidden, refuseMore } from "./limit_checks.ts";

/** A change of the lines of one address. */
export interface LineChange {
  readonly name: string;
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly act: "create" | "modify" | "delete";
}

/** Whether a line sends mail on to an address outside the domain; `own` are the domain's names. */
export function isForward(line: string, own: ReadonlySet<string>): boolean {
  const domain = /^&?[^|&/.@][^@]*@([^@]+)$/.exec(line)?.[1];
  return domain !== undefined && !own.has(domain.toLowerCase());
}

/** Whether a line is a program that answers mail. */
export function isAnswer(line: string): boolean {
  return /^\|(?:.*[\s/])?(?:vacation|autoresponder|qmail-autoresponder|autorespond)(?:\s|$)/.test(line);
}

/** Throws Permanent when limits forbid another user in the domain. */
export async function checkNewAccount(command: Command, domain: string, limits: Limits | undefined): Promise<void> {
  refuseForbidden(limits, domain, { of: "account", act: "create" });
  if (mostOf(limits, "account") === undefined) return;
  refuseMore(limits, domain, { of: "account", count: await command.accounts.users.total(domain) });
}

/** Throws Permanent when limits forbid another group in the domain. */
export async function checkNewGroup(command: Command, domain: string, limits: Limits | undefined): Promise<void> {
  refuseForbidden(limits, domain, { of: "mailingList", act: "create" });
  if (mostOf(limits, "mailingList") === undefined) return;
  const count = (await command.accounts.users.namesWithGecos(domain, GROUP_MARK)).length;
  refuseMore(limits, domain, { of: "mailingList", count });
}

/** Throws Permanent when limits forbid that a group's members change: by the bits of lists, or by those of their members. */
export function refuseMemberChange(limits: Limits | undefined, domain: string, act: LineChange["act"]): void {
  refuseForbidden(limits, domain, { of: "mailingList", act: "modify" });
  refuseForbidden(limits, domain, { of: "listMember", act });
}

/** Throws Permanent when limits forbid a change of the lines of an address that is no group. */
export async function checkLineChange(
  command: Command,
  entry: DomainEntry,
  { limits, change }: { readonly limits: Limits | undefined; readonly change: LineChange },
): Promise<void> {
  if (!limits) return;
  const { domain } = entry;
  const { name, before, after, act } = change;
  const own = new Set([domain, ...await command.domains.aliasesOf(domain)]);
  const forwards = (line: string) => isForward(line, own);
  const changed = [
    ...before.filter((line) => !after.includes(line)),
    ...after.filter((line) => !before.includes(line)),
  ];
  refuseForbidden(limits, domain, { of: "alias", act });
  if (changed.some(forwards)) refuseForbidden(limits, domain, { of: "forward", act });
  if (changed.some(isAnswer)) refuseForbidden(limits, domain, { of: "autoresponder", act });
  if (act === "delete") return;
  const counts = new AddressCounts(command, domain);
  if (before.length === 0 && !POSTMASTER_ALIASES.includes(name) && mostOf(limits, "alias") !== undefined) {
    refuseMore(limits, domain, { of: "alias", count: await counts.aliases() });
  }
  if (!before.some(forwards) && after.some(forwards) && mostOf(limits, "forward") !== undefined) {
    refuseMore(limits, domain, { of: "forward", count: await counts.with(forwards) });
  }
  if (!before.some(isAnswer) && after.some(isAnswer)) await checkNewAnswer(command, entry, { limits, name });
}

/** Throws Permanent when limits in force forbid that a user's vacation begins, changes or ends. */
export async function checkVacation(
  command: Command,
  entry: DomainEntry,
  asked: { readonly user: UserRow; readonly isOn: boolean; readonly environment: string | undefined },
): Promise<void> {
  const { user, isOn, environment } = asked;
  const limits = await limitsInForce(command, entry, { name: user.name, flags: user.flags, environment });
  if (!limits) return;
  const isThere = pathExists(`${user.home}/${VACATION_FILE}`);
  const act = !isOn ? "delete" : isThere ? "modify" : "create";
  refuseForbidden(limits, entry.domain, { of: "autoresponder", act });
  if (act === "create") await checkNewAnswer(command, entry, { limits, name: user.name });
}

/** Throws Permanent when limits forbid that an address answers mail; one that does so already may go on. */
export async function checkNewAnswer(
  command: Command,
  { domain }: DomainEntry,
  { limits, name }: { readonly limits: Limits | undefined; readonly name: string },
): Promise<void> {
  const most = mostOf(limits, "autoresponder");
  if (most === undefined) return;
  const names = await new AddressCounts(command, domain).answering();
  if (!names.has(name)) refuseMore(limits, domain, { of: "autoresponder", count: names.size });
}

/** The addresses of one domain by what their lines do. */
class AddressCounts {
  readonly #command: Command;
  readonly #domain: string;

  constructor(command: Command, domain: string) {
    this.#command = command;
    this.#domain = domain;
  }

  async aliases(): Promise<number> {
    const names = await this.#names(() => true);
    for (const name of POSTMASTER_ALIASES) names.delete(name);
    return names.size;
  }

  async with(isCounted: (line: string) => boolean): Promise<number> {
    return (await this.#names(isCounted)).size;
  }

  /** Addresses with a program that answers, and users with the text of an answer in their homes: goes through all users. */
  async answering(): Promise<ReadonlySet<string>> {
    const names = await this.#names(isAnswer);
    for await (const page of this.#command.accounts.users.pages(this.#domain)) {
      for (const { name, home } of page) if (home !== "" && pathExists(`${home}/${VACATION_FILE}`)) names.add(name);
    }
    return names;
  }

  /** The addresses with such a line, without groups. */
  async #names(isCounted: (line: string) => boolean): Promise<Set<string>> {
    const { aliases, users } = this.#command.accounts;
    const lines = await aliases.list(this.#domain);
    const names = new Set(lines.filter(({ line }) => isCounted(line)).map(({ alias }) => alias));
    for (const group of await users.namesWithGecos(this.#domain, GROUP_MARK)) names.delete(group);
    return names;
  }
}
