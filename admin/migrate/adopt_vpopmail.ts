/**
 * Adopts the domains of a vpopmail installation where they are: rows into our database, users/assign and control files here;
 * in vpopmail's own folders nothing is changed but files that it does not know are added. Mail stays where it is.
 */
import { accountByName } from "../../core/libc/account.ts";
import { Permanent } from "../../core/errors.ts";
import { pathExists } from "../../core/path_exists.ts";
import type { Command } from "../../storage/accounts/command.ts";
import { checkDomainName } from "../../storage/accounts/names.ts";
import { DOMAIN_LIMITS_FILE } from "../../storage/accounts/domains/limit_checks.ts";
import { writeLineFile } from "../../storage/accounts/line_file.ts";
import { readFallback } from "../../storage/accounts/virtual_domains.ts";
import { domainAssignment } from "../../storage/users/assign.ts";
import { mechanismSteps } from "./adopt_mechanisms.ts";
import type { AdoptContext, BadLine, Found, Step } from "./adopt_types.ts";
import { giveTree } from "./give_tree.ts";
import { HomeRoots } from "./home_roots.ts";
import { type ImportRules, RowImporter } from "./import_rows.ts";
import { namesIn, readText } from "./qmail_files.ts";
import { foldersWithDovecotUids, takeDovecotUids } from "./uid_lists.ts";
import { domainRows } from "./vpopmail_rows.ts";
import type { VpopmailDomain, VpopmailSource } from "./vpopmail_source.ts";

/** Bad lines that are kept for the report. */
const BAD_MAX = 1000;
/** Account of our server, which must be able to write the mail. */
const OWNER = "indimail";

/** What a domain has. */
interface DomainLook {
  readonly facts: string[];
  readonly bad: BadLine[];
  users: number;
  /** Users with nothing but a hash. */
  hashOnly: number;
  added: number;
}

/** What is there and what is to be done. */
export async function lookAtVpopmail(context: AdoptContext, source: VpopmailSource): Promise<Found> {
  const { options, state } = context;
  const wanted = source.domains.filter(({ name }) => options.domains.length === 0 || options.domains.includes(name));
  const unknown = options.domains.find((name) => !source.domains.some((domain) => domain.name === name));
  if (unknown !== undefined) throw new Permanent(`${unknown} is no domain of the vpopmail in ${source.folder}`);
  const facts = [`vpopmail in ${source.folder}: ${source.domains.length} domains`];
  const [bad, steps]: [BadLine[], Step[]] = [[], []];
  let hashOnly = 0;
  for (const domain of wanted) {
    const part = `vpopmail ${source.folder} ${domain.name}`;
    if (state.has(part) && !options.again) {
      facts.push(`${domain.name}: adopted before`);
      continue;
    }
    const look = await lookAtDomain(context, source, domain);
    facts.push(...look.facts.map((fact) => `${domain.name}: ${fact}`));
    bad.push(...look.bad.slice(0, BAD_MAX - bad.length));
    if (look.users < 0) continue;
    hashOnly += look.hashOnly;
    steps.push({
      text: `adopt ${domain.name}: ${look.added} rows, ${whereOf(domain)}, folder ${domain.directory}`,
      async run() {
        const done = await adoptDomain(context, source, domain);
        await state.note(part, Math.floor(context.nowMs() / 1000));
        return done;
      },
    });
  }
  return { facts, bad, steps: [...mechanismSteps(context.command, hashOnly), ...steps] };
}

function whereOf({ users }: VpopmailDomain): string {
  return users.kind === "mysql"
    ? `users in table ${users.table}`
    : users.kind === "none"
    ? "no users"
    : `users in ${users.path}`;
}

