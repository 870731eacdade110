/**
 * Adding and removing virtual domains: folder, users/assign, virtualdomains, rcpthosts [man vadddomain.9] [spec formats
 * 7]. Order: whatever makes mail be accepted comes last and goes first, each step may be repeated, so after a crash the
 * same command finishes the work.
 */
import { latin1Bytes } from "../../core/bytes.ts";
import { Permanent } from "../../core/errors.ts";
import type { Paths } from "../../core/paths.ts";
import { writeCdb } from "../cdb/writer.ts";
import type { Disk } from "../disk.ts";
import { withFileLock } from "../locks/file_lock.ts";
import { type Assignment, domainAssignment, formatAssign, parseAssign } from "../users/assign.ts";
import { compileUsers } from "../users/users_cdb.ts";
import { addLine, readLineFile, removeLines, writeLineFile } from "./line_file.ts";

/** Lines of rcpthosts above which new domains go to morercpthosts [man qmail-newmrh.9]. */
const RCPTHOSTS_LINES_MAX = 50;
const FOLDER_MODE = 0o750;

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

/** The domains of one installation, for commands. */
export class DomainStore {
  readonly #disk: Disk;
  readonly #paths: Paths;

  constructor(disk: Disk, paths: Paths) {
    this.#disk = disk;
    this.#paths = paths;
  }

  /** The folder of a domain that users/assign does not know yet. */
  directoryOf(domain: string, parent: string = this.#paths.domains): string {
    return `${parent}/${domain}`;
  }

