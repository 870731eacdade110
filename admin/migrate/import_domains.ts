/**
 * Makes the domains of an exchange that are missing: folder and its files as they come, at the end users/assign, then mail
 * is accepted. Each step may be repeated.
 */
import { equalBytes } from "../../core/bytes.ts";
import { Permanent } from "../../core/errors.ts";
import type { Command } from "../../storage/accounts/command.ts";
import type { DomainEntry } from "../../storage/accounts/domain_store.ts";
import { openMailRoot } from "../../storage/accounts/mail_roots.ts";
import { checkDomainName, checkFolder } from "../../storage/accounts/names.ts";
import type { Row } from "../../storage/accounts/database.ts";
import { type Assignment, domainAssignment } from "../../storage/users/assign.ts";
import { domainRecords } from "./domain_records.ts";
import type { DomainRecord, FileRecord } from "./exchange_lines.ts";
import { HomeRoots } from "./home_roots.ts";
import type { ImportRules } from "./import_rows.ts";

const FOLDER_MODE = 0o750;
const FILE_MODE = 0o644;

/** What became of domains and their files. */
export interface DomainCounts {
  domains: number;
  aliases: number;
  files: number;
  replaced: number;
  left: number;
}

/** What DomainImporter works with. */
export interface DomainImportContext {
  readonly command: Command;
  readonly rules: ImportRules;
  readonly told: (place: string, text: string) => void;
}

/** A domain of this installation; one that this import makes has no record. */
interface DomainHere {
  readonly entry: DomainEntry;
  readonly record?: DomainRecord;
}

/** Takes domains and files as they come; `finish` after the rows. */
export class DomainImporter {
  readonly counts: DomainCounts = { domains: 0, aliases: 0, files: 0, replaced: 0, left: 0 };
  readonly #context: DomainImportContext;
  readonly #waiting: { readonly record: DomainRecord; readonly place: string }[] = [];
  readonly #here: Map<string, DomainHere>;
  /** Alias domains of this installation and their real ones. */
  readonly #aliases: ReadonlyMap<string, string>;
  /** Lines for users/assign. */
  readonly #assignments: Assignment[] = [];
  /** Folders that the roles must be let into. */
  readonly #roots: HomeRoots;

  private constructor(
    context: DomainImportContext,
    here: Map<string, DomainHere>,
    aliases: ReadonlyMap<string, string>,
  ) {
    this.#context = context;
    this.#roots = new HomeRoots(context.command.paths);
    this.#here = here;
    this.#aliases = aliases;
  }

  /** With what this installation has. */
  static async make(context: DomainImportContext): Promise<DomainImporter> {
    const { domains } = context.command;
    const aliases = (await domains.list()).flatMap(({ domain, aliasOf }) =>
      aliasOf ? [[domain, aliasOf] as const] : []
    );
    return new DomainImporter(context, await domainRecords(domains), new Map(aliases));
  }