/** users: -1 when the domain cannot be adopted. */
async function lookAtDomain(
  context: AdoptContext,
  source: VpopmailSource,
  domain: VpopmailDomain,
): Promise<DomainLook> {
  const { command } = context;
  const look: DomainLook = { facts: [], bad: [], users: 0, hashOnly: 0, added: 0 };
  const refused = await conflict(command, domain);
  if (refused !== undefined) return { ...look, facts: [`not adopted: ${refused}`], users: -1 };
  const importer = importerOf(context, { differing: "keep", dryRun: true }, look.bad);
  const counts: Record<string, number> = {};
  let noPassword = 0;
  for await (const item of domainRows(source, domain, rowOptions(context))) {
    if (item.kind === "bad") {
      look.bad.push(item.bad);
      continue;
    }
    if (item.table.name === "indimail") {
      look.users++;
      if (item.row["pw_passwd"] === "") noPassword++;
      else if (item.row["scram"] === null) look.hashOnly++;
    }
    for (const note of item.notes) counts[note] = (counts[note] ?? 0) + 1;
    const full = importer.add(item.table, item.row, item.place);
    if (full) await full;
  }
  await importer.flush();
  look.added = importer.counts.added;
  look.facts.push(`${look.users} users, ${whereOf(domain)}; owner ${domain.uid}:${domain.gid}`);
  if (domain.aliases.length > 0) look.facts.push(`alias domains ${domain.aliases.join(" ")}`);
  for (const alias of await takenAliases(command, domain)) {
    look.facts.push(`alias domain ${alias} is another domain here, and stays that`);
  }
  if (!domain.accepted) look.facts.push("not in rcpthosts there, so mail for it is not accepted here either");
  if (noPassword > 0) look.facts.push(`${noPassword} users have no password and cannot log in`);
  if (counts["flags"]) {
    look.facts.push(`${counts["flags"]} users have flags for SpamAssassin or maildrop, which say nothing here`);
  }
  if (counts["gecos"]) look.facts.push(`${counts["gecos"]} comments are cut to 48 characters`);
  if (counts["limits"]) look.facts.push("its limits are read and put in force");
  look.facts.push(...handlingFacts(domain), ...ownerFacts(context, domain));
  return look;
}

async function conflict(command: Command, domain: VpopmailDomain): Promise<string | undefined> {
  try {
    checkDomainName(domain.name);
  } catch (error) {
    if (error instanceof Permanent) return error.message;
    throw error;
  }
  const there = await command.domains.find(domain.name);
  if (there?.aliasOf !== undefined) return `it is an alias domain of ${there.aliasOf} here`;
  if (there && there.directory !== homeOf(command, domain)) {
    return `there is a domain of that name in ${there.directory}`;
  }
  if (!pathExists(domain.directory)) return `its folder ${domain.directory} is not there`;
  if (!domain.directory.endsWith(`/${domain.name}`)) return `its folder ${domain.directory} has another name`;
  return undefined;
}

/** Alias domains that are something else here, or no names. */
async function takenAliases({ domains }: Command, { name, aliases }: VpopmailDomain): Promise<string[]> {
  const taken: string[] = [];
  for (const alias of aliases) {
    const there = await domains.find(alias);
    if (there && there.aliasOf !== name) taken.push(alias);
  }
  return taken;
}

/** The folder as users/assign is to have it: below a folder `domains`, or a link there (vpopmail may have `domains/0/`). */
function homeOf({ domains }: Command, { name, directory }: VpopmailDomain): string {
  return directory.endsWith(`/domains/${name}`) ? directory : domains.directoryOf(name);
}

/** What the files of a domain's folder do with its mail. */
function handlingFacts({ directory }: VpopmailDomain): string[] {
  const facts: string[] = [];
  if (readFallback(directory) === undefined) {
    facts.push(
      `${directory}/.qmail-default does not run vdelivermail: its mail goes on as that file says, and its users cannot log ` +
        "in until it does (vmoddomain -h)",
    );
  }
  const files = namesIn(directory).filter((name) => /^\.qmail-./.test(name) && name !== ".qmail-default");
  if (files.length > 0) facts.push(`${files.length} files .qmail-NAME go on working as they are`);
  const programs = new Set<string>();
  for (const name of files) {
    for (const [, program = ""] of readText(`${directory}/${name}`).matchAll(/^\|\s*(\/[^\s;|&]+)/gm)) {
      if (!pathExists(program)) programs.add(program);
    }
  }
  if (programs.size > 0) facts.push(`they run programs that are not on this host: ${[...programs].sort().join(" ")}`);
  return facts;
}

