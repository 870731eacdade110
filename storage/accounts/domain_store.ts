/**
 * Virtual domains as the files have them: folder, users/assign, alias domains' links [man vadddomain.9] [spec formats 7].
 * Order: whatever makes mail be accepted comes last and goes first, what a command finds a domain by goes last of all, and
 * each step may be repeated; so after a crash the same command finishes the work.
 */
import { Permanent } from "../../core/errors.ts";
import type { Paths } from "../../core/paths.ts";
import { writeCdb } from "../cdb/writer.ts";
import type { Disk } from "../disk.ts";
import { withFileLock } from "../locks/file_lock.ts";
import { type Assignment, domainAssignment, formatAssign, parseAssign } from "../users/assign.ts";
import { usersCdbRecords } from "../users/users_cdb.ts";
import { DomainControl } from "./domains/domain_control.ts";
import { addLine, readLineFile, removeLines, writeLineFile } from "./line_file.ts";

const FOLDER_MODE = 0o750;
/** In a domain's folder: the names that it had before it was renamed. */
const FORMER_NAMES_FILE = ".former_names";

/** How a domain is added. */
export interface DomainOptions {
  readonly uid: number;
  readonly gid: number;
  /** Folder above the domain's; default the installation's domains folder. */
  readonly parent?: string;
  /** Mail for nobody: `bounce-no-mailbox`, `delete`, an address or a folder. */
  readonly fallback: string;
  /** vfilter instead of vdelivermail. */
  readonly filter?: boolean;
  /** Base of users' homes, kept in `.base_path`. */
  readonly basePath?: string;
  readonly usersPerDirectory?: number;
  /** Recipients are checked by smtpd: chkrcptdomains. */
  readonly checkRecipients?: boolean;
}

/** A domain as the files have it. */
export interface DomainEntry {
  readonly domain: string;
  readonly uid: number;
  readonly gid: number;
  /** Its folder as users/assign has it. */
  readonly directory: string;
  /** For an alias domain the real one. */
  readonly aliasOf?: string;
}

/** The line of .qmail-default that hands the domain's mail to its users. */
export function deliveryLine(delivery: { readonly filter: boolean; readonly fallback: string }): string {
  return `| ${delivery.filter ? "/usr/sbin/vfilter" : "/usr/sbin/vdelivermail"} '' ${delivery.fallback}`;
}

/** The domains of one installation, for commands. */
export class DomainStore {
  /** The domains' entries in control files. */
  readonly control: DomainControl;
  readonly #disk: Disk;
  readonly #paths: Paths;

  constructor(disk: Disk, paths: Paths) {
    this.#disk = disk;
    this.#paths = paths;
    this.control = new DomainControl(disk, paths.control);
  }

  /** The folder of a domain that users/assign does not know yet. */
  directoryOf(domain: string, parent: string = this.#paths.domains): string {
    return `${parent}/${domain}`;
  }

  /** Runs `work` while no other command changes domains or users; waits for one that does, then says that it does. */
  async locked<T>(work: () => Promise<T>): Promise<T> {
    await this.#disk.mkdir(this.#paths.lib, { recursive: true });
    return await withFileLock(`${this.#paths.lib}/accounts.lock`, work);
  }