  /** Takes a domain. Throws Permanent when its line can be of no domain. */
  async domain(record: DomainRecord, place: string): Promise<void> {
    checkRecord(record);
    const { command } = this.#context;
    const { name, uid, gid } = record;
    this.#waiting.push({ record, place });
    const here = this.#here.get(name);
    if (here) return this.#compare(record, here, place);
    if (this.#aliases.has(name)) throw new Permanent(`${name} is an alias domain here: remove that first`);
    const directory = record.directory ?? command.domains.directoryOf(name);
    const entry = { domain: name, uid, gid, directory };
    this.counts.domains++;
    this.#here.set(name, { entry });
    if (this.#context.rules.dryRun) return;
    if (record.directory !== undefined) await openMailRoot(command, parentOf(record.directory));
    await command.disk.mkdir(directory, { recursive: true, mode: FOLDER_MODE });
    if (Deno.uid() === 0) await command.disk.chown(directory, uid, gid);
    this.#assignments.push(domainAssignment(name, { uid, gid, home: directory }));
  }

  #compare(record: DomainRecord, here: DomainHere, place: string): void {
    const { name, uid, gid, directory } = record;
    if (!here.record) throw new Permanent(`domain ${name} comes twice`);
    if (directory !== here.record.directory) {
      this.#left(place, `domain ${name} differs: its folder is ${here.entry.directory} here, and stays there`);
    }
    if (uid === here.entry.uid && gid === here.entry.gid) return;
    if (this.#context.rules.differing !== "replace") {
      return this.#left(place, `domain ${name} differs: uid ${here.entry.uid}, gid ${here.entry.gid} here`);
    }
    this.counts.replaced++;
    if (this.#context.rules.dryRun) return;
    this.#assignments.push(domainAssignment(name, { uid, gid, home: here.entry.directory }));
  }

  #left(place: string, text: string): void {
    this.counts.left++;
    this.#context.told(place, text);
  }

  /** Takes a file of a domain's folder. Throws Permanent when the domain is unknown. */
  async file({ domain, name, bytes }: FileRecord, place: string): Promise<void> {
    const here = this.#here.get(domain);
    if (!here) throw new Permanent(`there is no domain ${JSON.stringify(domain)}, neither here nor before this line`);
    const { command: { disk }, rules } = this.#context;
    const path = `${here.entry.directory}/${name}`;
    if (name === ".base_path") this.#roots.add(new TextDecoder().decode(bytes).split("\n", 1)[0] ?? "");
    const before = await disk.readFile(path).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
    if (before && equalBytes(before, bytes)) return;
    if (before && rules.differing !== "replace") return this.#left(place, `file ${path} differs`);
    if (before) this.counts.replaced++;
    else this.counts.files++;
    if (rules.dryRun) return;
    const file = await disk.open(`${path}.new`, { write: true, create: true, truncate: true, mode: FILE_MODE });
    try {
      await file.append(bytes);
      await file.sync({ metadata: true });
    } finally {
      file.close();
    }
    if (Deno.uid() === 0) await disk.chown(`${path}.new`, here.entry.uid, here.entry.gid);
    await disk.rename(`${path}.new`, path);
    await disk.syncDirectory(here.entry.directory);
  }

  /** Takes note of where a user's home is. */
  home(row: Row): void {
    this.#roots.note(row);
  }

  /** After the rows: opens the fences for folders outside, then mail is accepted, then alias domains are made. */
  async finish(): Promise<void> {
    const { command: { domains }, rules, told } = this.#context;
    const accepted = this.#waiting.filter(({ record }) => record.accepted).map(({ record }) => record);
    const activated = accepted.filter(({ name, checkRecipients }) => {
      const before = this.#here.get(name)?.record;
      return !before?.accepted || (checkRecipients && !before.checkRecipients);
    });
    if (!rules.dryRun) {
      await this.#roots.open(this.#context.command, (text) => told("control/mailroots", text));
      if (this.#assignments.length > 0) await domains.assignAll(this.#assignments);
      await domains.control.addAll(activated.map(({ name, ...record }) => ({ ...record, domain: name })));
    }
    const complete = await domains.control.accepted();
    for (const { record, place } of this.#waiting) await this.#makeAliases(record, place, complete);
  }

  async #makeAliases(
    { name, accepted, aliases }: DomainRecord,
    place: string,
    complete: ReadonlySet<string>,
  ): Promise<void> {
    const { command: { domains }, rules } = this.#context;
    for (const alias of aliases) {
      const real = this.#aliases.get(alias) ?? (this.#here.has(alias) ? alias : undefined);
      if (!accepted) this.#left(place, `domain ${name} accepts no mail, so its alias domain ${alias} is not made`);
      else if (real !== undefined && real !== name) {
        this.#left(
          place,
          `alias domain ${alias} of ${name}: here it is ${real === alias ? "a domain" : `one of ${real}`}`,
        );
      } else if (real === undefined || !complete.has(alias)) {
        this.counts.aliases++;
        if (!rules.dryRun) await domains.addAlias(alias, name);
      }
    }
  }
}

function checkRecord({ name, directory, aliases }: DomainRecord): void {
  for (const one of [name, ...aliases]) {
    if (checkDomainName(one) !== one) throw new Permanent(`domain ${one} is not in lower case`);
  }
  if (directory === undefined) return;
  if (checkFolder("directory", directory) !== directory || !directory.endsWith(`/domains/${name}`)) {
    throw new Permanent(`directory ${JSON.stringify(directory)} does not end in /domains/${name}`);
  }
}

function parentOf(folder: string): string {
  return folder.slice(0, folder.lastIndexOf("/"));
}