  /** Runs `work` while no other command changes domains or users. */
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
    return (await this.list()).find((entry) => entry.domain === domain);
  }

  /** The names of a domain's alias domains. */
  async aliasesOf(domain: string): Promise<readonly string[]> {
    return (await this.list()).filter((entry) => entry.aliasOf === domain).map((entry) => entry.domain);
  }

  /** Whether mail for the domain is accepted already: the last step of adding. */
  async isComplete(domain: string): Promise<boolean> {
    if (!(await this.find(domain))) return false;
    const listed = async (name: string) => (await readLineFile(this.#disk, `${this.#paths.control}/${name}`)) ?? [];
    return (await listed("rcpthosts")).includes(domain) || (await listed("morercpthosts")).includes(domain);
  }

  /** First half: folder, .qmail-default and users/assign. Users can be added afterwards; no mail comes yet. */
  async prepare(domain: string, options: DomainOptions): Promise<DomainEntry> {
    const { uid, gid, basePath, usersPerDirectory } = options;
    const directory = this.directoryOf(domain, options.parent);
    await this.#disk.mkdir(directory, { recursive: true, mode: FOLDER_MODE });
    const program = options.filter ? "/usr/sbin/vfilter" : "/usr/sbin/vdelivermail";
    await writeLineFile(this.#disk, `${directory}/.qmail-default`, [`| ${program} '' ${options.fallback}`]);
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
    const { control } = this.#paths;
    await this.#notSystemUsers(domain);
    await addLine(this.#disk, `${control}/virtualdomains`, `${domain}:${domain}`);
    if (options.checkRecipients) await addLine(this.#disk, `${control}/chkrcptdomains`, domain);
    const hosts = await readLineFile(this.#disk, `${control}/rcpthosts`) ?? [];
    if (hosts.includes(domain)) return;
    if (hosts.length < RCPTHOSTS_LINES_MAX) await writeLineFile(this.#disk, `${control}/rcpthosts`, [...hosts, domain]);
    else if (await addLine(this.#disk, `${control}/morercpthosts`, domain)) await this.#compileMoreHosts();
  }

  /** Out of locals, which would win over virtualdomains; where that is missing it stands for `me`. */
  async #notSystemUsers(domain: string): Promise<void> {
    const { control } = this.#paths;
    const locals = await readLineFile(this.#disk, `${control}/locals`);
    const [me] = locals ? [] : await readLineFile(this.#disk, `${control}/me`) ?? [];
    if (me?.trim().toLowerCase() === domain) await writeLineFile(this.#disk, `${control}/locals`, []);
    else await removeLines(this.#disk, `${control}/locals`, (line) => line.trim().toLowerCase() === domain);
  }

  /** No mail comes any more: out of rcpthosts, morercpthosts, chkrcptdomains and virtualdomains. */
  async deactivate(domain: string): Promise<void> {
    const { control } = this.#paths;
    await removeLines(this.#disk, `${control}/rcpthosts`, (line) => line === domain);
    if (await removeLines(this.#disk, `${control}/morercpthosts`, (line) => line === domain) > 0) {
      await this.#compileMoreHosts();
    }
    await removeLines(this.#disk, `${control}/chkrcptdomains`, (line) => line === domain);
    await removeLines(this.#disk, `${control}/virtualdomains`, (line) => line.startsWith(`${domain}:`));
  }

  /** The rest: out of users/assign, and the folder (of an alias domain: the link). */
  async remove(domain: string): Promise<void> {
    const entry = await this.find(domain);
    const directory = entry?.directory ?? this.directoryOf(domain);
    const assignments = await this.#assignments();
    const kept = assignments.filter((one) => !(one.kind === "prefix" && one.local === `${domain}-`));
    if (kept.length < assignments.length) await this.#writeAssign(kept);
    if (entry?.aliasOf !== undefined) {
      await this.#unlisted(entry.aliasOf, domain);
      await this.#disk.unlink(`${this.#paths.domains}/${domain}`).catch(ignoreMissing);
    } else await removeTree(this.#disk, directory);
  }

  /** Makes `alias` another name of a domain: a link, users/assign, then both control files [man vaddaliasdomain.9]. */
  async addAlias(alias: string, real: string): Promise<void> {
    const target = await this.find(real);
    if (!target || target.aliasOf !== undefined) throw new Permanent(`${real} is not a virtual domain of this host`);
    if (await this.find(alias)) throw new Permanent(`${alias} is a domain already`);
    const link = `${this.#paths.domains}/${alias}`;
    await this.#disk.unlink(link).catch(ignoreMissing);
    await this.#disk.symlink(target.directory, link);
    await addLine(this.#disk, `${target.directory}/.aliasdomains`, alias);
    await this.assign(domainAssignment(alias, { ...target, home: link }));
    await this.activate(alias);
  }

  async #unlisted(real: string, alias: string): Promise<void> {
    const target = await this.find(real);
    if (target) await removeLines(this.#disk, `${target.directory}/.aliasdomains`, (line) => line === alias);
  }

  #entryOf(assignment: Assignment): DomainEntry | undefined {
    const { kind, local, user, uid, gid, home } = assignment;
    const domain = local.slice(0, -1);
    // a virtual domain's folder is in one called domains, a system user's home is not
    if (kind !== "prefix" || !local.endsWith("-") || !/\/domains\/[^/]+$/.test(home)) return undefined;
    if (domain === "autoturn") return undefined;
    const target = linkTarget(home);
    const named = target ?? (user !== domain && home.endsWith(`/${user}`) ? user : undefined);
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

  async #writeAssign(assignments: readonly Assignment[]): Promise<void> {
    await this.#disk.mkdir(this.#paths.users, { recursive: true });
    await writeLineFile(this.#disk, `${this.#paths.users}/assign`, formatAssign(assignments).split("\n").slice(0, -1));
    await compileUsers(this.#disk, this.#paths.users);
  }

  async #compileMoreHosts(): Promise<void> {
    const path = `${this.#paths.control}/morercpthosts`;
    const hosts = new Set((await readLineFile(this.#disk, path) ?? []).map((line) => line.trim().toLowerCase()));
    const keys = [...hosts].filter((host) => host !== "" && !host.startsWith("#"));
    await writeCdb(this.#disk, `${path}.cdb`, keys.map((host) => [latin1Bytes(host), new Uint8Array(0)] as const));
  }

  async #own(directory: string, owner: { readonly uid: number; readonly gid: number }): Promise<void> {
    if (Deno.uid() !== 0) return;
    await this.#disk.chown(directory, owner.uid, owner.gid);
    for (const name of await this.#disk.readDirectory(directory)) {
      await this.#disk.chown(`${directory}/${name}`, owner.uid, owner.gid);
    }
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

function ignoreMissing(error: unknown): void {
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