/** Whether our server can write what belongs to vpopmail. */
function ownerFacts({ options }: AdoptContext, { uid, directory }: VpopmailDomain): string[] {
  const own = Deno.uid();
  const account = own === 0 ? accountByName(OWNER) : undefined;
  const writer = own === 0 ? account?.uid : own;
  if (writer === undefined || writer === uid || options.takeOwnership) return [];
  return [
    `the mail belongs to uid ${uid}, and a server under the account ${account?.name ?? writer} has uid ${writer}: ` +
    `give that account the uid ${uid}, or ${directory} to it (--chown)`,
  ];
}

function rowOptions({ options, nowMs }: AdoptContext) {
  return { keepClearText: options.keepClearText, seconds: Math.floor(nowMs() / 1000) };
}

function importerOf({ command }: AdoptContext, rules: ImportRules, bad: BadLine[]): RowImporter {
  const { database, tables: names } = command.accounts;
  return new RowImporter({ database, names, rules, told: (place, text) => void bad.push({ place, text }) });
}

/** Mail is accepted last; a crash before that is repaired by the same call. */
async function adoptDomain(context: AdoptContext, source: VpopmailSource, domain: VpopmailDomain): Promise<string> {
  const { command, options } = context;
  const { name, directory } = domain;
  const refused: BadLine[] = [];
  const importer = importerOf(context, { differing: "keep", dryRun: false }, refused);
  const roots = new HomeRoots(command.paths);
  roots.add(directory.slice(0, directory.lastIndexOf("/")));
  let [limits, uids] = [false, 0];
  const owner = options.takeOwnership ? accountByName(OWNER) ?? domain : domain;
  for await (const item of domainRows(source, domain, rowOptions(context))) {
    if (item.kind === "bad") continue;
    limits ||= item.table.name === "vlimits";
    if (item.table.name === "indimail") {
      roots.note(item.row);
      const home = String(item.row["pw_dir"]);
      for (const folder of foldersWithDovecotUids(`${home}/Maildir`)) {
        if (await takeDovecotUids(command.disk, folder)) uids++;
      }
      if (options.takeOwnership && !home.startsWith(`${directory}/`)) await giveTree(command.disk, home, owner);
    }
    const full = importer.add(item.table, item.row, item.place);
    if (full) await full;
  }
  await importer.flush();
  if (limits) await writeLineFile(command.disk, `${directory}/${DOMAIN_LIMITS_FILE}`, []);
  if (options.takeOwnership) await giveTree(command.disk, directory, owner);
  const told: string[] = [];
  await roots.open(command, (text) => told.push(text));
  await accept(command, domain, owner);
  const { added, left, same } = importer.counts;
  const here = left + same;
  return [
    `${name}: ${added} rows${here > 0 ? `, ${here} were here already` : ""}`,
    ...(uids > 0 ? [`UIDs of ${uids} folders taken from Dovecot`] : []),
    ...refused.map(({ place, text }) => `${place}: ${text}`),
    ...told,
  ].join("; ");
}

async function accept(
  command: Command,
  domain: VpopmailDomain,
  owner: { readonly uid: number; readonly gid: number },
): Promise<void> {
  const { domains } = command;
  const home = homeOf(command, domain);
  if (home !== domain.directory) {
    await command.disk.mkdir(command.paths.domains, { recursive: true });
    await domains.linkAlias(domain.name, domain.directory);
  }
  await domains.assign(domainAssignment(domain.name, { uid: owner.uid, gid: owner.gid, home }));
  if (!domain.accepted) return;
  await domains.activate(domain.name);
  const taken = await takenAliases(command, domain);
  for (const alias of domain.aliases.filter((name) => !taken.includes(name))) {
    if (!await domains.isComplete(alias)) await domains.addAlias(alias, domain.name);
  }
}