  /** All domains of users/assign, in the order of the file. */
  async list(): Promise<readonly DomainEntry[]> {
    return (await this.#assignments()).flatMap((one) => {
      const entry = this.#entryOf(one);
      return entry ? [entry] : [];
    });
  }

  /** One domain; undefined when users/assign does not know it. */
  async find(domain: string): Promise<DomainEntry | undefined> {
    const line = (await this.#assignments()).find((one) => one.kind === "prefix" && one.local === `${domain}-`);
    return line && this.#entryOf(line);
  }

  /** The names of a domain's alias domains. */
  async aliasesOf(domain: string): Promise<readonly string[]> {
    return (await this.list()).filter((entry) => entry.aliasOf === domain).map((entry) => entry.domain);
  }

  /** Whether mail for the domain is accepted already: the last step of adding. */
  async isComplete(domain: string): Promise<boolean> {
    return await this.find(domain) !== undefined && await this.control.has(domain);
  }

  /** First half: folder, .qmail-default and users/assign. Users can be added afterwards; no mail comes yet. */
  async prepare(domain: string, options: DomainOptions): Promise<DomainEntry> {
    const { uid, gid, basePath, usersPerDirectory } = options;
    const directory = this.directoryOf(domain, options.parent);
    const target = linkTarget(directory);
    if (target !== undefined) {
      throw new Permanent(`${directory} is the link of an alias domain of ${target}: remove that first (vdeldomain)`);
    }
    await this.#disk.mkdir(directory, { recursive: true, mode: FOLDER_MODE });
    const line = deliveryLine({ filter: options.filter ?? false, fallback: options.fallback });
    await writeLineFile(this.#disk, `${directory}/.qmail-default`, [line]);
    if (basePath !== undefined) await writeLineFile(this.#disk, `${directory}/.base_path`, [basePath]);
    if (usersPerDirectory !== undefined) {
      await writeLineFile(this.#disk, `${directory}/.users_per_level`, [String(usersPerDirectory)]);
    }
    await this.#own(directory, options);
    await this.assign(domainAssignment(domain, { uid, gid, home: directory }));
    return { domain, uid, gid, directory };
  }

  /** Second half: virtualdomains, then rcpthosts. */
  async activate(domain: string, options: { readonly checkRecipients?: boolean } = {}): Promise<void> {
    await this.control.add(domain, options);
  }

  /** No mail comes any more. */
  async deactivate(domain: string): Promise<void> {
    await this.control.remove(domain);
  }

  /** The rest, after deactivate: the folder with everything in it, then the line in users/assign. Not for alias domains. */
  async remove(domain: string): Promise<void> {
    const entry = await this.find(domain);
    await removeTree(this.#disk, entry?.directory ?? this.directoryOf(domain));
    await this.unassign(domain);
  }

  /**
   * Makes `alias` another name of a domain: .aliasdomains, a link, users/assign, then the control files
   * [man vaddaliasdomain.9]. Throws Permanent when either name is not what it must be.
   */
  async addAlias(alias: string, real: string): Promise<void> {
    const target = await this.find(real);
    if (!target || target.aliasOf !== undefined) throw new Permanent(`${real} is not a virtual domain of this host`);
    const there = await this.find(alias);
    const isOurs = there === undefined || there.aliasOf === real;
    if (!isOurs || await this.isComplete(alias)) throw new Permanent(`${alias} is a domain already`);
    await addLine(this.#disk, `${target.directory}/.aliasdomains`, alias);
    await this.linkAlias(alias, target.directory);
    await this.assign(domainAssignment(alias, { ...target, home: this.directoryOf(alias) }));
    await this.activate(alias);
  }

  /** Makes an alias domain's link lead to a folder; it is replaced at once, so there is always one. */
  async linkAlias(alias: string, directory: string): Promise<void> {
    const link = this.directoryOf(alias);
    const there = await this.#disk.lstat(link).catch(ignoreMissing);
    if (there && there.kind !== "link") throw new Permanent(`${link} is there and no link: move it away first`);
    const temporary = `${this.#paths.domains}/.${alias}.link`;
    await this.#disk.unlink(temporary).catch(ignoreMissing);
    await this.#disk.symlink(directory, temporary);
    await this.#disk.rename(temporary, link);
    await this.#disk.syncDirectory(this.#paths.domains);
  }

  /** The real domain of an alias domain, by its link: also of one that users/assign does not know (any more). */
  linkedDomain(alias: string): string | undefined {
    const target = linkTarget(this.directoryOf(alias));
    return target === alias ? undefined : target;
  }

  /** Removes an alias domain: control files, .aliasdomains, users/assign, and last the link that it is found by. */
  async removeAlias(alias: string): Promise<void> {
    await this.deactivate(alias);
    const real = (await this.find(alias))?.aliasOf ?? this.linkedDomain(alias);
    const target = real === undefined ? undefined : await this.find(real);
    if (target) await removeLines(this.#disk, `${target.directory}/.aliasdomains`, (line) => line === alias);
    await this.unassign(alias);
    await this.#disk.unlink(`${this.#paths.domains}/.${alias}.link`).catch(ignoreMissing);
    if (this.linkedDomain(alias) !== undefined) await this.#disk.unlink(this.directoryOf(alias));
  }

  /**
   * Lets mail that is in the queue under a domain's former name reach its users: a line in users/assign that leads to the
   * present folder. The former name is no domain any more: nothing is accepted for it, and any domain may take it.
   */
  async addFormerName(former: string, domain: DomainEntry): Promise<void> {
    const { directory, domain: user } = domain;
    await removeLines(this.#disk, `${directory}/${FORMER_NAMES_FILE}`, (line) => line === user);
    await addLine(this.#disk, `${directory}/${FORMER_NAMES_FILE}`, former);
    await this.assign({ ...domainAssignment(former, { ...domain, home: directory }), user });
  }

  /** The former names of a domain that still lead to its folder; `ledTo` where that had another name before. */
  async formerNamesOf(directory: string, ledTo: string = directory): Promise<readonly string[]> {
    const led = (await this.#assignments()).filter((one) => one.kind === "prefix" && one.home === ledTo);
    const names = new Set(formerNames(directory));
    return led.map((one) => one.local.slice(0, -1)).filter((name) => names.has(name));
  }

  #entryOf(assignment: Assignment): DomainEntry | undefined {
    const { kind, local, user, uid, gid, home } = assignment;
    const domain = local.slice(0, -1);
    // a virtual domain's folder is in one called domains, a system user's home is not
    if (kind !== "prefix" || !local.endsWith("-") || !/\/domains\/[^/]+$/.test(home)) return undefined;
    if (domain === "autoturn") return undefined;
    const target = linkTarget(home);
    const isNamed = user !== domain && home.endsWith(`/${user}`);
    if (isNamed && formerNames(home).includes(domain)) return undefined;
    const named = target ?? (isNamed ? user : undefined);
    const entry = { domain, uid, gid, directory: home };
    return named !== undefined && named !== domain ? { ...entry, aliasOf: named } : entry;
  }

  async #assignments(): Promise<Assignment[]> {
    const path = `${this.#paths.users}/assign`;
    const lines = await readLineFile(this.#disk, path);
    return lines ? parseAssign(`${lines.join("\n")}\n`, path) : [];
  }

  /** Puts a line into users/assign, in the place of one for the same local part, and compiles it. */
  async assign(assignment: Assignment): Promise<void> {
    const assignments = await this.#assignments();
    const others = assignments.filter((one) => one.kind !== assignment.kind || one.local !== assignment.local);
    await this.#writeAssign([...others, assignment]);
  }

  /** Puts many lines into users/assign at once, each in the place of one for the same local part. */
  async assignAll(added: readonly Assignment[]): Promise<void> {
    const keyOf = ({ kind, local }: Assignment) => `${kind} ${local}`;
    const replaced = new Set(added.map(keyOf));
    const others = (await this.#assignments()).filter((one) => !replaced.has(keyOf(one)));
    await this.#writeAssign([...others, ...added]);
  }

  /** Takes a domain out of users/assign. */
  async unassign(domain: string): Promise<void> {
    const assignments = await this.#assignments();
    const kept = assignments.filter((one) => !(one.kind === "prefix" && one.local === `${domain}-`));
    if (kept.length < assignments.length) await this.#writeAssign(kept);
  }

  /** The compiled file first: by the text the next call sees what is left to do. */
  async #writeAssign(assignments: readonly Assignment[]): Promise<void> {
    const lines = formatAssign(assignments).split("\n").slice(0, -1);
    await this.#disk.mkdir(this.#paths.users, { recursive: true });
    await writeCdb(this.#disk, `${this.#paths.users}/cdb`, usersCdbRecords(assignments));
    await writeLineFile(this.#disk, `${this.#paths.users}/assign`, lines);
  }

  async #own(directory: string, owner: { readonly uid: number; readonly gid: number }): Promise<void> {
    if (Deno.uid() !== 0) return;
    await this.#disk.chown(directory, owner.uid, owner.gid);
    for (const name of await this.#disk.readDirectory(directory)) {
      await this.#disk.chown(`${directory}/${name}`, owner.uid, owner.gid);
    }
  }
}

/** The names that a domain had before, by the file in its folder. */
function formerNames(directory: string): readonly string[] {
  try {
    return Deno.readTextFileSync(`${directory}/${FORMER_NAMES_FILE}`).split("\n");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** The name of the folder that a link points to; undefined when it is no link. */
function linkTarget(path: string): string | undefined {
  try {
    return Deno.readLinkSync(path).replace(/\/+$/, "").split("/").at(-1);
  } catch {
    return undefined; // a folder, or gone
  }
}

function ignoreMissing(error: unknown): undefined {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

/** Depth of folders above which a tree is not one of ours. */
const DEPTH_MAX = 64;

/** Removes a folder with everything in it; links are removed, not followed. A missing one is as good. */
export async function removeTree(disk: Disk, path: string, depth: number = DEPTH_MAX): Promise<void> {
  if (depth === 0) throw new Permanent(`${path} is more than ${DEPTH_MAX} folders deep: remove it by hand`);
  let names: string[];
  try {
    if ((await disk.lstat(path)).kind !== "directory") return await disk.unlink(path);
    names = await disk.readDirectory(path);
  } catch (error) {
    return ignoreMissing(error);
  }
  for (const name of names) await removeTree(disk, `${path}/${name}`, depth - 1);
  await disk.rmdir(path);
}
